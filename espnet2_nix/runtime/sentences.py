"""Where a text may be cut before it is read out, so that speech can begin before the whole text was looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator

SENTENCE_ENDS = frozenset(".?!")
LONGEST_STRETCH = 300  # characters that are looked at together
# A mark, closing quotes or brackets, then a blank: not the point of 3.5, nor that of an address. Or the end of a line.
_SENTENCE_END = re.compile(r"""[.?!…。？！]+["'”’)\]」』〉》]*\s+|\n+""")
_BLANK = re.compile(r"\s+")


def split_sentences(text: str) -> Iterator[str]:
    """Cuts a text after its sentences, and a sentence of more than 300 characters at a blank.

    Args:
        text: Any text.

    Yields:
        Parts of it in order, of 301 characters at most; joined, they are the text.
    """
    start = 0
    while start < len(text):
        # One character more, so that a blank that stands just after the stretch counts.
        end = _SENTENCE_END.search(text, start, start + LONGEST_STRETCH + 1)
        if end is not None:
            stop = end.end()
        elif len(text) - start <= LONGEST_STRETCH:
            stop = len(text)
        else:
            blanks = list(_BLANK.finditer(text, start + LONGEST_STRETCH // 2, start + LONGEST_STRETCH + 1))
            stop = blanks[-1].end() if blanks else start + LONGEST_STRETCH
        yield text[start:stop]
        start = stop
