"""Figures that are no quantity, read digit by digit: telephone numbers, numbers to call, serial numbers."""

from __future__ import annotations

import re

from espnet2_nix.text.numbers import by_digit

_PHONE = re.compile(
    r"""(?<![\d-])(?:
        \+82[- ]?(\d{1,2})[- ](\d{3,4})[- ](\d{4})               # from abroad
        |\(?(0\d{1,2})\)?[-. ]\s?(\d{3,4})[-. ](\d{4})           # with an area code
        |(01[016789])(\d{3,4})(\d{4})                            # a mobile telephone, in one piece
        |(1[5-9]\d{2})-(\d{4})                                   # a company's number
        )(?![\d-])""",
    re.VERBOSE,
)
_EMERGENCY = re.compile(
    r"""(?<![\d,.-])(11[1-9]|120|182|1339|1345|114)
        (?=에\ ?(?:전화|신고|연락|문의)|[을를로]\ (?:누르|눌러|부르|불러|전화|신고|연락)
        |[번에로를을]?\ ?(?:신고|구급|구조|대원)|로\ )(?!번)""",
    re.VERBOSE,
)
_SERIAL = re.compile(r"(?<![\d-])(\d{2,6})-(\d{2,7})(?:-(\d{2,7}))?(?![\d-])")


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
    return _PHONE.sub(_phone, text)


def read_calls(text: str) -> str:
    """Reads short numbers to call, such as 119."""
    return _EMERGENCY.sub(lambda m: by_digit(m[1]), text)


def read_serials(text: str) -> str:
    """Reads groups of figures joined by hyphens."""
    return _SERIAL.sub(lambda m: " ".join(by_digit(g) for g in m.groups() if g), text)
