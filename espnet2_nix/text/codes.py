"""Figures that are no quantity, read digit by digit: telephone numbers, numbers to call, codes after the noun that names them."""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.counters import counter_pattern
from espnet2_nix.text.data import any_of
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.numbers import by_digit, sino
from espnet2_nix.text.particles import substitute
from espnet2_nix.text.roman import read_word, spell

CONTEXTS = "contexts.tsv"
_PHONE = Lazy(
    r"""(?<![\d-])(?:
        \+82[- ]?(?:\(0\))?(\d{1,2})[- ](\d{3,4})[- ](\d{4})             # from abroad
        |\(?(0\d{1,3})\s?\)?\s?[-.) ]\s?(\d{3,4})\s?[-. ]\s?(\d{4})      # with an area code
        |(01[016789])(\d{3,4})(\d{4})                                    # a mobile telephone, in one piece
        |(1[5-9](?:00|11|22|33|44|55|66|77|88|99)|1[5-9]\d{2}(?=-))-?(\d{4})(?!원|\s?[만억])  # a company's number
        )(?![\d-])""",
    re.VERBOSE,
)
_PLATE = Lazy(
    r"(?<!\d)(\d{2,3})\s?([가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호])\s?(\d{4})(?!\d)"
)
_MASKED = Lazy(
    r"(?:(?<=[*●○]{2})-(?=\d{2,6}(?!\d))|(?<=[*●○]{3})(?=\d{4}(?!\d)))(\d+)(?![,.]\d)|(?<![\d,.])(\d{3,4})-(?=[*●○]{2})"
)
_FOURS = Lazy(r"(?<![\d-])(\d{4})([- ])(\d{4})\2(\d{4})(?:\2(\d{4}))?(?![\d-])")
_SERIAL = Lazy(r"(?<![\d-])(\d{2,})-(\d{2,})((?:-\d+)*)(?![\d-])|(?<![\d-])(\d+)-(\d+)-(\d+)((?:-\d+)*)(?![\d-])")
_MIXED = Lazy(r"(?<![A-Za-z0-9])[A-Za-z]{1,12}(?:-?\d{1,12}-?[A-Za-z]{1,12}){1,6}(?:-?\d{1,12})?(?![A-Za-z0-9])")
_BASEMENT = Lazy(r"(?<![A-Za-z0-9])B([1-9])(?:F(?![A-Za-z0-9])|(?=\s?(?:층|주차|식당|푸드|매장|출구)))(?:\s?층)?")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    called = any_of(CONTEXTS, "calls")
    return {
        "call": re.compile(
            rf"""(?<![\d,.\-A-Za-z])(?:
                (119|112)(?!-\d|\s?(?:[번개명원년월일회대배점세도]|여|%|[만억천]|쪽|페이지|킬로|미터|[A-Za-z]))
                |({called})(?=(?:번)?(?:에|으로|로|을|를)?\ ?(?:전화|신고|연락|문의|상담|누르|눌러|부르|불러|걸|안내|구급|구조|대원|콜|다산콜)|로\ )
                )(?!\d)""",
            re.VERBOSE,
        ),
        "code": re.compile(
            rf"""(?:{any_of(CONTEXTS, "code-heads")}|(?<!등)(?<!대기\ )(?<!대기)(?<!당첨)(?<!당첨\ )(?<!로또\ )번호)
                (?:\ ?(?:끝자리|뒷자리|앞자리))?(?:은|는|이|가|:|\ :)?\ ?[(\[#*]?
                (?P<code>[A-Za-z]{{0,4}}-?\d[\d\ -]*\d)(?![\d,.]\d|\s?(?:자리|번째|개|회)|\s?(?:만(?![료기])|억|조(?=\s|원|\d)|천만|백만|원|달러|명|%)|\d)(?P<key>[*\#])?""",
            re.VERBOSE,
        ),
    }


def _phone(match: re.Match[str]) -> str:
    groups = [group for group in match.groups() if group]
    read = [by_digit(group) for group in groups]
    if match[0].startswith("+82"):
        return "플러스 팔이 " + " ".join(read)
    if len(read) == 3 and groups[0].startswith("01"):
        return f"{read[0]} {read[1]}에 {read[2]}"
    return " ".join(read)


def read_phones(text: str) -> str:
    """Reads telephone numbers."""
    return substitute(_PHONE, text, _phone)


def read_calls(text: str) -> str:
    """Reads short numbers to call, such as 119."""
    return substitute(_patterns()["call"], text, lambda m: by_digit(m[0]))


def _groups(code: str) -> str:
    letters = "".join(re.findall(r"\A[A-Za-z]*", code))
    digits = [by_digit(group) for group in re.findall(r"\d+", code)]
    return " ".join([spell(letters), *digits]).strip()


_KEYS = {"*": " 별표", "#": " 샵"}
"""Keys of a door or a telephone after a code."""


def _code(match: re.Match[str]) -> str | None:
    digits = re.sub(r"\D", "", match["code"])
    label = match.string.startswith("번", match.end()) and len(digits) < 4
    if len(digits) < 3 or label or re.search(r"\d \d{1,2}(?!\d)", match["code"]):
        return None  # a short number is a label: 번호 35
    lead = match[0][: match.start("code") - match.start()].replace("*", " 별표 ")
    return lead + _groups(match["code"]) + _KEYS.get(match["key"], "")


def _plate(match: re.Match[str]) -> str | None:
    if counter_pattern().match(match.string, match.end()) or re.compile(r"\s?[만억천원여%]").match(
        match.string, match.end()
    ):
        return None  # 10조 5000억 is a sum
    return f"{sino(int(match[1]))} {match[2]} {by_digit(match[3])}"


def read_codes(text: str) -> str:
    """Reads codes after their head nouns or half hidden by stars, number plates and groups of four figures."""
    text = substitute(_MASKED, text, lambda m: f" {by_digit(m[1] or m[2])}" + (" " if m[2] else ""))
    text = substitute(_PLATE, text, _plate)
    text = substitute(_patterns()["code"], text, _code)
    return substitute(_FOURS, text, lambda m: " ".join(by_digit(g) for g in (m[1], m[3], m[4], m[5]) if g))


def read_serials(text: str) -> str:
    """Reads groups of figures joined by hyphens."""
    return substitute(_SERIAL, text, lambda m: " ".join(by_digit(g) for g in re.findall(r"\d+", m[0])))


_FLIGHT = Lazy(r"(?<![A-Za-z0-9])([A-Z]{2})\s?(\d{3,4})(?=\s?편)")


def _mixed(match: re.Match[str]) -> str:
    parts = []
    for part in re.findall(r"[A-Za-z]+|\d+", match[0]):
        if part.isalpha():
            parts.append(read_word(part) if len(part) > 2 else spell(part))
        else:
            parts.append(by_digit(part) if len(part) > 3 or part[0] == "0" else sino(int(part)))
    return " ".join(parts)


def read_mixed(text: str) -> str:
    """Reads names of letters and figures in turn (A1B2, i7-13700K), and floors under the ground (B1F)."""
    text = _FLIGHT.sub(lambda m: f"{spell(m[1])} {by_digit(m[2])}", text)
    return substitute(_MIXED, _BASEMENT.sub(r"지하 \1층", text), _mixed)
