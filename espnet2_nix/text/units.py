"""Units: symbols after a figure, alone, with a power, or by another unit."""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.data import read_rows
from espnet2_nix.text.numbers import decimal

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
    return dict(read_rows("units.tsv", 2))


@cache
def unit_pattern() -> str:
    """Gives a regular expression of a speed (group `rate`) or a unit (groups `unit`, `power`, `per`)."""
    symbols = "|".join(re.escape(unit) for unit in sorted(units(), key=lambda u: (-len(u), u)))
    speeds = "|".join(sorted(_SPEEDS, key=lambda s: (-len(s), s)))
    return rf"""(?:(?P<rate>{speeds})(?![A-Za-z])
        |(?P<unit>{symbols})(?P<power>[²³])?(?:/(?P<per>{symbols}|명|개|일|월|년|회))?(?![A-Za-z]))"""


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
        return f"{units().get(match['per'], match['per'])}당 {number} {reading}"
    return f"{number} {reading}"
