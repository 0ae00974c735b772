"""Counters: whether a figure before one is read in native or in Sino-Korean numerals.

`counters.tsv` says so for most. 번, 대, 권, 세트, 분, 장, 개, 동 and 시 may also name things (이 번 진료실, 이십이 대 국회); there
the structure of the sentence decides first (a noun at once after it, a verb of choosing, a range from one to another), and
the lists of `contexts.tsv` where it does not.
"""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.data import any_of, read_rows
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.numbers import counted, decimal, to_int
from espnet2_nix.text.particles import WORD_END, is_particle
from espnet2_nix.text.syllables import is_syllable

CONTEXTS = "contexts.tsv"
WINDOW = 40
"""How many characters before a figure may decide how it is read."""
_TOGETHER = frozenset({"등", "등급", "주", "주일", "주년", "단계"})
"""Counters that make one word with 일, so that they are tense after it: 일등 [일뜽], 일주일 [일쭈일]."""


_NARROWED = {
    "입": "입(?![니장학구원국력금])",
    "편": "편(?!의점|집|지|견|파|향|입학|입생|곡)",
    "블록": "블록(?!체인|버스터)",
    "단": "단(?![위지체독추])",
    "정": r"정(?=씩|을|\s|[,.()/]|복용|$)",
}
"""Counters that begin other nouns (편의점, 정상): what may follow them."""


@cache
def counters() -> dict[str, int]:
    """Gives the counters with native numerals and the largest number so read."""
    return {name: int(limit) for name, kind, limit in read_rows("counters.tsv", 3) if kind == "native"}


@cache
def counter_pattern() -> re.Pattern[str]:
    """Gives the regular expression of a counter, the longest first."""
    names = sorted({name for name, *_ in read_rows("counters.tsv", 3)} - {"분의"}, key=lambda n: (-len(n), n))
    return re.compile("|".join(_NARROWED.get(name, name) for name in names))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Patterns of what stands before or after a figure with its counter, built from `contexts.tsv` when first needed."""
    return {
        "label": re.compile(
            rf"[을를]? ?{any_of(CONTEXTS, 'number-nouns')}| (?:{any_of(CONTEXTS, 'label-places')}){WORD_END}"
        ),
        "action": re.compile(rf" ?{any_of(CONTEXTS, 'action-nouns')}"),
        "times": re.compile(rf"{any_of(CONTEXTS, 'times-before')}\s?$"),
        "head": re.compile(rf"{any_of(CONTEXTS, 'label-heads')}(?:은|는|이|가|의|,|:)?\s?(?:각각 )?$"),
        "machine": re.compile(
            rf"{any_of(CONTEXTS, 'machines')}[은는이가을를도의]? ?(?:총 |모두 |약 |겨우 |단 |한꺼번에 )?$"
        ),
        "guest": re.compile(rf"{any_of(CONTEXTS, 'guests')}[은는이가도 ]*(?:총 |모두 |약 )?$"),
        "person": re.compile(rf" ?{any_of(CONTEXTS, 'decade-people')}"),
        "dae-before": re.compile(rf"{any_of(CONTEXTS, 'dae-before')}\s?$"),
        "dae-counts": re.compile(rf" (?:{any_of(CONTEXTS, 'dae-counts')}|중(?:에|$|[ .,])|(?:값|분|한)(?![가-힣]))"),
        "building": re.compile(rf"{any_of(CONTEXTS, 'buildings')}[은는이가도]? ?(?:총 |모두 |약 )?$"),
    }


# ---- structure

_CHOOSING = Lazy(
    r"(?P<object>[을를])?(?P<blank> ?)(?P<verb>누르|누른|눌|선택|고르|고른|골라|골랐|클릭|터치|입력|찍|달고|달았|다세요)"
)
_ROOM = Lazy(rf" (?!확실|현실|사실|진실|성실|충실|부실|상실|손실|과실|결실|절실|실)[가-힣]{{1,5}}실{WORD_END}")
_NAMED = Lazy(
    r"으로(?! (?:끝|충분|부족|만족|그치|그쳤|모자|안|족))|이 (?:제일|가장|정답|맞|틀리|틀렸|더 |어렵|쉽)|의 (?:답|정답)"
)
_COPULA = Lazy(r"입니다|이에요|이다|이고|이며|예요")
_TOPIC = Lazy(r"(?<!횟수)(?<!기회)(?<!빈도)(?<!경험)[은는] ?$")
_LISTED = Lazy(r"(?:,|과|와|이나|나|,? 또는|,? 혹은|,? 및)\s?(\d{1,2})번")
_VERB = Lazy(r" [가-힣]{0,8}(?:다|요|까|고|며|면|서|니|지만|는데|던|았|었|했|해|아|어|여|죠|지)(?![가-힣])")
_NOUN = Lazy(r" [가-힣A-Z]")


def _ordered(counter: str, before: str, text: str, end: int) -> bool:
    """Whether the figure is an end of a range from one thing to another: 1권에서 3권까지."""
    after = re.compile(rf"(?:부터|에서)\s?(?:제\s?)?\d{{1,3}}{counter}|에서 (?:시작|끝)").match(text, end)
    return bool(after or re.search(rf"\d{{1,3}}{counter}(?:부터|에서)\s?(?:[가-힣]+\s)?(?:제\s?)?$", before))


def _is_label(number: int, before: str, text: str, end: int) -> bool:
    """Whether 번 names a thing (이 번 진료실) rather than counts times (두 번 만났다)."""
    patterns = _patterns()
    choosing = _CHOOSING.match(text, end)
    bare = choosing and choosing["verb"] != "찍" and not before.rstrip().endswith(("을", "를", "씩", "동시에", "연속"))
    if choosing and (choosing["object"] or bare):
        return True
    if patterns["times"].search(before):
        return False
    if patterns["action"].match(text, end):
        return bool(patterns["head"].search(before)) and not text.startswith(" ", end)
    if patterns["label"].match(text, end) or _ROOM.match(text, end) or patterns["head"].search(before):
        return True
    if _NAMED.match(text, end) or (_COPULA.match(text, end) and _TOPIC.search(before)):
        return True
    if (
        re.search(r"[A-Z가-힣\d](?:열|반|쪽|페이지) ?$", before)
        or text.startswith("부터", end)
        or _ordered("번", before, text, end)
    ):
        return True
    listed = _LISTED.match(text, end)
    if listed:
        return _is_label(int(listed[1]), "", text, listed.end())
    list_before = re.search(r"\d{1,2}번(?:,|과|와|이나|나| 또는| 혹은| 및)\s?$", before)
    if list_before:  # the last of a list is what the first is
        return bool(patterns["head"].search(before[: list_before.start()]))
    # Another choice of the sentence: 2번, 처음으로 돌아가시려면 9번을 눌러
    return bool(
        re.compile(r"[^.?!]{0,40}\d번[을를] (?:누르|눌|선택)").match(text, end) and text[end : end + 1] in ",은"
    )


def _limit_of_dae(number: int, before: str, text: str, end: int) -> int:
    """대 counts machines (차 두 대); it also makes decades (이십 대), generations, the n-th and the n great (사 대 보험)."""
    patterns = _patterns()
    decade = number % 10 == 0 and number <= 100
    if decade and patterns["person"].match(text, end):
        return 0
    if patterns["machine"].search(before):
        return 39
    if decade or patterns["dae-before"].search(before) or (number == 4 and text.startswith(" 보험", end)):
        return 0
    if end < len(text) and is_syllable(text[end]):
        return 39 if is_particle(text, end) or re.compile("씩|쯤|뿐|당|여|정도|짜리|이상|들").match(text, end) else 0
    if _NOUN.match(text, end) and not patterns["dae-counts"].match(text, end) and not _VERB.match(text, end):
        return 0
    return 39


_CHAPTER = Lazy(
    r"""(?:제\s?|책|성경|창세기|출애굽기|복음|헌법|교재|교과서|소설|논문  # books
        |[가-힣]+기\ |[가-힣]서\ |[가-힣]록\ )\s?$""",
    re.VERBOSE,
)
_SET_PLAYED = Lazy(
    r"""\ ?(?:초반|중반|후반|접전|듀스|막판|승부|스코어|타이브레이크|경기|매치|만에|에서|에\ |들어|도중|득점|선발)
        |[을를은는도]?\ ?(?:\d{1,2}\s?[-:대]\s?\d|[영일이삼사오육칠팔구십]{1,4}\ 대\ )""",
    re.VERBOSE,
)
_SET_WON = Lazy(
    r"[을를] (?:먼저 |모두 |내리 |다시 )?(?:내주|내줬|내준|따내|따냈|따낸|가져|잃|뺏|빼앗|선취|이기|이겼|이긴)"
)
_SET_SCORE = Lazy(r"[^.?!]{0,20}?[영일이삼사오육칠팔구십]{1,4} 대 [영일이삼사오육칠팔구십]")
_VOLUME_PART = Lazy(r"\s?(?:제\s?)?\d{1,3}\s?(?:장|쪽|페이지|화|부|절)")
_COUNTS_THINGS = Lazy(r"씩|쯤|뿐|당|들|정도|짜리|째|입|나|이상|여")


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
    if number == 1 and counter in _TOGETHER and not ordinal:
        return f"일{counter}"
    limit = 0 if ordinal else limit_of(number, counter, before, text, end)
    return f"{counted(number, limit)} {counter}"


def limit_of(number: int, counter: str, before: str, text: str, end: int) -> int:
    """Gives the largest number read in native numerals before a counter in this sentence; 0 where none is.

    Args:
        number: The number.
        counter: A counter of `counters.tsv`.
        before: Text before the number, at most `WINDOW` characters.
        text: The whole text.
        end: Where in it the counter ends.
    """
    patterns, limit = _patterns(), counters().get(counter, 0)
    if counter == "번" and limit:
        return 0 if number > 39 or _is_label(number, before, text, end) else limit
    if counter == "대" and limit:
        return _limit_of_dae(number, before, text, end)
    if counter in ("권", "편", "세트", "곡", "판") and limit:
        if _ordered(counter, before, text, end):
            return 0
        if counter == "권" and _VOLUME_PART.match(text, end):
            return 0
        if counter == "세트" and any(p.match(text, end) for p in (_SET_PLAYED, _SET_WON, _SET_SCORE)):
            return 0
    if counter == "블록" and before[-1:].isascii() and before[-1:].isalpha():
        return 0  # A2블록 is an address
    if counter == "분" and number < 40 and patterns["guest"].search(before):
        return 39
    if counter == "동" and patterns["building"].search(before):
        return 39
    if counter == "장" and (_CHAPTER.search(before) or re.compile(r"\s?\d+\s?절").match(text, end)):
        return 0
    if counter == "개" and end < len(text) and is_syllable(text[end]) and not is_particle(text, end):
        return limit if _COUNTS_THINGS.match(text, end) else 0
    if counter == "개" and re.compile(r" 국(?:어|에|이|은|의|과|을)?(?![가-힣])").match(text, end):
        return 0
    if counter == "시" and re.compile(r"(?:도|군|구|청|의회|민|장)(?![가-힣]*착)").match(text, end):
        return 0
    return limit
