"""Particles that follow a noun or a reading: told apart from other words, and made to agree with the sound before them."""

from __future__ import annotations

import re

from espnet2_nix.text.syllables import final_of

PARTICLES = (
    # the copula
    "이라고 라고 이라는 라는 이라면 라면 이라도 라도 이라서 라서 이라 라 입니다 입니까 이에요 예요 이었 였 이다 이고 이며 이면 이지 이야 "
    "이나 이랑 이란 인데 인지 이든지 이든 이죠 이요 "
    # of case and of place
    "까지 부터 에서 에게 에는 에도 에만 에 으로 로 은커녕 는커녕 은 는 을 를 이 가 과 와 의 "
    # of degree and of listing
    "도 만 보다 처럼 마다 조차 밖에 뿐 께서 께 한테 하고 나 든지 든 랑 며 면 야 요 다 쯤 씩 당 여"
).split()
_ANY = "|".join(PARTICLES)
_PAIRS = {
    form: pair for pair in (("을", "를"), ("은", "는"), ("과", "와"), ("으로", "로")) for form in pair
}  # after a closed syllable, after an open one
_SIMPLE = re.compile(rf"({'|'.join(sorted(_PAIRS, key=len, reverse=True))})(?![가-힣])")
_CLOSING = re.compile(rf"(?:{_ANY})[가-힣]{{0,3}}(?![가-힣])")
WORD_END = rf"(?:들)?(?:(?:{_ANY})|하[가-힣]{{0,4}}|한|할|해[가-힣]{{0,3}}|했[가-힣]{{0,3}}|된[가-힣]{{0,4}}|됐[가-힣]{{0,4}}|되[가-힣]{{0,4}}|돼[가-힣]{{0,4}})?(?![가-힣])"
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
