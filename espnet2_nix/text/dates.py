"""Dates, times of day and days by which events are known."""

from __future__ import annotations

import re

from espnet2_nix.text.numbers import by_digit, counted, sino

_DATE = re.compile(
    r"(?<![\d.])((?:1[0-9]|20)\d{2})\s?[-./]\s?(0?[1-9]|1[0-2])\s?[-./]\s?(0?[1-9]|[12]\d|3[01])(?!\d)\.?"
)
_MONTH_DAY = re.compile(
    r"""(?<![\d/.])(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])(?![\d/])  # month and day, if what follows is said of a day
        (?=\s?\(?[월화수목금토일]\)|\s?[월화수목금토일]요일
        |까지|부터|에\s|에는|자\s|\s(?:오전|오후|아침|저녁|마감|예정|개최|출발))""",
    re.VERBOSE,
)
_TIME = re.compile(r"(?<![\d:.])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_EVENT = re.compile(
    r"""(?<![\d.·])(3[.·]1|4[.·]3|4[.·]19|5[.·]16|5[.·]18|6[.·]25|8[.·]15|9[.·]11)(?![\d.·])
        (?=\s?(?:전쟁|운동|혁명|민주|광복|사태|사변|테러|절(?![가-힣]{2})|독립|항쟁|만세|사건|정변|군사))""",
    re.VERBOSE,
)
_STUDENT_YEAR = re.compile(r"(?<!\d)(\d\d)(?=학번|년생|년도? ?입학)")


def month(number: int) -> str:
    """Reads a month: 6월 is 유월, 10월 is 시월."""
    return {6: "유월", 10: "시월"}.get(number) or f"{sino(number)} 월"


def _time(match: re.Match[str]) -> str:
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    reading = ("영" if hour == 0 else counted(hour, 12)) + " 시"
    if minute:
        reading += f" {sino(minute)} 분"
    if second:
        reading += f" {sino(int(second))} 초"
    return reading


def read_dates(text: str) -> str:
    """Reads years with months and days, and months with days."""
    text = _DATE.sub(lambda m: f"{sino(int(m[1]))} 년 {month(int(m[2]))} {sino(int(m[3]))} 일", text)
    return _MONTH_DAY.sub(lambda m: f"{month(int(m[1]))} {sino(int(m[2]))} 일", text)


def read_events(text: str) -> str:
    """Reads days by which events are known; digit by digit, unlike a decimal number."""
    return _EVENT.sub(lambda m: by_digit(m[1]), text)


def read_times(text: str) -> str:
    """Reads times of day."""
    return _TIME.sub(_time, text)


def read_student_years(text: str) -> str:
    """Reads the year of entry or birth in two digits."""
    return _STUDENT_YEAR.sub(lambda m: by_digit(m[1], dialled=m[1][0] == "0"), text)
