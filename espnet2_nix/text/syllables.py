"""Hangul syllables as numbers: code = (initial * 21 + medial) * 28 + final."""

from __future__ import annotations

from functools import cache

BASE = 0xAC00
FINAL_COUNT = 28
INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
MEDIALS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
TENSE = {"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"}


_INITIAL_CODES = {initial: index * 588 for index, initial in enumerate(INITIALS)}
_MEDIAL_CODES = {medial: index * FINAL_COUNT for index, medial in enumerate(MEDIALS)}
_FINAL_CODES = {final: index for index, final in enumerate(FINALS)}


def is_syllable(char: str) -> bool:
    """Tells whether a character is a precomposed Hangul syllable."""
    return "가" <= char <= "힣"


@cache
def split(syllable: str) -> tuple[str, str, str]:
    """Takes a syllable apart.

    Args:
        syllable: One precomposed Hangul syllable.

    Returns:
        Initial, medial and final as compatibility jamo; the final of an open syllable is a space.
    """
    code = ord(syllable) - BASE
    return INITIALS[code // 588], MEDIALS[code // FINAL_COUNT % 21], FINALS[code % FINAL_COUNT]


def join(initial: str, medial: str, final: str = " ") -> str:
    """Puts a syllable together: the inverse of `split`."""
    return chr(BASE + _INITIAL_CODES[initial] + _MEDIAL_CODES[medial] + _FINAL_CODES[final])


def final_of(char: str) -> str:
    """Gives the final of a character as compatibility jamo; a space for open syllables and everything else."""
    return FINALS[(ord(char) - BASE) % FINAL_COUNT] if is_syllable(char) else " "


def with_initial(syllable: str, initial: str) -> str:
    """Exchanges the initial of a syllable."""
    _, medial, final = split(syllable)
    return join(initial, medial, final)


def tense(syllable: str) -> str:
    """Makes the initial of a syllable tense where it has a tense counterpart."""
    if not is_syllable(syllable):
        return syllable
    initial, medial, final = split(syllable)
    return join(TENSE.get(initial, initial), medial, final)
