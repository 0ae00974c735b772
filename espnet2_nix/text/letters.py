"""Jamo and Greek letters that stand alone: laughter and tears dropped, letters called by their names."""

from __future__ import annotations

import re

from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.particles import agree, is_particle

JAMO_NAMES = {
    "ㄱ": "기역", "ㄲ": "쌍기역", "ㄴ": "니은", "ㄷ": "디귿", "ㄸ": "쌍디귿", "ㄹ": "리을", "ㅁ": "미음", "ㅂ": "비읍",
    "ㅃ": "쌍비읍", "ㅅ": "시옷", "ㅆ": "쌍시옷", "ㅇ": "이응", "ㅈ": "지읒", "ㅉ": "쌍지읒", "ㅊ": "치읓", "ㅋ": "키읔",
    "ㅌ": "티읕", "ㅍ": "피읖", "ㅎ": "히읗", "ㄳ": "기역시옷", "ㄵ": "니은지읒", "ㄶ": "니은히읗", "ㄺ": "리을기역",
    "ㄻ": "리을미음", "ㄼ": "리을비읍", "ㄽ": "리을시옷", "ㄾ": "리을티읕", "ㄿ": "리을피읖", "ㅀ": "리을히읗",
    "ㅄ": "비읍시옷",
    "ㅏ": "아", "ㅐ": "애", "ㅑ": "야", "ㅒ": "얘", "ㅓ": "어", "ㅔ": "에", "ㅕ": "여", "ㅖ": "예", "ㅗ": "오",
    "ㅘ": "와", "ㅙ": "왜", "ㅚ": "외", "ㅛ": "요", "ㅜ": "우", "ㅝ": "워", "ㅞ": "웨", "ㅟ": "위", "ㅠ": "유",
    "ㅡ": "으", "ㅢ": "의", "ㅣ": "이",
}  # fmt: skip
CHAT = {
    "ㄱㅅ": "감사",
    "ㅊㅋ": "축하",
    "ㅇㅋ": "오케이",
    "ㄴㄴ": "노노",
    "ㅇㅇ": "응응",
    "ㄱㄱ": "고고",
    "ㅂㅂ": "바이바이",
}
GREEK_NAMES = [
    "알파",
    "베타",
    "감마",
    "델타",
    "엡실론",
    "제타",
    "에타",
    "세타",
    "이오타",
    "카파",
    "람다",
    "뮤",
    "뉴",
    "크사이",
    "오미크론",
    "파이",
    "로",
    "시그마",
    "시그마",
    "타우",
    "입실론",
    "파이",
    "카이",
    "프사이",
    "오메가",
]
_RUN = Lazy(r"[ㄱ-ㅣ]+")
_GREEK = Lazy(r"[α-ωΑ-Ω]")
_EMOTION = frozenset("ㅋㅎㅠㅜㅡ")


def read_jamo(text: str) -> str:
    """Reads compatibility jamo: a single letter by its name, chat shorthand by its word; repeated ones are dropped."""

    def read(match: re.Match[str]) -> str:
        run = match[0]
        if run in CHAT:
            return CHAT[run]
        if len(run) == 1 and (run not in _EMOTION or is_particle(text, match.end())):
            return JAMO_NAMES.get(run, "")
        if len(set(run)) > 1 and not set(run) & _EMOTION:
            return "".join(JAMO_NAMES.get(letter, "") for letter in run)
        return " "

    return _RUN.sub(read, text)


def greek_name(letter: str) -> str:
    """Names a Greek letter."""
    code = ord(letter.lower()) - ord("α")
    return GREEK_NAMES[code] if 0 <= code < len(GREEK_NAMES) else ""


def read_greek(text: str) -> str:
    """Reads Greek letters by name, with the particle after them made to agree."""
    out, position = [], 0
    for match in _GREEK.finditer(text):
        name = greek_name(match[0])
        particle, used = agree(name, text, match.end())
        out += [text[position : match.start()], name, particle]
        position = match.end() + used
    return "".join(out) + text[position:]
