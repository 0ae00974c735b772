"""Normalisation: sentences of our own by class, and what must hold for any string."""

import logging
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_nix.text import Lexicon, normalize
from espnet2_nix.text.numbers import native, sino


def bare(text):
    return re.sub(r"[^가-힣]", "", text)


CASES = {
    "numerals": [
        ("값은 10000원", "값은 만 원"),
        ("11만 명", "십일만 명"),
        ("1억 2345만 6789", "일억 이천삼백사십오만 육천칠백팔십구"),
        ("9999999999999999", "구천구백구십구조 구천구백구십구억 구천구백구십구만 구천구백구십구"),
        ("5백만 명", "오백만 명"),
        ("3.14", "삼 점 일사"),
        ("-7", "마이너스 칠"),
    ],
    "events": [
        ("6·25 전쟁과 4.19 혁명", "육이오 전쟁과 사일구 혁명"),
        ("몸무게가 6.25 늘었다", "몸무게가 육 점 이오 늘었다"),
    ],
    "native counters": [
        ("양말 2켤레와 장갑 1켤레", "양말 두 켤레와 장갑 한 켤레"),
        ("19살 형", "열아홉 살 형"),
        ("강아지 3마리", "강아지 세 마리"),
        ("맥주 20병", "맥주 스무 병"),
        ("12시 5분", "열두 시 오 분"),
        ("5시간 40분", "다섯 시간 사십 분"),
    ],
    "sino counters": [
        ("15일 동안", "십오 일 동안"),
        ("7층 3호", "칠 층 삼 호"),
        ("2개월 뒤", "이 개월 뒤"),
        ("21세기", "이십일 세기"),
        ("30대 회사원", "삼십 대 회사원"),
    ],
    "context": [
        ("트럭 3대가 왔다", "트럭 세 대가 왔다"),
        ("4번 버스", "사 번 버스"),
        ("하루에 4번 씻는다", "하루에 네 번 씻는다"),
        ("제5장", "제 오 장"),
        ("책제5장", "책 제 오 장"),
        ("종이 5장", "종이 다섯 장"),
        ("선생님 2분이 계시다", "선생님 두 분이 계시다"),
        ("3대 1로 이겼다", "삼 대 일로 이겼다"),
        ("1번째", "첫 번째"),
    ],
    "dates and times": [
        ("6월과 10월", "유월과 시월"),
        ("2019-10-06", "이천십구 년 시월 육 일"),
        ("7/4까지", "칠 월 사 일까지"),
        ("오전 10:05", "오전 열 시 오 분"),
        ("23:59", "이십삼 시 오십구 분"),
    ],
    "money, percent, units": [
        ("₩5,000", "오천 원"),
        ("$7.5", "칠 점 오 달러"),
        ("12.5%", "십이 점 오 퍼센트"),
        ("5㎏", "오 킬로그램"),
        ("84㎡", "팔십사 제곱미터"),
        ("30m/s", "초속 삼십 미터"),
        ("3.2GHz", "삼 점 이 기가헤르츠"),
        ("기온 -12℃", "기온 영하 십이 도"),
    ],
    "telephone": [
        ("031-987-6543", "공삼일 구팔칠 육오사삼"),
        ("1577-0000", "일오칠칠 공공공공"),
    ],
    "ratios and fractions": [
        ("5:3", "오 대 삼"),
        ("2/5", "오 분의 이"),
        ("¾", "사 분의 삼"),
        ("6~7쪽", "육에서 칠 쪽"),
        ("2~3시", "두 시에서 세 시"),
        ("대전~광주", "대전에서 광주"),
    ],
    "letters": [
        ("DVD", "디브이디"),
        ("MBC와 SBS", "엠비씨와 에스비에스"),
        ("bus를 탔다", "버스를 탔다"),
        ("qxz", "큐엑스제트"),
        ("α와 β", "알파와 베타"),
        ("Ｔシ", None),
    ],
    "signs": [
        ("물 & 불", "물 앤 불"),
        ("2+3=5", "이 더하기 삼은 오"),
        ("abc_1@daum.net", "에이비씨 밑줄 일 골뱅이 다음 점 넷"),
        ("‘가’ 「나」 (다)", "가 나 다"),
        ("웃기네ㅋㅋㅋ 😀", "웃기네"),
        ("大韓民國 女性", "대한민국 여성"),
        ("李氏와 理由", "이씨와 이유"),
    ],
}


@pytest.mark.parametrize(
    ("written", "read"), [case for name in CASES for case in CASES[name] if case[1]], ids=lambda value: value
)
def test_reading(written, read):
    assert bare(normalize(written)) == bare(read)


def test_marks_and_spaces():
    assert normalize("가 …  나!!!  다??  ,라") == "가. 나! 다? 라"
    assert normalize("“가” ‘나’") == "가 나"
    assert normalize("  . 가") == "가"


def test_words_that_sound_like_numbers_stay():
    for text in ("만약 천사가 백화점에 간다면", "오이와 구두, 일요일과 이사"):
        assert normalize(text) == text


def test_forms_of_unicode_read_alike():
    text = "2월 3일, 각을 ㎝로 재라"
    forms = {normalize(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert len(forms) == 1
    assert normalize("ＡＩ ３개") == normalize("AI 3개") == "에이아이 세 개"
    assert normalize("가\u200b나\ufeff다") == "가나다"


def test_what_cannot_be_read_is_reported_once_with_its_place(caplog):
    with caplog.at_level(logging.WARNING):
        assert normalize("가 क क 나") == "가 나"
    assert [record.getMessage() for record in caplog.records] == ["cannot read 'क' (U+0915) at position 2"]


def test_a_users_lexicon_comes_first(tmp_path):
    path = tmp_path / "lexicon.tsv"
    path.write_text("# names\nGIMP\t김프\nGI\t지아이\n3M\t쓰리엠\n", encoding="utf-8")
    lexicon = Lexicon.read(path)
    assert normalize("GIMP와 GI와 3M, GIX", lexicon) == "김프와 지아이와 쓰리엠, 지아이엑스"
    path.write_text("no tab\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1"):
        Lexicon.read(path)


def test_numerals():
    assert [sino(n) for n in (0, 10, 101, 1111, 10000, 100000000)] == ["영", "십", "백일", "천백십일", "만", "일억"]
    assert [native(n) for n in (1, 4, 20, 21, 99, 120)] == ["한", "네", "스무", "스물한", "아흔아홉", "백스무"]


@settings(max_examples=2000, deadline=None)
@given(st.text())
def test_any_string_gives_hangul_and_marks_and_stays(text):
    once = normalize(text)
    assert re.fullmatch(r"[가-힣 .,?!]*", once)
    assert normalize(once) == once
    assert "  " not in once


@settings(max_examples=1000, deadline=None)
@given(st.text(alphabet="0123456789.,:/-~+%₩$가나대번시월개 ABkmg°℃()&@#=", max_size=24))
def test_any_mixture_of_figures_is_read(text):
    assert re.fullmatch(r"[가-힣 .,?!]*", normalize(text))
