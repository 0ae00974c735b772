"""Sounds within a phrase: what the Standard Pronunciation (표준 발음법) does to syllables as they are written.

Order: ㅎ (article 12), palatalisation (17), liaison (13 to 16), tensification after obstruents (23), neutralisation (8 to
11), nasals and laterals (18 to 20), vowels (5).
"""

from __future__ import annotations

import itertools
from functools import lru_cache

from espnet2_nix.text.syllables import TENSE, join, split

REPRESENTATIVE = {
    **dict.fromkeys("ㄱㄲㅋㄳㄺ", "ㄱ"),
    **dict.fromkeys("ㄷㅌㅅㅆㅈㅊㅎ", "ㄷ"),
    **dict.fromkeys("ㅂㅍㅄㄿ", "ㅂ"),
    **dict.fromkeys("ㄴㄵㄶ", "ㄴ"),
    **dict.fromkeys("ㄹㄼㄽㄾㅀ", "ㄹ"),
    **dict.fromkeys("ㅁㄻ", "ㅁ"),
    "ㅇ": "ㅇ",
    " ": " ",
}
"""The seven sounds a syllable can end in (articles 8 to 11)."""
CLUSTERS = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
NOUNS_IN_RK = frozenset("흙닭칡슭깕탉삵")
"""Syllables in ㄺ that end nouns: before ㄱ they keep ㄱ (흙과 [흑꽈]); in stems ㄹ stays (맑게 [말께])."""


class _Syllable:
    """Initial, medial and final, and whether a space stands before."""

    __slots__ = ("char", "final", "initial", "medial", "spaced")

    def __init__(self, char: str, spaced: bool) -> None:
        self.char = char
        self.initial, self.medial, self.final = split(char)
        self.spaced = spaced


def _h(left: _Syllable, right: _Syllable) -> None:
    """Article 12: ㅎ aspirates, falls silent, or makes ㅅ tense."""
    final, initial = left.final, right.initial
    if final in "ㅎㄶㅀ":
        rest = {"ㅎ": " ", "ㄶ": "ㄴ", "ㅀ": "ㄹ"}[final]
        if initial in ASPIRATED and initial != "ㅂ":
            left.final, right.initial = rest, ASPIRATED[initial]
        elif initial == "ㅅ":
            left.final, right.initial = rest, "ㅆ"
        elif initial == "ㄴ":
            left.final = "ㄴ" if final == "ㅎ" else rest
        elif initial == "ㅇ" and not right.spaced:
            left.final = rest
        elif initial == "ㅎ":
            left.final = rest if rest != " " else "ㄷ"
        return
    if initial != "ㅎ":
        return
    if right.spaced or final in "ㅅㅆㅊㅌ":
        final = REPRESENTATIVE[final] if final not in "ㄵㄺㄼ" else final
    if final == "ㄵ":
        left.final, right.initial = "ㄴ", "ㅊ"
    elif final == "ㄺ":
        left.final, right.initial = "ㄹ", "ㅋ"
    elif final == "ㄼ":
        left.final, right.initial = "ㄹ", "ㅍ"
    elif final == "ㅈ":
        left.final, right.initial = " ", "ㅊ"
    elif final in "ㄱㄷㅂ":
        left.final, right.initial = " ", ASPIRATED[final]
        if final == "ㄷ" and not right.spaced and left.char in "굳닫묻걷받뻗곧돋갇" and right.medial in "ㅣㅕ":
            right.initial = "ㅊ"  # article 17: 굳히다 [구치다]
    elif final in "ㄲㅋㄳ":
        left.final, right.initial = " ", "ㅋ"
    elif final in "ㅍㅄㄿ":
        left.final, right.initial = " ", "ㅍ"


def _palatalise(left: _Syllable, right: _Syllable) -> None:
    """Article 17: ㄷ and ㅌ before 이, and before the 여 that 이어 contracts to."""
    if right.spaced or right.initial != "ㅇ" or right.medial not in "ㅣㅕ" or left.final not in "ㄷㅌㄾ":
        return
    right.initial = "ㅈ" if left.final == "ㄷ" else "ㅊ"
    left.final = "ㄹ" if left.final == "ㄾ" else " "


def _link(left: _Syllable, right: _Syllable) -> None:
    """Articles 13 to 15: a final moves to an empty initial; across a space it is first made representative."""
    final = left.final
    if right.initial != "ㅇ" or final in " ㅇ":
        return
    if right.spaced:
        final = REPRESENTATIVE[final]
        left.final, right.initial = " ", final
    elif final in CLUSTERS:
        left.final, moves = CLUSTERS[final][0], CLUSTERS[final][1]
        right.initial = "ㅆ" if moves == "ㅅ" else moves
    else:
        left.final, right.initial = " ", final


def _tensify(left: _Syllable, right: _Syllable) -> None:
    """Articles 23 and 25: after an obstruent, and after ㄼ and ㄾ of stems."""
    if right.initial not in TENSE:
        return
    obstruent = REPRESENTATIVE[left.final] in "ㄱㄷㅂ" and left.final != "ㅎ"
    stem = not right.spaced and (left.final == "ㄾ" or (left.final == "ㄼ" and left.char != "덟") or left.final == "ㄵ")
    if obstruent or stem:
        right.initial = TENSE[right.initial]


def _neutralise(left: _Syllable, right: _Syllable | None) -> None:
    """Articles 8 to 11."""
    if left.final == "ㄼ" and left.char in "밟" and right is not None and not right.spaced:
        left.final = "ㅂ"
    elif (
        left.final == "ㄺ"
        and right is not None
        and not right.spaced
        and right.initial == "ㄲ"
        and left.char not in NOUNS_IN_RK
    ):
        left.final = "ㄹ"
    else:
        left.final = REPRESENTATIVE[left.final]


def _assimilate(left: _Syllable, right: _Syllable) -> None:
    """Articles 18 to 20."""
    if right.initial == "ㄹ" and left.final in "ㅁㅇㄱㅂㄷ":
        if left.final == "ㄷ" and right.spaced:
            left.final = "ㄴ"
        right.initial = "ㄴ"
    if left.final in NASAL and right.initial in "ㄴㅁ":
        left.final = NASAL[left.final]
    if (left.final, right.initial) in (("ㄴ", "ㄹ"), ("ㄹ", "ㄴ")):
        left.final, right.initial = "ㄹ", "ㄹ"


def _vowel(syllable: _Syllable) -> None:
    """Article 5: 져, 쪄, 쳐; ㅢ after a consonant that is written there. ㅖ stays as spelled, which the article allows."""
    if syllable.initial in "ㅈㅉㅊ" and syllable.medial in "ㅑㅕㅛㅠㅒㅖ":
        syllable.medial = {"ㅑ": "ㅏ", "ㅕ": "ㅓ", "ㅛ": "ㅗ", "ㅠ": "ㅜ", "ㅒ": "ㅐ", "ㅖ": "ㅔ"}[syllable.medial]
    elif syllable.medial == "ㅢ" and split(syllable.char)[0] != "ㅇ":
        syllable.medial = "ㅣ"


@lru_cache(maxsize=65536)
def pronounce_phrase(phrase: str) -> str:
    """Applies the sound rules to one phrase: words of Hangul syllables parted by single spaces."""
    syllables: list[_Syllable] = []
    spaced = False
    for char in phrase:
        if char == " ":
            spaced = True
        else:
            syllables.append(_Syllable(char, spaced))
            spaced = False
    for left, right in itertools.pairwise(syllables):
        if left.final == " ":
            continue  # none of these rules begins at an open syllable
        _h(left, right)
        _palatalise(left, right)
        _link(left, right)
        _tensify(left, right)
    for index, syllable in enumerate(syllables):
        if syllable.final == " ":
            continue
        following = syllables[index + 1] if index + 1 < len(syllables) else None
        _neutralise(syllable, following)
    for left, right in itertools.pairwise(syllables):
        if left.final != " ":
            _assimilate(left, right)
    out = []
    for syllable in syllables:
        _vowel(syllable)
        out.append((" " if syllable.spaced else "") + join(syllable.initial, syllable.medial, syllable.final))
    return "".join(out)
