"""Dates, times of day, durations, and days or decades by which events and generations are known."""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.data import any_of
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.numbers import by_digit, counted, sino
from espnet2_nix.text.particles import WORD_END, substitute

CONTEXTS = "contexts.tsv"
_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_DATE = Lazy(rf"(?<![\d.])((?:1[0-9]|20)\d{{2}})\s?[-./]\s?({_MONTH})\s?[-./]\s?({_DAY})(?!\d)\.?")
_YEAR_MONTH = Lazy(r"(?<![\d.])((?:19|20)\d{2})(?:\.\s?(0[1-9]|1[0-2])\.?|/(0[1-9]|1[0-2]))(?![\d./]|\s?[%년원배])")
_SHORT_DATE = Lazy(
    rf"(?<![\d.\-/])'?(\d\d)(?:\.(0[1-9]|1[0-2])\.(0[1-9]|[12]\d|3[01])|\.\s({_MONTH})\.\s({_DAY})|/(0[1-9]|1[0-2])/({_DAY}))(?![\d./])\.?"
)
_DOT_DAY = Lazy(rf"(?<![\d.])({_MONTH})\.\s?({_DAY})\.?(?=\s?\([월화수목금토일]\))")
_SHORT_YEAR = Lazy(r"(?<![A-Za-z0-9])'(?=\d\d(?:년|~|\s?학번|\s?월드컵|\s?올림픽|\s*$))")
_ZERO = Lazy(r"(?<![\d.,:])0(\d)(?=\s?(?:월|일|시|분|초)(?![가-힣]{2}))")
_TIME = Lazy(
    r"""(?<![\d:.])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:]|\.\d)
        (?P<after>\s?[-~]\s?(?=\d{1,2}:\d\d))?""",
    re.VERBOSE,
)
_DURATION = Lazy(r"(?<![\d:.])(?:(\d{1,2}):)?([0-5]?\d):([0-5]\d)(?:\.(\d{1,3}))?(?![\d:])")
_MERIDIEM = Lazy(
    r"""(?<![A-Za-z])(?:(?P<before>AM|PM|am|pm|A\.M\.|P\.M\.|오전|오후)\s?)?
        (?P<time>\d{1,2}(?::\d\d|시(?:\s?\d{1,2}분)?)?)\s?(?P<after>AM|PM|am|pm|a\.m\.|p\.m\.|A\.M\.|P\.M\.)?(?![A-Za-z])""",
    re.VERBOSE,
)
_STUDENT_YEAR = Lazy(
    r"(?<![\d.,])(\d\d)(?=\s?학번|년생|년도? ?입학)|(?<![\d.,\-])([089]\d)(?=\s?(?:서울\s?)?(?:올림픽|아시안게임|월드컵))"
)
_SEASON = Lazy(r"(?<![\d.\-/])((?:20|19)?\d\d)[-/~](\d\d)(?=\s?시즌)")
_DECADES = Lazy(r"(?<![\d,.])([1-9])0([1-9])0(?![\d,.])")
_LAYER = Lazy(r"(?<![\d,.])([3-7])86(?=\s?(?:세대|정치|운동권|의원|컴퓨터))")
_VIRUS = Lazy(r"(?<=코로나)\s?19(?![\d,.])")
_PARALLEL = Lazy(r"(?<![\d,.])38(?=선(?![가-힣]{3}))")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Patterns that need the lists of `contexts.tsv`, built when first needed."""
    event = any_of(CONTEXTS, "events")
    return {
        "month-day": re.compile(
            rf"""(?<![\d/.])({_MONTH})/({_DAY})(?![\d/])
                (?=\s?\(?[월화수목금토일]\)|\s?[월화수목금토일]요일                     # a day of the week
                |\s?[~-]\s?(?:{_MONTH}/)?{_DAY}(?![\d/])                                # to another day
                |까지|부터|에\s|에는|자\s|\s(?:오전|오후|아침|저녁|마감|예정|개최|출발|개봉|방송|오픈|발매|출시|(?:출고|도착|배송|발송|입고|수령)(?![가-힣]?[비액률량지]))
                |\s?{any_of(CONTEXTS, "days")})""",
            re.VERBOSE,
        ),
        "month-day-after": re.compile(
            rf"(?:{any_of(CONTEXTS, 'date-heads')}[은는이:]?\s?|\b일\s?[~-]\s?)({_MONTH})/({_DAY})(?![\d/])"
        ),
        "event": re.compile(
            rf"""(?<![\d.·])(1[0-2]|[1-9])(?:·({_DAY})(?![\d·]|\s?{any_of(CONTEXTS, "not-events")}{WORD_END})
                 |\.({_DAY})(?![\d.·])(?=\s?{event}))(?=\s?[가-힣]|$|[^\d\s])""",
            re.VERBOSE,
        ),
        "glued-event": re.compile(rf"(?<![\d,.])(31|419|516|518|615|625|815|911|1026|1212)(?=\s?{event})"),
        "generation": re.compile(rf"\s?{any_of(CONTEXTS, 'generations')}"),
        "record": re.compile(any_of(CONTEXTS, "records")),
    }


def month(number: int) -> str:
    """Reads a month: 6월 is 유월, 10월 is 시월."""
    return {6: "유월", 10: "시월"}.get(number) or f"{sino(number)} 월"


def _date(year: int, months: str, day: str) -> str:
    return f"{sino(year)} 년 {month(int(months))} {sino(int(day))} 일"


def read_dates(text: str) -> str:
    """Reads years with months and days, and months with days."""
    text = _SEASON.sub(lambda m: f"{sino(int(m[1]))} {sino(int(m[2]))}", text)
    text = _DATE.sub(lambda m: _date(int(m[1]), m[2], m[3]), text)
    text = _SHORT_DATE.sub(lambda m: _date(int(m[1]), m[2] or m[4] or m[6], m[3] or m[5] or m[7]), text)
    text = _YEAR_MONTH.sub(lambda m: f"{sino(int(m[1]))} 년 {month(int(m[2] or m[3]))}", text)
    text = _DOT_DAY.sub(lambda m: f"{month(int(m[1]))} {sino(int(m[2]))} 일", text)
    text = _SHORT_YEAR.sub("", _ZERO.sub(r"\1", text))
    if "/" in text:
        patterns = _patterns()
        text = patterns["month-day"].sub(lambda m: f"{month(int(m[1]))} {sino(int(m[2]))} 일", text)
        text = patterns["month-day-after"].sub(
            lambda m: f"{m[0][: m.start(1) - m.start()]}{month(int(m[1]))} {sino(int(m[2]))} 일", text
        )
        text = re.sub(r"( 일)\s?[~-]\s?(?=(?:[일이삼사오육칠팔구십]{1,2} 월|유월|시월|\d))", r"\1에서 ", text)
    return text


def _day_of_event(month_: int, day: int) -> str:
    """Reads a day by which an event is known: 오일팔, 십이구 (10·29), 육십 (6·10), 십이십이 (12·12)."""
    if day >= 10 and day % 10 and day != month_:
        return sino(month_) + by_digit(str(day))
    return sino(month_) + sino(day)


def read_events(text: str) -> str:
    """Reads days by which events are known, and what else is known by its digits: 38선, 386세대, 7080."""
    patterns = _patterns()
    if "·" in text or "." in text:
        text = patterns["event"].sub(lambda m: _day_of_event(int(m[1]), int(m[2] or m[3])), text)
    text = patterns["glued-event"].sub(lambda m: "십이십이" if m[1] == "1212" else by_digit(m[1]), text)

    def decades(match: re.Match[str]) -> str:
        known = int(match[1]) + 1 == int(match[2]) and (
            match[1] in "34567" and not re.compile(r"\s?(?:[년원개명점억만대]|여)").match(text, match.end())
        )
        return by_digit(match[0]) if known or patterns["generation"].match(text, match.end()) else match[0]

    text = _DECADES.sub(decades, text)
    text = _VIRUS.sub(" 일구", text)
    return _PARALLEL.sub("삼팔", _LAYER.sub(lambda m: by_digit(m[0]), text))


_WON = Lazy(r"으?로 (?:이|졌|지|꺾|승|패|끝|비|제압|역전|앞|뒤|마)")


def _clock(match: re.Match[str]) -> str | None:
    if _WON.match(match.string, match.end()):
        return None  # a score
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    reading = ("영" if hour == 0 else counted(hour, 12)) + " 시"
    if minute:
        reading += f" {sino(minute)} 분"
    if second:
        reading += f" {sino(int(second))} 초"
    return reading + ("에서 " if match["after"] else "")


def _duration(match: re.Match[str]) -> str:
    reading = f"{counted(int(match[1]), 20)} 시간 " if match[1] else ""
    reading += f"{sino(int(match[2]))} 분 {sino(int(match[3]))} 초"
    return reading + (f" {by_digit(match[4], dialled=False)}" if match[4] else "")


def _meridiem(match: re.Match[str]) -> str:
    mark = match["before"] if match["before"] not in (None, "오전", "오후") else match["after"]
    if not mark or (":" not in match["time"] and "시" not in match["time"] and int(match["time"]) > 12):
        return match[0]
    time = match["time"] if ":" in match["time"] or "시" in match["time"] else f"{match['time']}시"
    return f"{'오전' if mark[0] in 'aA' else '오후'} {time}"


def read_times(text: str) -> str:
    """Reads times of day, and records in hours, minutes and seconds where the sentence speaks of one."""
    text = _MERIDIEM.sub(_meridiem, text)
    if ":" not in text:
        return text
    if re.search(r"\d:\d\d\.\d|\d:\d\d:\d\d", text) or _patterns()["record"].search(text):

        def duration(match: re.Match[str]) -> str:
            near = _patterns()["record"].search(text, max(0, match.start() - 30), match.end() + 20)
            return _duration(match) if match[4] or near else match[0]

        text = _DURATION.sub(duration, text)
    return substitute(_TIME, text, _clock)


def read_student_years(text: str) -> str:
    """Reads the year of entry, of birth or of games in two digits."""
    return _STUDENT_YEAR.sub(lambda m: by_digit(m[0], dialled=m[0][0] == "0"), text)
