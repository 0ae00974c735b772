"""Tokens of the text front-end as Kaldi tables hold them, and what makes a text unusable."""

from __future__ import annotations

from collections.abc import Iterable

from espnet2_nix.data.errors import DataError
from espnet2_nix.text import tokenize, unknown_symbols

SPACE = "<space>"


class UnusableText(DataError):
    """A text that has no tokens or would lose characters; the message is the reason for the report."""


def to_tokens(text: str, g2p: str) -> list[str]:
    """Tokenises a text or refuses it.

    Args:
        text: Korean text; blanks at its ends and repeated blanks do not count.
        g2p: Name of a front-end.

    Returns:
        Tokens, `<space>` for a blank, at least one that is not `<space>`.

    Raises:
        UnusableText: The front-end cannot read some characters (they are named), or nothing is left to say.
        UserError: There is no such front-end.
    """
    text = " ".join(text.split())
    unknown = unknown_symbols(text, g2p)
    tokens = collapse_spaces(tokenize(text, g2p))
    if unknown:
        named = " ".join(f"{symbol} (U+{ord(symbol[0]):04X})" for symbol in unknown)
        raise UnusableText(f"front-end {g2p} cannot read: {named}")
    if not tokens:
        raise UnusableText(f"no tokens left of {text!r} with front-end {g2p}")
    return tokens


def collapse_spaces(tokens: Iterable[str]) -> list[str]:
    """Removes `<space>` at both ends and repeated ones."""
    collapsed: list[str] = []
    for token in tokens:
        token = SPACE if token == " " else token
        if token != SPACE or (collapsed and collapsed[-1] != SPACE):
            collapsed.append(token)
    if collapsed and collapsed[-1] == SPACE:
        collapsed.pop()
    return collapsed
