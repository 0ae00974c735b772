"""Hanja read in Korean: by word, by character, with the initial-sound rule (두음법칙)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from espnet2_nix.text.data import read_rows
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.syllables import final_of, is_syllable, split, with_initial

HANJA = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_CHARACTER = Lazy(f"[{HANJA}]")
_RUN = Lazy(f"[{HANJA}]+")
_GLOSS = Lazy(rf"([가-힣]{{1,12}})\s?\(\s*([{HANJA}]+)\s*\)")
_IOTIZED = "ㅑㅕㅖㅛㅠㅣ"


@cache
def _readings() -> dict[str, str]:
    return {char: reading for reading, chars in read_rows("hanja.tsv", 2) for char in chars}


@cache
def _words() -> dict[str, str]:
    return {unicodedata.normalize("NFC", word): reading for word, reading in read_rows("hanja_words.tsv", 2)}


def is_hanja(char: str) -> bool:
    """Tells whether a character is a Han character."""
    return _CHARACTER.match(char) is not None


def has_reading(char: str) -> bool:
    """Tells whether a Han character is in the table; canonical variants count as what they compose to."""
    return unicodedata.normalize("NFC", char) in _readings()


def initial_sound(syllable: str) -> str:
    """Applies the initial-sound rule to a syllable at the front of a word: 녀 -> 여, 래 -> 내, 력 -> 역."""
    initial, medial, _ = split(syllable)
    if initial in "ㄴㄹ" and medial in _IOTIZED:
        return with_initial(syllable, "ㅇ")
    return with_initial(syllable, "ㄴ") if initial == "ㄹ" else syllable


def read_hanja(run: str, before: str = "") -> str:
    """Reads a run of Han characters as a word.

    Args:
        run: Han characters; those without a reading become a space.
        before: Hangul right before the run; the initial-sound rule applies only when it is empty.

    Returns:
        Hangul.
    """
    words, readings = _words(), _readings()
    out = before
    position = 0
    while position < len(run):
        for length in range(min(4, len(run) - position), 1, -1):
            word = words.get(run[position : position + length])
            if word:
                break
        else:
            length, word = 1, readings.get(run[position], " ")
            word = initial_sound(word) if word != " " and not out.strip() else _inside(word, out)
        out += word
        position += length
    return out[len(before) :]


def _inside(syllable: str, before: str) -> str:
    """렬 and 률 lose their ㄹ after a vowel or ㄴ, wherever they stand."""
    if syllable in ("렬", "률") and before and final_of(before[-1]) in " ㄴ":
        return with_initial(syllable, "ㅇ")
    return syllable


def read_all(text: str) -> str:
    """Replaces the Han characters of a text by their readings.

    A gloss that repeats the word before it, as in 한국(韓國), is left out.
    """

    def gloss(match: re.Match[str]) -> str:
        reading = read_hanja(match[2])
        return match[1] if match[1].endswith(reading) else match[0]

    def run(match: re.Match[str]) -> str:
        before = text[match.start() - 1] if match.start() else ""
        return read_hanja(match[0], before if before and is_syllable(before) else "")

    text = _GLOSS.sub(gloss, text)
    return _RUN.sub(run, text)
