"""Single characters made plain: full-width forms, circled numerals, ligatures, accents and signs folded to what rules know."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from espnet2_nix.text.data import read_rows
from espnet2_nix.text.hanja import has_reading, is_hanja
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.syllables import is_syllable

KNOWN = frozenset("·×÷≤≥~℃℉°ΩμⅠ₩€£¥‰²³ℓ′″")
LETTERS_WITHOUT_DECOMPOSITION = {
    "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i",
}  # fmt: skip
SILENT_CATEGORIES = frozenset({"Cc", "Cf", "Mn", "Me", "Mc", "So", "Sk"})
"""Control and formatting characters, marks without width, and ornaments such as emoji: dropped without a report."""


@cache
def _signs() -> dict[str, str]:
    table = {}
    for signs, replacement in read_rows("symbols.tsv", 2):
        value = {"space": " ", "nothing": ""}.get(replacement, replacement)
        table.update(dict.fromkeys(signs, value))
    return table


def _is_plain(char: str) -> bool:
    return (
        char.isascii()
        or is_syllable(char)
        or "ㄱ" <= char <= "ㅣ"
        or "α" <= char <= "ω"
        or "Α" <= char <= "Ω"
        or char in KNOWN
    )


def _compatible(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char)
    if "㎀" <= char <= "㏟" and folded[-1:] in "23" and folded[0].isalpha():
        folded = folded[:-1] + {"2": "²", "3": "³"}[folded[-1]]  # ㎡ is m², not "m2"
    return folded if folded != char else ""


def _jamo(char: str) -> str:
    if "ﾡ" <= char <= "ￜ":
        parts = unicodedata.decomposition(char).split()
        return chr(int(parts[1], 16)) if len(parts) == 2 else ""
    return ""


@lru_cache(maxsize=65536)
def fold(char: str) -> str | None:
    """Gives what stands for a character in the rules.

    Args:
        char: One character.

    Returns:
        ASCII, Hangul, compatibility jamo, Hanja, Greek letters and the signs of `KNOWN`; an empty string for what is
        silent; None for what cannot be read.
    """
    sign = _signs().get(char)
    if sign is not None:
        return sign
    category = unicodedata.category(char)
    if category == "Cc":
        return " " if char.isspace() else ""
    if _is_plain(char) or is_hanja(char):
        return char
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Nl" and "Ⅰ" <= char <= "ⅿ":
        return f" {int(unicodedata.numeric(char))}"
    if char.isspace() or category in ("Zs", "Zl", "Zp"):
        return " "
    jamo = _jamo(char) or LETTERS_WITHOUT_DECOMPOSITION.get(char)
    if jamo:
        return jamo
    base = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    for candidate in (_compatible(char), base):
        if candidate and candidate != char:
            parts = [fold(part) for part in candidate]
            if None not in parts:
                joined = "".join(part or "" for part in parts)
                apart = category in ("No", "So") and (len(joined) > 2 or "<circle>" in unicodedata.decomposition(char))
                return f" {joined} " if apart else joined
    if category in SILENT_CATEGORIES:
        return ""
    return " " if category.startswith("P") else None


_CONJOINING = Lazy(
    r"""(?P<old>[\u1100-\u1112])[\u119e\u11a1](?P<final>[\u11a8-\u11c2])?(?![\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb])
        |[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]+""",
    re.VERBOSE,
)


def _old_syllable(match: re.Match[str]) -> str:
    """Gives the modern syllable for one with 아래아 (ㆍ is read ㅏ, ㆎ is ㅐ); any other old spelling is silent."""
    if match["old"] is None:
        return ""
    vowel = "\u1161" if "\u119e" in match[0] else "\u1162"
    return unicodedata.normalize("NFC", match["old"] + vowel + (match["final"] or ""))


def fold_text(text: str) -> str:
    """Folds every character of a text; what cannot be read becomes a space.

    Conjoining jamo that make no modern syllable are not read letter by letter: a syllable with 아래아 is read as its modern
    form, others are silent and reported by `unreadable`.
    """
    text = _CONJOINING.sub(_old_syllable, text)
    return "".join(" " if (folded := fold(char)) is None else folded for char in text)


def unreadable(text: str) -> dict[str, int]:
    """Lists the characters of a text that no rule can read.

    Args:
        text: Any text.

    Returns:
        Position of the first appearance of each such character.
    """
    found: dict[str, int] = {}
    old = {m.start() + i for m in _CONJOINING.finditer(text) if m["old"] for i in range(len(m[0]))}
    for position, char in enumerate(text):
        if char < "\x80" or is_syllable(char) or char in found or position in old:
            continue
        if fold(char) is None or (is_hanja(char) and not has_reading(char)):
            found[char] = position
    return found
