"""Whatever stands before or after a figure, each of its digits is read, and figures parted by blanks stay apart."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from espnet2_nix.text import normalize

# Syllables by which a digit may be read: Sino-Korean, native, English, and in names of days and months.
READ_AS = {
    "2": "이두둘스투세", "3": "삼세셋서석쓰써", "4": "사네넷너넉포마", "5": "오다파대피쉰", "6": "육유여식뉴륙예", "7": "칠일", "8": "팔여에열",
    "9": "구아나",
}  # fmt: skip
PREFIXES = ["", "가", "끝났습니다.", "음…", "..", ".", "...", "No.", "p.", "Vol.", "v", "3.2.", "1.", "A", "A-", "(", "'", "약 ", "제", "제 ",
            "$", "-", "+", "~", "#", "·", "/", ":", ",", "1,", "영하 ", "총", "B", "km", "x²", "7 ", "7-", "7~", "7/", "7:", "번호 ", "오후 ",
            "비밀번호 ", "ver.", "=", "*", "%", "℃", "①", "²", "한글", "ㅋㅋ", "!", "?", "0", "00", "02-"]  # fmt: skip
ENDINGS = ["", "명", "번", "시", "대", "층", "월", "일", "kg", "m", "%", "℃", "원", "만 원", "억", "번째", "개", ".", ",", "!", ")", "에", "을",
           " 가", "가라바", "B", "F", "K", "호", "-1", "~9", "/4", ":30", ".5", "도", "번 출구", "대 국회", "등", "주일", "여m", "²", " 25", "년",
           "학년", "세트", "㎡당", "+", "x2"]  # fmt: skip


def missing(text, read):
    """Digits of a text, other than 0 and 1 (which 십 and 십일 leave out), that have fewer readings than places."""
    return [d for d in READ_AS if text.count(d) > sum(read.count(syllable) for syllable in READ_AS[d])]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_digit_is_read(prefix):
    for number in ("3", "89", "2345", "4.6"):
        for ending in ENDINGS:
            text = prefix + number + ending
            assert missing(text, normalize(text)) == [], (text, normalize(text))


@settings(max_examples=600, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(PREFIXES),
            st.sampled_from(ENDINGS),
            st.sampled_from([str(n) for n in range(2, 10)]),
            st.text(alphabet="가라바번시대 AaBmkg.,:/-~+·()", max_size=3),
        ),
        max_size=6,
    ).map("".join)
)
@example("192.168.7.25")
@example("3.2.6.9")
@example("2:08:35.7")
def test_every_digit_of_any_context_is_read(text):
    text = text.replace("０", "0")
    assert missing(re.sub(r"[^0-9]", "", text), normalize(text)) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(2, 99), min_size=2, max_size=6))
def test_figures_parted_by_blanks_stay_apart(numbers):
    words = re.split(r"[ ,]+", normalize(" ".join(map(str, numbers))))
    assert len(words) == len(numbers)


def test_circled_figures_stay_apart():
    assert normalize("①②③") == "일, 이, 삼"
