"""Particles that follow a reading: told apart from other words, and made to agree with the sound before them."""

from __future__ import annotations

import re

from espnet2_nix.text.syllables import final_of

PARTICLE = (
    r"(?:(?:이라고|라고|이라는|라는|이라면|라면|이라도|라도|이라서|라서|이라|라|입니다|입니까|이에요|예요|이었|였|이다|"
    r"이고|이며|이면|이지|이야|이나|이랑|이란|인데|인지|이든|이든지|이죠|이요|까지|부터|에서|에게|에는|에도|에만|에|으로|로|"
    r"은커녕|는커녕|은|는|을|를|이|가|과|와|의|도|만|보다|처럼|마다|조차|밖에|뿐|께서|께|한테|하고|나|든|든지|랑|며|면|야|요|다|"
    r"쯤|씩|당|여)(?:[가-힣]{0,3}))"
)
_SIMPLE = re.compile(r"(을|를|은|는|과|와|으로|로)(?![가-힣])")
_ATTACHED = re.compile(PARTICLE + r"(?![가-힣])")
_PAIRS = {
    "을": ("을", "를"),
    "를": ("을", "를"),
    "은": ("은", "는"),
    "는": ("은", "는"),
    "과": ("과", "와"),
    "와": ("과", "와"),
    "으로": ("으로", "로"),
    "로": ("으로", "로"),
}


def is_particle(rest: str) -> bool:
    """Tells whether a text begins with a particle or a form of the copula that closes its word."""
    return _ATTACHED.match(rest) is not None


def agree(reading: str, rest: str) -> tuple[str, int]:
    """Makes a particle written after a figure or a letter agree with how that is read.

    Only 을/를, 은/는, 과/와 and 으로/로 are changed, and only where they close their word; 이 and 가 begin too many
    other words.

    Args:
        reading: Hangul reading of what stands before.
        rest: Text after it.

    Returns:
        The particle to say (empty when there is none to change) and how many characters of `rest` it replaces.
    """
    match = _SIMPLE.match(rest)
    if match is None or not reading:
        return "", 0
    closed, is_open = _PAIRS[match[1]]
    final = final_of(reading[-1])
    takes_open = final == " " or (final == "ㄹ" and closed == "으로")
    return (is_open if takes_open else closed), match.end()
