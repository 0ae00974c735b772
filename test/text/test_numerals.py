"""How numerals sound: every number to 99,999 against a table of sound rules that knows nothing of the front-end."""

import pytest

from espnet2_nix.text import pronounce
from espnet2_nix.text.numbers import native, sino

DIGITS = "-일이삼사오육칠팔구"
# What two syllables of a numeral become side by side; pairs not named stay as they are. Article 29: ㄴ before 육.
# Articles 18 and 23: 십, 백, 육 before what follows. Article 13: finals move to 일, 이, 오. Article 26: 칠십, 팔십.
PAIRS = {
    "십육": "심뉵", "백육": "뱅뉵", "천육": "천뉵", "만육": "만뉵",
    "십일": "시빌", "십이": "시비", "십오": "시보", "백일": "배길", "백이": "배기", "백오": "배고",
    "천일": "처닐", "천이": "처니", "천오": "처노", "만일": "마닐", "만이": "마니", "만오": "마노",
    "십삼": "십쌈", "십사": "십싸", "십구": "십꾸", "백삼": "백쌈", "백사": "백싸", "백구": "백꾸", "백십": "백씹",
    "육십": "육씹", "육백": "육빽", "칠십": "칠씹", "팔십": "팔씹", "육만": "융만",
}  # fmt: skip


def spelled(number):
    """A cardinal as it is written in Hangul, without blanks."""
    out = ""
    for place, name in ((10000, "만"), (1000, "천"), (100, "백"), (10, "십"), (1, "")):
        digit, number = divmod(number, place)
        if digit:
            out += ("" if digit == 1 and name else DIGITS[digit]) + name
    return out


def sounded(written):
    """Applies the table from left to right; a pair hands its second syllable on."""
    out = list(written)
    for index in range(len(written) - 1):
        pair = PAIRS.get(written[index : index + 2])
        if pair:
            out[index] = out[index][:1] if out[index] == written[index] else out[index]
            left, right = pair
            out[index] = merge(out[index], written[index], left)
            out[index + 1] = right
    return "".join(out)


def merge(now, written, left):
    """A syllable changed at its front by the pair before (육 -> 뉵) and at its end by this one (육 -> 융): both changes."""
    if now == written:
        return left
    front, end = ord(now) - 0xAC00, ord(left) - 0xAC00
    return chr(0xAC00 + front // 28 * 28 + end % 28)


def test_the_table_on_numbers_known_by_heart():
    known = {
        16: "심뉵",
        26: "이심뉵",
        66: "육씸뉵",
        106: "뱅뉵",
        166: "뱅뉵씸뉵",
        1600: "천뉵빽",
        2016: "이천심뉵",
        11: "시빌",
    }
    assert {number: sounded(spelled(number)) for number in known} == known


@pytest.mark.parametrize("myriad", range(10))
def test_every_number_sounds_as_the_table_says(myriad):
    for number in range(max(1, myriad * 10000), (myriad + 1) * 10000):
        assert pronounce(sino(number)).replace(" ", "") == sounded(spelled(number)), number


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("16층", "심뉵 층"),
        ("2016년", "이천심늉 년"),
        ("0.6", "영 점 뉵"),
        ("1등", "일뜽"),
        ("1주일", "일쭈일"),
        ("1대1", "일때일"),
        ("열 시", "열 씨"),
        ("여덟 개", "여덜 깨"),
        ("스물여덟 살", "스물려덜 쌀"),
        ("열 명", "열 명"),
        ("여덟도", "여덜도"),
        ("열 감지", "열 감지"),
        ("하지만 육체", "하지만 육체"),
        ("육이오", "유기오"),
    ],
)
def test_numerals_in_their_places(written, spoken):
    assert pronounce(written) == spoken


def test_native_numerals_above_ten_keep_the_sound_of_their_last():
    for number in (18, 28, 38, 98):
        assert pronounce(f"{native(number)} 개").endswith("덜 깨")
