"""Everything with figures, from the most specific form (dates, codes, scores) to the bare number.

Each step reads what it knows and leaves the rest; the last one leaves no figure unread.
"""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text import codes, dates, ranges
from espnet2_nix.text.counters import WINDOW, counter_pattern, read_counter
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.numbers import NUMBER, by_digit, decimal, integer, to_int
from espnet2_nix.text.particles import is_particle, substitute
from espnet2_nix.text.syllables import is_syllable
from espnet2_nix.text.units import read_each, read_unit, read_units_alone, unit_pattern

CURRENCIES = {"₩": "원", "$": "달러", "€": "유로", "£": "파운드", "¥": "엔"}
_MONEY = Lazy(rf"([{''.join(CURRENCIES)}])\s?({NUMBER})\s?(만|억|천|백만|천만|조|million|billion)?")
_MYRIAD = Lazy(
    rf"""(?<![\d.])({NUMBER})\s?
        ((?:십|백|천)?(?:만|억|조(?!각|사|합|항)|경(?!기|우|찰))|천(?!사|명\ ?이)|백(?!화|팩))  # no 조각, 경기, 천사, 백화점
        (\s?)(?=\d|[천백십만억조]|[^가-힣]|[가-힣]|$)""",
    re.VERBOSE,
)
_POINT = Lazy(r"(?<![^\s(~+\-])\.(?=\d)")
_DOTTED = Lazy(r"(?<![\d.])(?:(제)\s?)?(\d+(?:\.\d+){2,})(?![\d])")
_CIRCLED_ONE = Lazy(r"(?<=\d) {2,}(?=\d)")
_POWER = Lazy(r"(?<=[\w)])\^\s?(\d+|[a-z])")
_ANGLE = Lazy(r"(?<!\d)(\d+)\s?°\s?(\d+)\s?[′'](?:\s?(\d+)\s?[″\"])?")
_DAYS_LEFT = Lazy(r"(?<![A-Za-z0-9])D-(?=\d)")
_PAR = Lazy(r"(?<![가-힣])파\s?([3-6])(?=\s?(?:홀|에서|의|짜리|[,.]|$))")
_PARS = {"3": "쓰리", "4": "포", "5": "파이브", "6": "식스"}
_MARKED = Lazy(
    r"(?<![A-Za-z0-9])([pP]{1,2}|[Nn][Oo]|NO|[Cc]h|[Ff]ig|[Ee][Pp]|[Vv]ol|[Vv]er|[Ll]v|TOP|Top|[Vv])\.?\s?(?=\d)"
)
_MARKS = {"p": "페이지", "pp": "페이지", "no": "넘버", "ch": "챕터", "fig": "그림", "ep": "에피소드", "vol": "볼륨", "ver": "버전",
          "lv": "레벨", "top": "톱", "v": "브이"}  # fmt: skip


def read_money(text: str) -> str:
    """Moves the name of a currency behind its figure."""
    return _MONEY.sub(lambda m: f"{m[2]}{m[3] or ''} {CURRENCIES[m[1]]}", text)


def read_marked(text: str) -> str:
    """Reads abbreviations before a figure (No.5, p.35), a figure that begins with its point, and the par of a hole."""
    text = _POINT.sub("0.", _CIRCLED_ONE.sub(", ", text))
    text = _DAYS_LEFT.sub("디 마이너스 ", _POWER.sub(r"의 \1제곱", text))
    text = _ANGLE.sub(lambda m: f"{m[1]}도 {m[2]}분" + (f" {m[3]}초" if m[3] else ""), text)
    text = _PAR.sub(lambda m: f"파 {_PARS[m[1]]} ", text)

    def read(match: re.Match[str]) -> str:
        if match[1] in ("p", "P") and "." not in match[0]:
            return match[0]
        return f" {_MARKS[match[1].lower()]} "

    return _MARKED.sub(read, text)


def read_dotted(text: str) -> str:
    """Reads figures with two points and more: versions and clauses by their parts, addresses by their digits."""

    def read(match: re.Match[str]) -> str:
        parts = match[2].split(".")
        if len(parts[0]) <= 3 and parts[0] != "0" and all(len(part) == 3 for part in parts[1:]) and len(parts) < 4:
            reading = integer("".join(parts))  # points instead of commas: 1.000.000
        elif len(parts) == 4 and all(len(part) <= 3 for part in parts):
            reading = " 점 ".join(by_digit(part, dialled=False) for part in parts)
        else:
            reading = " 점 ".join(integer(part) for part in parts)
        return f"제 {reading} " if match[1] else reading

    return substitute(_DOTTED, text, read)


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
        rf"""(?P<ordinal>제\s?)?(?P<number>{NUMBER})
            (?:\s?(?:{unit_pattern()}|(?P<counter>{counter_pattern().pattern}))|(?P<floor>F)(?![A-Za-z0-9]))?""",
        re.VERBOSE,
    )


_NEXT_FIGURE = Lazy(r"\s+(?=\d)")
_NOUN = Lazy("[가-힣]{2}")


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
        reading = read_counter(written, match["counter"], before, text, end, ordinal=bool(match["ordinal"]))
        return lead + reading + (" " if text[end : end + 1].isdigit() else "")
    reading = decimal(written)
    if match["floor"]:
        floor = to_int(written)
        return f"{lead}{reading} {'층' if floor and floor < 130 and not glued else '에프'}"
    if _NEXT_FIGURE.match(text, end):
        return f"{lead}{reading},"  # figures parted by blanks stay apart
    if glued and not match["ordinal"]:
        return f" {reading}"
    # A noun that follows at once (3선) is kept apart from the figure's reading.
    noun = _NOUN.match(text, end) and not is_particle(text, end)
    return f"{lead}{reading}{' ' if noun else ''}"


def read_numbers(text: str) -> str:
    """Reads the figures that are left, each with the unit or the counter after it."""
    return substitute(_number(), text, _read_number)


STEPS = (
    read_marked,
    dates.read_dates,
    codes.read_phones,
    codes.read_codes,
    codes.read_mixed,
    dates.read_events,
    codes.read_calls,
    dates.read_times,
    ranges.read_ratios,
    dates.read_student_years,
    read_money,
    read_each,
    ranges.read_fractions,
    ranges.read_scores,
    ranges.read_formulas,
    ranges.read_approximate,
    ranges.read_ranges,
    codes.read_serials,
    read_dotted,
    read_myriads,
    read_numbers,
)


def read_figures(text: str) -> str:
    """Reads every figure of a text, and units that stand without one."""
    if re.search(r"[0-9]", text):
        for step in STEPS:
            text = step(text)
    return read_units_alone(text) if re.search(r"[A-Za-z]", text) else text
