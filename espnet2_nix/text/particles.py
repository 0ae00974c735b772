"""Particles that follow a noun or a reading: told apart from other words, and made to agree with the sound before them."""

from __future__ import annotations

import re
from collections.abc import Callable

from espnet2_nix.text.data import word_list
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.syllables import final_of

_ANY = "|".join(word_list("lists.tsv", "particles"))
_PAIRS = {
    form: pair for pair in (("을", "를"), ("은", "는"), ("과", "와"), ("으로", "로")) for form in pair
}  # after a closed syllable, after an open one
_SIMPLE = Lazy(rf"({'|'.join(sorted(_PAIRS, key=len, reverse=True))})(?![가-힣])")
_CLOSING = Lazy(rf"(?:{_ANY})[가-힣]{{0,3}}(?![가-힣])")
WORD_END = rf"(?:들)?(?:(?:{_ANY})|인|하[가-힣]{{0,4}}|한|할|해[가-힣]{{0,3}}|했[가-힣]{{0,3}}|된[가-힣]{{0,4}}|됐[가-힣]{{0,4}}|되[가-힣]{{0,4}}|돼[가-힣]{{0,4}})?(?![가-힣])"
"""Regular expression of what may stand between a noun and the end of its word: nothing, a particle, 하다 or 되다."""


def is_particle(text: str, position: int = 0) -> bool:
    """Tells whether a particle or a form of the copula that closes its word stands at a position of a text."""
    return _CLOSING.match(text, position) is not None


def agree(reading: str, text: str, position: int = 0) -> tuple[str, int]:
    """Makes a particle written after a figure or a letter agree with how that is read.

    Only 을/를, 은/는, 과/와 and 으로/로 are changed, and only where they close their word; 이 and 가 begin too many
    other words.

    Args:
        reading: Hangul reading of what stands before.
        text: A text.
        position: Where in it the particle would begin.

    Returns:
        The particle to say (empty when there is none to change) and how many characters of the text it replaces.
    """
    match = _SIMPLE.match(text, position)
    if match is None or not reading:
        return "", 0
    closed, is_open = _PAIRS[match[1]]
    final = final_of(reading[-1])
    takes_open = final == " " or (final == "ㄹ" and closed == "으로")
    return (is_open if takes_open else closed), len(match[1])


def substitute(pattern: re.Pattern[str] | Lazy, text: str, read: Callable[[re.Match[str]], str | None]) -> str:
    """Replaces what a pattern finds by its reading and makes a particle right after it agree.

    Args:
        pattern: What to look for.
        text: A text.
        read: Gives the reading of a match, or None to leave it as it is.

    Returns:
        The text with readings.
    """
    out, position = [], 0
    for match in pattern.finditer(text):
        if match.start() < position:
            continue
        reading = read(match)
        if reading is None:
            continue
        particle, used = agree(reading.rstrip(), text, match.end())
        out += [text[position : match.start()], reading, particle]
        position = match.end() + used
    return "".join(out) + text[position:]
