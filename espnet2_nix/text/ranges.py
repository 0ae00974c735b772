"""Two figures that belong together: ratios, scores, fractions, sums, ranges, approximate numbers."""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.counters import CONTEXTS, WINDOW, counter_pattern, counters, limit_of
from espnet2_nix.text.data import any_of, word_list
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.numbers import NUMBER, by_digit, decimal, integer, sino, to_int
from espnet2_nix.text.particles import WORD_END, agree, substitute

_RATIO = Lazy(r"(?<![\d:])(\d+(?:\.\d+)?)\s?:\s?(\d+(?:\.\d+)?)(?:\s?:\s?(\d+(?:\.\d+)?))?(?![\d:])")
_FRACTION = Lazy(r"(?<![\d/.A-Za-z])(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])")
_PRESSURE = Lazy(r"(?<![\d/.])(\d{2,3})/(\d{2,3})(?P<unit>\s?mmHg)?(?![\d/])")
_QUARTER = Lazy(r"(?<![\d/.])([1-4])[/·]4\s?(?=분기)")
_PART_OF = Lazy(r"(?<!\d)(\d+)\s?분의\s?(\d+)")
_SCORE = Lazy(r"(?<!\d)(\d+)\s?대\s?(\d+)(?!\d)(?!\s?(?:개|명|대)(?![가-힣]))")
_PAIR = Lazy(r"(?<![\d\-.,A-Za-z~])(\d{1,4})\s?-\s?(\d{1,4})(?![\d\-~]|[,.]\d)")
_NUMBERED = Lazy(r"\s?번지| (?:승강장|출입문|탑승구)(?![가-힣]*당)")
_RESULT = Lazy(r"\s?[은는=]\s?(\d{1,4})(?![\d,.]\d|\d)")
_FORMULA = Lazy(
    rf"""(?<![\w.])({NUMBER})\s?([+×÷=<>≤≥*])\s?(?={NUMBER})
        |(?<![\w.])({NUMBER})\s(-)\s(?={NUMBER})  # a minus sign stands between blanks""",
    re.VERBOSE,
)
_OPERATORS = {"+": " 더하기 ", "×": " 곱하기 ", "*": " 곱하기 ", "÷": " 나누기 ", "-": " 빼기 ", "<": " 은 작다 ", ">": " 은 크다 ",
              "≤": " 이하 ", "≥": " 이상 "}  # fmt: skip
_GIFT = Lazy(
    r"(?<![\d.])([1-5])\s?\+\s?([1-3])(?=\s?(?:행사|상품|이벤트|할인|증정|세일|구성|혜택|제품|득템|특가|으로 (?:팔|판매|드)))"
)
_ENGLISH = {"1": "원", "2": "투", "3": "쓰리", "4": "포", "5": "파이브"}
_TIMES = Lazy(r"(?<=\d)\s?[xX]\s?(?=\d)")
_CLASS = Lazy(r"(?<![\w)])[-+](?=\d+\s?(?:kg|㎏|킬로그램|킬로)\s?급)")
_POSITIVE = Lazy(r"(?<![\w가-힣)])\+\s?(?=\d)")
_DEGREES = r"(\s?(?:도|℃|°C|°|℉)(?![가-힣]*로))"
_NEGATIVE = Lazy(rf"(?<![\w가-힣)])-\s?(?=(?:{NUMBER})(?:{_DEGREES}|~\d+{_DEGREES})?)")
_RANGE = Lazy(rf"(?<!\d)({NUMBER})\s?(\D{{0,6}}?)\s?[~]\s?({NUMBER})\s?")
_OPEN_RANGE = Lazy(r"(?<=[\d가-힣%])~(?=\s|$|[,.)])")
_CLOSED = Lazy(rf"(?:씩|쯤|째|짜리|정도|이상|이하|이내|마다|간|용|전|권|대)?{WORD_END}")
_RANK = Lazy(r"(?<![\d\-])(\d)\s?[-~·]\s?(\d)(?=위\s?(?:전|결정))")
_APPROXIMATE = Lazy(r"(?<![\d,.]\s)(?<![\d,.·])([1-9])\s?,\s?([2-9])\s?(?=[가-힣])")
_NATIVE_PAIRS = dict(
    zip("12345678", ["한두", "두세", "서너", "네다섯", "대여섯", "예닐곱", "일고여덟", "여덟아홉"], strict=True)
)
_SINO_PAIRS = {"5": "오륙"}
_TENS = Lazy(r"(?<![\d,.])(?<!\d\s)([1-9])(?:\s?~\s?|,\s)([2-9])(0|00)(?=\s?[가-힣])")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {name: re.compile(any_of(CONTEXTS, name)) for name in ("score-words", "ratio-words")} | {
        "head": re.compile(rf"{any_of(CONTEXTS, 'numbered-heads')}\s?$"),
        "place": re.compile(r"(?:[가-힣](?:동|리|로|길|읍|면|산)|\d(?:번)?길)\s?$"),
    }


def read_ratios(text: str) -> str:
    """Reads 16:9 as 십육 대 구."""
    return substitute(_RATIO, text, lambda m: " 대 ".join(decimal(g) for g in m.groups() if g))


def read_fractions(text: str) -> str:
    """Reads 2/3 as 삼 분의 이, and figures around 분의; a blood pressure and a quarter of a year are no fractions."""
    text = _QUARTER.sub(lambda m: f"{sino(int(m[1]))} 사", text)

    def pressure(match: re.Match[str]) -> str:
        upper, lower = int(match[1]), int(match[2])
        near = match["unit"] or re.compile("혈압|수축기|이완기|최고/최저").search(
            text, max(0, match.start() - 30), match.end() + 20
        )
        alike = upper >= 90 and 40 <= lower <= upper - 20  # no fraction is so written
        if not ((near or alike) and 250 >= upper > lower >= 30):
            return match[0]
        return f"{decimal(match[1])}에 {match[2]}{match['unit'] or ''}"

    text = _PRESSURE.sub(pressure, text)
    text = _PART_OF.sub(lambda m: f"{sino(int(m[1]))}분의 {m[2]}" if len(m[1]) < 20 else m[0], text)

    def fraction(match: re.Match[str]) -> str:
        return (f"{decimal(match[1])}과 " if match[1] else "") + f"{decimal(match[3])} 분의 {decimal(match[2])}"

    return substitute(_FRACTION, text, fraction)


# ---- scores, lot numbers and ranges with a hyphen


def _score(match: re.Match[str]) -> str:
    first, last = decimal(match[1]), decimal(match[2])
    return "일대일" if match[1] == match[2] == "1" else f"{first} 대 {last}"


def _pair(match: re.Match[str]) -> str | None:
    first, last, text, start, end = match[1], match[2], match.string, match.start(), match.end()
    before = text[max(0, start - 30) : start]
    counter = counter_pattern().match(text, end + (text[end : end + 1] == " "))
    if counter and not _CLOSED.match(text, counter.end()):
        counter = None  # 동점, 승리: the counter only begins a noun
    patterns = _patterns()
    lot = f"{integer(first)} 다시 {integer(last)}" + (" " if counter else "")
    if _NUMBERED.match(text, end):
        return lot
    result = _RESULT.match(text, end)
    if result and int(first) - int(last) == int(result[1]):
        return f"{integer(first)} 빼기 {integer(last)}"
    short = len(first) <= 3 and len(last) <= 3
    scored = short and patterns["score-words"].search(text, max(0, start - 30), end + 25)
    plain = counter is None or re.compile(r"으?로(?![가-힣])|\s?(?:승|패|무)(?![가-힣])").match(text, end)
    if scored and plain:
        return "일대일" if first == last == "1" else f"{decimal(first)} 대 {decimal(last)}"
    if counter and counter[0] not in ("로", "승", "패"):
        label = counter[0] in ("번", "호", "호실", "반", "동", "번선", "번길") and int(first) >= int(last)
        door = counter[0] == "번" and re.compile(r"번 ?(?:승강장|출입문|칸|버스|홈|게이트|출구)").match(text, end)
        if counter[0] in ("호", "호실") and len(last) > 2 and len(first) != len(last):
            return f"{integer(first)} 동 {integer(last)} "  # a house and a flat of it
        if label or door:
            return lot
        # A range: the counter is said twice, as with 15-20회.
        return f"{first}{counter[0]}~{last}" if int(first) < int(last) or counter[0] in ("시", "월") else lot
    if re.compile(r"\s?(?:%|km|m|cm|mm|kg|g|℃|°|ml|mL|L|원|만|천|억|도)").match(text, end):
        return f"{first}~{last}"
    if patterns["place"].search(before) or patterns["head"].search(before):
        return lot
    if first == last or patterns["ratio-words"].search(text, max(0, start - 20), end + 10):
        return f"{decimal(first)} 대 {decimal(last)}"
    if not short or first[0] == "0" or last[0] == "0" or len(first) == len(last) == 3:
        return " ".join((by_digit(first), by_digit(last)))
    return f"{decimal(first)} 대 {decimal(last)}" if re.compile(r"으?로(?![가-힣])").match(text, end) else lot


def read_scores(text: str) -> str:
    """Reads 3대 1 as 삼 대 일, and 3-1 as a score, a lot number, a range or a ratio by the words around it."""
    text = substitute(_SCORE, text, _score)
    if "-" not in text:
        return text
    text = _RANK.sub(lambda m: f"{sino(int(m[1]))} {m[2]}", text)
    return substitute(_PAIR, text, _pair)


# ---- sums


def _operator(match: re.Match[str]) -> str:
    number, operator = (match[1], match[2]) if match[1] else (match[3], match[4])
    reading = decimal(number)
    if operator == "=":
        return f"{reading}{agree(reading, '은')[0]} "
    return reading + _OPERATORS[operator]


def read_formulas(text: str) -> str:
    """Reads signs between figures, and the sign before one."""
    text = _GIFT.sub(lambda m: f"{_ENGLISH[m[1]]} 플러스 {_ENGLISH[m[2]]}", text)
    text = _FORMULA.sub(_operator, _TIMES.sub("×", _CLASS.sub("", text)))
    text = _POSITIVE.sub("플러스 ", text)
    return _NEGATIVE.sub(lambda m: "영하 " if (m[1] or m[2]) and (m[1] or m[2]).strip() != "°" else "마이너스 ", text)


# ---- ranges


def _range(match: re.Match[str], text: str) -> str:
    """Reads 3~5 as 삼에서 오; with a native counter both get it: 아홉 시에서 열한 시."""
    first, between, last = match[1], match[2].strip(), match[3]
    counter = counter_pattern().match(text, match.end())
    if between and not re.fullmatch(r"[가-힣%℃A-Za-z°]{1,6}", between):
        return match[0].replace("~", " ")
    if between:
        return f"{first}{between}에서 {last}"
    number = to_int(first)
    if counter and number is not None and (counter[0] in counters() or counter[0] == "월"):
        if counter[0] in ("대", "번") and number % 10 == 0:
            return f"{decimal(first)}에서 {last}"
        return f"{first}{counter[0]}에서 {last}"
    return f"{decimal(first)}에서 {last}"


def read_ranges(text: str) -> str:
    """Reads two figures joined by ~."""
    for _ in range(4):
        changed = _RANGE.sub(lambda m, now=text: _range(m, now), text)
        if changed == text:
            break
        text = changed
    return _OPEN_RANGE.sub("부터", text)


def read_approximate(text: str) -> str:
    """Reads 3, 4명 as 서너 명 and 2, 3일 as 이삼 일."""
    if "," not in text and "~" not in text:
        return text
    exact = word_list(CONTEXTS, "exact-pairs")

    def read(match: re.Match[str]) -> str | None:
        counter = counter_pattern().match(text, match.end())
        if int(match[2]) != int(match[1]) + 1 or counter is None or counter[0] in exact:
            return None
        if limit_of(
            int(match[2]), counter[0], text[max(0, match.start() - WINDOW) : match.start()], text, counter.end()
        ):
            return f"{_NATIVE_PAIRS[match[1]]} "
        if counter[0] in counters():
            return None
        return f"{_SINO_PAIRS.get(match[1]) or sino(int(match[1])) + sino(int(match[2]))} "

    def tens(match: re.Match[str]) -> str | None:
        blank = text[match.end() : match.end() + 1] == " "
        if int(match[2]) != int(match[1]) + 1 or not counter_pattern().match(text, match.end() + blank):
            return None
        pair = _SINO_PAIRS.get(match[1]) or sino(int(match[1])) + sino(int(match[2]))
        return pair + ("십 " if match[3] == "0" else "백 ")

    text = substitute(_TENS, text, tens)
    return substitute(_APPROXIMATE, text, read)
