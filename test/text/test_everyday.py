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
