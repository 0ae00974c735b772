"""Counters: whether a figure before one is read in native or in Sino-Korean numerals, by the words around it.

`counters.tsv` says so for most; 번, 대, 분, 장, 개 and 시 depend on the sentence, and the rules for them are here.
"""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.data import any_of, read_rows
from espnet2_nix.text.numbers import counted, decimal, to_int
from espnet2_nix.text.particles import is_particle

CONTEXTS = "contexts.tsv"
WINDOW = 40
"""How many characters before a figure may decide how it is read."""


@cache
def counters() -> dict[str, int]:
    """Gives the counters with native numerals and the largest number so read."""
    return {name: int(limit) for name, kind, limit in read_rows("counters.tsv", 3) if kind == "native"}


@cache
def counter_pattern() -> re.Pattern[str]:
    """Gives the regular expression of a counter, the longest first."""
    names = sorted({name for name, *_ in read_rows("counters.tsv", 3)} - {"분의"}, key=lambda n: (-len(n), n))
    return re.compile("|".join("입(?![니장학구원국력금])" if name == "입" else name for name in names))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Patterns of what stands before or after a figure with its counter, built from `contexts.tsv` when first needed."""
    return {
        "label": re.compile(
            rf"[을를]? ?(?:{any_of(CONTEXTS, 'number-nouns')}|을 누|를 누|을 눌|을 선택|으로 (?:전화|연락|문의|신고|가|오|들어|나))"
        ),
        "times": re.compile(rf"{any_of(CONTEXTS, 'times-before')}\s?$"),
        "machine": re.compile(rf"(?:{any_of(CONTEXTS, 'machines')}|한)[은는이가을를도의]? ?(?:총 |모두 |약 |겨우 )?$"),
        "guest": re.compile(rf"{any_of(CONTEXTS, 'guests')}[은는이가도 ]*(?:총 |모두 |약 )?$"),
    }


_CHAPTER = re.compile(
    r"""(?:제\s?|책|성경|창세기|출애굽기|복음|헌법|교재|교과서|소설|논문  # books
        |[가-힣]+기\ |[가-힣]서\ |[가-힣]록\ )\s?$""",
    re.VERBOSE,
)
_SINO_DAE_BEFORE = re.compile(r"(?:세계|한국|국내|아시아|전국)\s?$")
_SINO_DAE_AFTER = re.compile(
    r"""째|손|독자|\s?(?:독자|강국|명절|요소|과제|원칙|폭포|도시|불가사의|대통령|국왕|임금|황제|종교|영양소|도|거짓말|의무|기업|그룹)"""
)
_COUNTS_THINGS = re.compile(r"씩|쯤|뿐|당|들|정도|짜리|째|입|나")


def read_counter(written: str, counter: str, before: str, text: str, end: int, ordinal: bool) -> str:
    """Reads a number with its counter.

    Args:
        written: The number as written.
        counter: A counter of `counters.tsv`.
        before: Text before the number, at most `WINDOW` characters.
        text: The whole text.
        end: Where in it the counter ends.
        ordinal: Whether 제 stands before the number.

    Returns:
        The reading, such as 세 번.
    """
    number = to_int(written)
    if number is None or (written[0] == "0" and len(written) > 1):
        return f"{decimal(written)} {counter}"
    if counter == "월" and number in (6, 10):
        return {6: "유월", 10: "시월"}[number]
    if counter == "번째":
        return "첫 번째" if number == 1 else f"{counted(number, 99)} 번째"
    if counter == "시" and number == 0:
        return "영 시"
    limit = 0 if ordinal else counters().get(counter, 0)
    return f"{counted(number, _limit(number, counter, limit, before, text, end))} {counter}"


def _limit(number: int, counter: str, limit: int, before: str, text: str, end: int) -> int:
    """The largest number read in native numerals before a counter in this sentence."""
    patterns = _patterns()
    if counter == "번" and limit:
        label = patterns["label"].match(text, end) and not patterns["times"].search(before)
        return 0 if number > 39 or label else limit
    if counter == "대":
        return _limit_of_dae(number, before, text, end)
    if counter == "분" and number < 40 and patterns["guest"].search(before):
        return 39
    if counter == "장" and (_CHAPTER.search(before) or re.compile(r"\s?\d+\s?절").match(text, end)):
        return 0
    if counter == "개" and "가" <= text[end : end + 1] <= "힣" and not is_particle(text, end):
        return limit if _COUNTS_THINGS.match(text, end) else 0
    if counter == "시" and re.compile(r"(?:도|군|구|청|의회|민|장)(?![가-힣]*착)").match(text, end):
        return 0
    return limit


def _limit_of_dae(number: int, before: str, text: str, end: int) -> int:
    """대 counts machines (차 두 대), decades (이십 대) and generations (삼 대째)."""
    if _patterns()["machine"].search(before):
        return 39
    if _SINO_DAE_BEFORE.search(before) or _SINO_DAE_AFTER.match(text, end):
        return 0
    return 0 if number % 10 == 0 and number <= 100 else 39
