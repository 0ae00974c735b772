"""Everything with figures, from the most specific form (dates, times, telephone numbers) to the bare number."""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text import codes, dates, ranges
from espnet2_nix.text.counters import WINDOW, counter_pattern, read_counter
from espnet2_nix.text.numbers import NUMBER, decimal
from espnet2_nix.text.particles import is_particle, substitute
from espnet2_nix.text.syllables import is_syllable
from espnet2_nix.text.units import read_unit, unit_pattern

CURRENCIES = {"₩": "원", "$": "달러", "€": "유로", "£": "파운드", "¥": "엔"}
_MONEY = re.compile(rf"([{''.join(CURRENCIES)}])\s?({NUMBER})\s?(만|억|천|백만|천만|조|million|billion)?")
_MYRIAD = re.compile(
    rf"""(?<![\d.])({NUMBER})\s?
        ((?:십|백|천)?(?:만|억|조(?!각|사|합|항)|경(?!기|우|찰))|천(?!사|명\ ?이)|백(?!화|팩))  # no 조각, 경기, 천사, 백화점
        (\s?)(?=\d|[천백십만억조]|[^가-힣]|[가-힣]|$)""",
    re.VERBOSE,
)


def read_money(text: str) -> str:
    """Moves the name of a currency behind its figure."""
    return _MONEY.sub(lambda m: f"{m[2]}{m[3] or ''} {CURRENCIES[m[1]]}", text)


def _myriad(match: re.Match[str]) -> str:
    number, myriad = match[1], match[2]
    if "." in number:
        return f"{decimal(number)}{myriad}{match[3]}"
    reading = "" if number == "1" and myriad in ("만", "천", "백", "천만", "백만", "십만") else decimal(number)
    counter = not match[3] and counter_pattern().match(match.string, match.end())
    return f"{reading}{myriad}{match[3]}" + (" " if counter and not is_particle(match.string, match.end()) else "")


def read_myriads(text: str) -> str:
    """Reads figures before 만, 억 and the like: 1만2천 is 만 이천."""
    return _MYRIAD.sub(_myriad, text)


@cache
def _number() -> re.Pattern[str]:
    return re.compile(
        rf"""(?P<ordinal>제\s?)?(?<![\d.])(?P<number>{NUMBER})\s?
            (?:{unit_pattern()}|(?P<counter>{counter_pattern().pattern}))?""",
        re.VERBOSE,
    )


def _read_number(match: re.Match[str]) -> str:
    """Reads one number with what follows it: unit symbol, counter or nothing."""
    written, text, end = match["number"], match.string, match.end()
    before = text[max(0, match.start() - WINDOW) : match.start()]
    glued = before[-1:].isascii() and before[-1:].isalpha()
    lead = " " if glued or (before and is_syllable(before[-1]) and match["ordinal"]) else ""
    if match["ordinal"]:
        lead += "제 "
    if match["unit"] or match["rate"]:
        return lead + read_unit(match, written, before)
    if match["counter"]:
        return lead + read_counter(written, match["counter"], before, text, end, ordinal=bool(match["ordinal"]))
    reading = decimal(written)
    if glued and not match["ordinal"]:
        return f" {reading}"
    # A noun that follows at once (3선) is kept apart from the figure's reading.
    noun = re.compile("[가-힣]{2}").match(text, end) and not is_particle(text, end)
    return f"{lead}{reading}{' ' if noun else ''}"


def read_numbers(text: str) -> str:
    """Reads the figures that are left, each with the unit or the counter after it."""
    return substitute(_number(), text, _read_number)


STEPS = (
    dates.read_dates,
    codes.read_phones,
    dates.read_events,
    codes.read_calls,
    dates.read_times,
    ranges.read_ratios,
    dates.read_student_years,
    read_money,
    ranges.read_fractions,
    ranges.read_scores,
    ranges.read_formulas,
    ranges.read_ranges,
    codes.read_serials,
    read_myriads,
    read_numbers,
)


def read_figures(text: str) -> str:
    """Reads every figure of a text."""
    if not re.search(r"[0-9]", text):
        return text
    for step in STEPS:
        text = step(text)
    return text
