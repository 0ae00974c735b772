"""Units: symbols after a figure, alone, with a power, or by another unit."""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.data import read_rows
from espnet2_nix.text.numbers import NUMBER, decimal
from espnet2_nix.text.particles import substitute

POWERS = {"²": "제곱", "³": "세제곱"}
_SPEEDS = {
    "km/h": "시속",
    "Km/h": "시속",
    "KM/H": "시속",
    "km/hr": "시속",
    "km/s": "초속",
    "m/s": "초속",
    "m/min": "분속",
}


@cache
def units() -> dict[str, str]:
    """Gives the readings of unit symbols."""
    return {symbol: reading for symbol, reading in read_rows("units.tsv", 2)}  # noqa: C416


@cache
def unit_pattern() -> str:
    """Gives a regular expression of a speed (group `rate`) or a unit (groups `unit`, `power`, `per`)."""
    symbols = "|".join(re.escape(unit) for unit in sorted(units(), key=lambda u: (-len(u), u)))
    speeds = "|".join(sorted(_SPEEDS, key=lambda s: (-len(s), s)))
    return rf"""(?:(?P<rate>{speeds})(?![A-Za-z])
        |(?P<unit>{symbols})(?P<power>[²³])?(?:/\s?(?P<per>{symbols}|명|개|일|월|년|회|분|초|시간|인)(?P<per_power>[²³])?)?(?![A-Za-z]))"""


def read_unit(match: re.Match[str], written: str, before: str) -> str:
    """Reads a number with the unit after it.

    Args:
        match: A match of `unit_pattern`.
        written: The number as written.
        before: Text before the number: a speed that is named there is not named again.

    Returns:
        The reading, such as 시속 백 킬로미터.
    """
    number = decimal(written)
    if match["rate"]:
        speed = _SPEEDS[match["rate"]]
        said = "" if before.rstrip().endswith(speed) else f"{speed} "
        return f"{said}{number} {'킬로미터' if match['rate'].lower().startswith('km') else '미터'}"
    reading = POWERS.get(match["power"] or "", "") + units()[match["unit"]]
    if match["per"]:
        per = POWERS.get(match["per_power"] or "", "") + units().get(match["per"], match["per"])
        return f"{per}당 {number} {reading}"
    return f"{number} {reading}"


@cache
def _each() -> re.Pattern[str]:
    symbols = "|".join(re.escape(u) for u in sorted(units(), key=lambda u: (-len(u), u)) if len(u) >= _LONG)
    return re.compile(
        rf"(?<![\d.,/])({NUMBER}(?:\s?[천백]?[만억])?)\s?/\s?(?P<unit>{symbols}|(?=[mM][²³])m)(?P<power>[²³])?(?![A-Za-z0-9/])"
    )


def read_each(text: str) -> str:
    """Puts the unit before a number of so many in each: 4,500/μL is 마이크로리터당 4,500."""
    return _each().sub(lambda m: f"{POWERS.get(m['power'] or '', '')}{units()[m['unit']]}당 {m[1]}", text)


_LONG = 2
"""From how many letters a unit may stand apart from the word before it (수십 km)."""


@cache
def _alone() -> re.Pattern[str]:
    symbols = sorted(units(), key=lambda u: (-len(u), u))
    letters = "|".join(re.escape(unit) for unit in symbols if unit[0].isalpha())
    long = "|".join(re.escape(unit) for unit in symbols if unit[0].isalpha() and len(unit) >= _LONG)
    return re.compile(
        rf"""(?<![A-Za-z0-9])(?P<each>{letters})(?P<each_power>[²³])?\s?(?=당(?![가-힣]))       # kg당
            |(?<=[여수몇십백천만억])(?:(?P<unit>{letters})|\ (?P<far>{long})|(?<=수[십백천만])\ (?P<near>[mgLt]))(?P<power>[²³])?(?![A-Za-z])  # 200여m, 수십 km""",
        re.VERBOSE,
    )


def read_units_alone(text: str) -> str:
    """Reads units without a figure beside them: kg당, 200여m, 수십 km, 5만 kWh."""

    def read(match: re.Match[str]) -> str:
        unit, power = (
            (match["each"], match["each_power"])
            if match["each"]
            else (match["unit"] or match["far"] or match["near"], match["power"])
        )
        return ("" if match["each"] else " ") + POWERS.get(power or "", "") + units()[unit]

    return substitute(_alone(), text, read)
