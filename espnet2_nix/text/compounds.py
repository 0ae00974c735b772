"""Rules of respelling for numerals, counters and the second parts of compounds; like those of respelling.py."""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.data import any_of, word_list
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.particles import WORD_END
from espnet2_nix.text.respelling import LISTS
from espnet2_nix.text.syllables import final_of, tense, with_initial

_SIX = Lazy(
    r"""(?<=[십씹백천만억일삼칠팔])육(?!체|아|성|류|수|안|교|교는)  # 십육, 공일육; 만육천; no 삼육교
        |(?<=[일이삼사오육칠팔구십백천][만억]\ )육(?=[십백천만]|\ |$)  # 이만 육천
        |(?<=(?<![가-힣])[만억]\ )육(?=[십백천만]|\ |$)                     # 만 육천
        |(?<=점\ )육(?=[영일이삼사오육칠팔구]|\ |$)                    # 삼 점 육
        |(?<=[백천만억])여(?=섯|덟)""",
    re.VERBOSE,
)


def six(text: str) -> str:
    """Article 29 in numerals: ㄴ before 육 after a closed syllable, 십육 [심뉵], 천육백 [천뉵빽]."""
    if "육" not in text and "여" not in text:
        return text
    out = list(text)
    for match in _SIX.finditer(text):
        out[match.start()] = with_initial(out[match.start()], "ㄴ")
    return "".join(out)


@cache
def _counters() -> re.Pattern[str]:
    numeral = "(?:(?<![가-힣])열|(?<=[백천만])열|(?<=여)덟|(?<=녀)덟)"
    return re.compile(rf"{numeral} (?={any_of(LISTS, 'counters-tensed')}(?:씩|쯤|째|짜리|간)?{WORD_END})")


def after_ten(text: str) -> str:
    """A counter is tense after 열 and 여덟: 열 시 [열 씨], 여덟 개 [여덜 깨]; in no article, but settled use."""
    if "열 " not in text and "덟 " not in text:
        return text
    out = list(text)
    for match in _counters().finditer(text):
        out[match.end()] = tense(out[match.end()])
    return "".join(out)


@cache
def _second_parts() -> re.Pattern[str]:
    closed, opened = any_of(LISTS, "price"), any_of(LISTS, "price-open")
    return re.compile(
        rf"""(?<={"[가-힣]"})값(?={WORD_END}|[가-힣])              # 몸값, 기름값
            |(?<=[가-힣]{{3}})길(?={WORD_END})                      # 아스팔트길; shorter words are in the lexicon
            |{closed}(?P<closed>가)(?={WORD_END})                   # 할인가
            |{opened}(?P<open>가)(?=[는를로에와도의만]|보다|까지|부터|입니다|이다)  # 판매가를; 판매가 may have a particle""",
        re.VERBOSE,
    )


def second_parts(text: str) -> str:
    """Article 28 for nouns that make compounds: 값, 길 and 가(價) after a closed syllable or a noun of trade."""
    no_price, no_way = word_list(LISTS, "no-suffix-값"), word_list(LISTS, "no-suffix-길")
    out = list(text)
    for match in _second_parts().finditer(text):
        position = match.end() - 1
        if match["closed"] is None and match["open"] is None:
            if final_of(text[position - 1]) not in "ㄴㄹㅁㅇ":
                continue
            if text[max(0, position - 1) : position + 1] in (no_price if text[position] == "값" else no_way):
                continue
        out[position] = tense(out[position])
    return "".join(out)
