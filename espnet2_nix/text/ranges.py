"""Two figures that belong together: ratios, scores, fractions, sums, ranges."""

from __future__ import annotations

import re

from espnet2_nix.text.counters import counter_pattern, counters
from espnet2_nix.text.numbers import NUMBER, decimal, sino, to_int
from espnet2_nix.text.particles import agree, substitute

_RATIO = re.compile(r"(?<![\d:])(\d+(?:\.\d+)?)\s?:\s?(\d+(?:\.\d+)?)(?:\s?:\s?(\d+(?:\.\d+)?))?(?![\d:])")
_FRACTION = re.compile(r"(?<![\d/.])(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])")
_PART_OF = re.compile(r"(?<!\d)(\d+)\s?분의\s?(\d+)")
_SCORE = re.compile(r"(?<!\d)(\d+)\s?대\s?(\d+)(?!\d)")
_FORMULA = re.compile(
    rf"""(?<![\w.])({NUMBER})\s?([+×÷=<>≤≥*])\s?(?={NUMBER})
        |(?<![\w.])({NUMBER})\s(-)\s(?={NUMBER})  # a minus sign stands between blanks""",
    re.VERBOSE,
)
_OPERATORS = {"+": " 더하기 ", "×": " 곱하기 ", "*": " 곱하기 ", "÷": " 나누기 ", "-": " 빼기 ", "<": " 은 작다 ", ">": " 은 크다 ",
              "≤": " 이하 ", "≥": " 이상 "}  # fmt: skip
_NEGATIVE = re.compile(rf"(?<![\w가-힣)])-\s?(?=(?:{NUMBER})(\s?(?:도|℃|°C|°|℉)(?![가-힣]*로))?)")
_RANGE = re.compile(rf"(?<!\d)({NUMBER})\s?(\D{{0,6}}?)\s?[~]\s?({NUMBER})\s?")
_HYPHEN_RANGE = re.compile(
    rf"""(?<![\d-])({NUMBER})-({NUMBER})
        (?=\s?(?:개|명|일|시|월|년|분|초|주|살|세|대|권|장|번|%|도|km|m|cm|kg|층|쪽|회|배|원|만))""",
    re.VERBOSE,
)


def read_ratios(text: str) -> str:
    """Reads 16:9 as 십육 대 구."""
    return substitute(_RATIO, text, lambda m: " 대 ".join(decimal(g) for g in m.groups() if g))


def read_fractions(text: str) -> str:
    """Reads 2/3 as 삼 분의 이, and figures around 분의."""
    text = _PART_OF.sub(lambda m: f"{sino(int(m[1]))}분의 {m[2]}" if len(m[1]) < 20 else m[0], text)
    return _FRACTION.sub(
        lambda m: (f"{decimal(m[1])}과 " if m[1] else "") + f"{decimal(m[3])} 분의 {decimal(m[2])}", text
    )


def read_scores(text: str) -> str:
    """Reads 3대 1 as 삼 대 일."""
    return substitute(_SCORE, text, lambda m: f"{decimal(m[1])} 대 {decimal(m[2])}")


def _operator(match: re.Match[str]) -> str:
    number, operator = (match[1], match[2]) if match[1] else (match[3], match[4])
    reading = decimal(number)
    if operator == "=":
        return f"{reading}{agree(reading, '은')[0]} "
    return reading + _OPERATORS[operator]


def read_formulas(text: str) -> str:
    """Reads signs between figures, and the sign before one."""
    text = _FORMULA.sub(_operator, text)
    return _NEGATIVE.sub(lambda m: "영하 " if m[1] and m[1].strip() != "°" else "마이너스 ", text)


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
    """Reads two figures joined by ~, or by a hyphen before a counter."""
    text = _HYPHEN_RANGE.sub(r"\1~\2", text)
    for _ in range(4):
        changed = _RANGE.sub(lambda m, now=text: _range(m, now), text)
        if changed == text:
            break
        text = changed
    return text
