"""Numerals read aloud: Sino-Korean cardinals, native numerals, digit by digit, decimals."""

from __future__ import annotations

DIGITS = "영일이삼사오육칠팔구"
DIALLED = "공일이삼사오육칠팔구"
MYRIADS = ("", "만", "억", "조", "경")
NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
"""Regular expression of a number as written: 1,234.5 or 1234.5."""
LARGEST_LENGTH = 20
"""Digits of the largest cardinal with a name here; longer numbers are read digit by digit."""

_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_ONES_BEFORE_NOUN = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")


def _sino_below_myriad(number: int) -> str:
    read = ""
    for place, name in ((1000, "천"), (100, "백"), (10, "십")):
        digit, number = divmod(number, place)
        if digit:
            read += ("" if digit == 1 else DIGITS[digit]) + name
    return read + (DIGITS[number] if number else "")


def sino(number: int) -> str:
    """Reads a cardinal in Sino-Korean numerals.

    Args:
        number: 0 to 10^20 - 1.

    Returns:
        The reading, with a space after each myriad. 일 is dropped before 십, 백, 천, and before 만 at the front.
    """
    if number == 0:
        return DIGITS[0]
    groups: list[str] = []
    for myriad in MYRIADS:
        number, group = divmod(number, 10000)
        if group:
            front = "" if myriad == "만" and group == 1 and not number else _sino_below_myriad(group)
            groups.append(front + myriad)
    return " ".join(reversed(groups))


def native(number: int) -> str:
    """Reads a count as it stands before a noun.

    Args:
        number: 1 or more. Hundreds are always Sino-Korean; below that 1 to 99 are native (한, 두, 스무, 스물한).

    Returns:
        The reading.
    """
    hundreds, rest = divmod(number, 100)
    read = sino(hundreds * 100) if hundreds else ""
    if rest == 20:
        return read + "스무"
    tens, ones = divmod(rest, 10)
    return read + _TENS[tens] + _ONES_BEFORE_NOUN[ones]


def counted(number: int, limit: int) -> str:
    """Reads a count: native as far as a limit, Sino-Korean above it."""
    return native(number) if 1 <= number <= limit else sino(number)


def to_int(written: str) -> int | None:
    """Gives the value of an integer as written; None for decimals and for what has no name here."""
    plain = written.replace(",", "")
    return int(plain) if plain.isdigit() and len(plain) <= LARGEST_LENGTH else None


def by_digit(digits: str, dialled: bool = True) -> str:
    """Reads digits one by one.

    Args:
        digits: ASCII digits; everything else in the string is passed over.
        dialled: Whether 0 is 공, as in telephone numbers, rather than 영.

    Returns:
        One syllable a digit.
    """
    names = DIALLED if dialled else DIGITS
    return "".join(names[int(digit)] for digit in digits if digit in "0123456789")


def integer(digits: str) -> str:
    """Reads an integer as written: as a cardinal, or digit by digit after a leading zero or beyond 10^20."""
    plain = digits.replace(",", "")
    if (len(plain) > 1 and plain[0] == "0") or len(plain) > LARGEST_LENGTH:
        return by_digit(plain)
    return sino(int(plain))


def decimal(written: str) -> str:
    """Reads a number as written, with or without a decimal point.

    Args:
        written: ASCII digits with optional thousands commas and an optional fraction, such as `1,234.50`.

    Returns:
        The reading, with `점` before the digits of the fraction.
    """
    whole, point, fraction = written.partition(".")
    read = sino(0) if not whole.strip("0,") and point else integer(whole)
    return f"{read} 점 {by_digit(fraction, dialled=False)}" if fraction else read
