"""Readings of whole sentences and of single forms, in tables beside this file."""

import re
from pathlib import Path

import pytest

from espnet2_nix.text import normalize, unknown_symbols

HERE = Path(__file__).parent


def rows(name):
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def bare(text):
    return re.sub(r"[^가-힣]", "", text)


@pytest.mark.parametrize("trade", sorted({row[0] for row in rows("everyday.tsv")}))
def test_sentences_of_a_trade(trade):
    wrong = [
        (t, normalize(t))
        for c, t, r in rows("everyday.tsv")
        if c == trade and bare(normalize(t)) not in map(bare, r.split("|"))
    ]
    assert wrong == []


def test_forms():
    assert [(t, normalize(t)) for t, r in rows("forms.tsv") if bare(normalize(t)) != bare(r)] == []


def test_old_hangul_leaves_no_letter_behind():
    assert normalize("ᄒᆞᆫ글") == "한글"
    assert normalize("나ᄅᆞᆯ") == "나랄"
    assert normalize("가\u114c나") == "가나"  # an initial of its own
    assert normalize("각\u11ab나") == "각나"  # a final without its syllable
    assert unknown_symbols("ᄒᆞᆫ글") == []
    assert unknown_symbols("가\u114c나") == ["\u114c"]


def test_labels_and_counts_in_one_sentence():
    assert bare(normalize("3번 창구에서 3번 불렀다")) == "삼번창구에서세번불렀다"
    assert bare(normalize("4대 보험과 차 4대")) == "사대보험과차네대"
    assert bare(normalize("1권에서 3권까지 3권을 샀다")) == "일권에서삼권까지세권을샀다"
    assert (
        bare(normalize("2세트를 25-23으로 이기고 양말 2세트를 받았다"))
        == "이세트를이십오대이십삼으로이기고양말두세트를받았다"
    )


# What of everyday_more.tsv is still read wrong, so that a change of any of them is looked at; docs/frontend.md says why.
STILL_WRONG = {
    "신분증 1부와 도장 1개를 가져오세요.",  # a copy is 한 부, a part 일 부
    "예상 도착 12:05, 현재 3집 남았습니다.",  # houses, or a singer's third album
    "후반 45+3분에 동점골이 나왔다.",  # a sum elsewhere
    "0:35부터 본론입니다.",  # a time of day elsewhere
    "3:20쯤에 나오는 노래 뭐예요?",
    "1편은 지난주에 올렸고 오늘은 2편입니다.",  # films are counted alike
    "선풍기 3단으로 틀어 줘.",  # bundles are counted alike
}


def test_further_sentences_of_all_trades():
    table = rows("everyday_more.tsv")
    assert {text for _, text, _ in table} >= STILL_WRONG
    wrong = {text for _, text, right in table if bare(normalize(text)) not in map(bare, right.split("|"))}
    assert wrong == STILL_WRONG


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("5234-****-****-1234", "오이삼사일이삼사"),
        ("010-****-5678로", "공일공오육칠팔로"),
        ("**12개**를 샀다", "열두개를샀다"),  # stars of emphasis hide nothing
        ("비밀번호는 *1234#", "비밀번호는별표일이삼사샵"),
        ("계좌에 900만 원", "계좌에구백만원"),
        ("계좌는 300억 원이다", "계좌는삼백억원이다"),
        ("카드 1234 만료", "카드일이삼사만료"),
        ("119-112로 졌다", "백십구대백십이로졌다"),
        ("119에 신고", "일일구에신고"),
        ("100-36은 64", "백빼기삼십육은육십사"),
        ("3-1은 역전승이다", "삼대일은역전승이다"),
        ("4대 보험", "사대보험"),
        ("트럭 4대 보험", "트럭네대보험"),
        ("GS25 편의점", "지에스이십오편의점"),
        ("영화 2편입니다", "영화두편입니다"),
        ("G20 정상", "지이십정상"),
        ("하루 3정 복용", "하루세정복용"),
        ("3블록 앞 A2블록", "세블록앞에이이블록"),
        ("15만/㎕, 4,500/μL", "마이크로리터당십오만마이크로리터당사천오백"),
        ("1/3 배송, 1/3 배송비", "일월삼일배송삼분의일배송비"),
        ("1++ 한우", "일플러스플러스한우"),
    ],
)
def test_kinds_and_what_looks_like_them(text, reading):
    assert bare(normalize(text)) == reading
