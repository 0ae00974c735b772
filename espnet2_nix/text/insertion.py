"""Sounds that are put in or kept where words meet: ㄴ before 이 and 야, 여, 요, 유 (article 29), ㄴ before ㄹ (article 20).

Like the rules of respelling.py: Hangul words parted by single spaces in, as many syllables out.
"""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.data import any_of, word_list
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.particles import WORD_END
from espnet2_nix.text.phrases import breaks_after
from espnet2_nix.text.respelling import LISTS, junctions, word_before
from espnet2_nix.text.syllables import final_of, is_syllable, with_initial

_NASAL_SUFFIX = Lazy(rf"(?<=[가-힣]{{2}})[량력령론료류란례로록](?={WORD_END})")


def nasal_suffixes(text: str) -> str:
    """Article 20, exceptions: a suffix in ㄹ after a word of its own in ㄴ, as in 생산량 [생산냥]; in 대관령 there is none."""
    lateral = word_list(LISTS, "lateral")
    out = list(text)
    for match in _NASAL_SUFFIX.finditer(text):
        position = match.start()
        if final_of(text[position - 1]) == "ㄴ" and text[position - 1 : position + 1] not in lateral:
            out[position] = with_initial(text[position], "ㄴ")
    return "".join(out)


@cache
def _inserted() -> re.Pattern[str]:
    long, short = any_of(LISTS, "insertion"), any_of(LISTS, "insertion-short")
    return re.compile(rf"(?<=[가-힣])(?:({long})|({short}))(?={WORD_END})")


def within_words(text: str) -> str:
    """Article 29 within a word, for nouns that commonly end a compound: 강남역 [강남녁], 내복약 [내봉냑], 꽃잎 [꼰닙].

    Needs a closed syllable before, and for one-syllable nouns such as 역 two more before that, since 지역 [지역] is one word.
    """
    one_word = word_list(LISTS, "no-insertion")
    out = list(text)
    for match in _inserted().finditer(text):
        position = match.start()
        if final_of(text[position - 1]) == " ":
            continue
        if match[2] and (
            text[position - 1 : position + 1] in one_word or position < 2 or not is_syllable(text[position - 2])
        ):
            continue
        out[position] = with_initial(text[position], "ㄴ")
    return "".join(out)


_NUMERAL = "일이삼사오육뉵칠팔구십백천만억영공"
_AFTER_WORD = Lazy(
    r"""(?:일(?:[이은을도만과에의들로]|하[가-힣]*|해[가-힣]*)?                                             # work
        |일(?:이나|이야|이란|까지|부터|에서|처럼|보다|하다|이다|입니다|이에요|이라[가-힣]*)
        |입(?:다|고|은|는|을|지|어|었|습|으)[가-힣]*|잃[가-힣]+|잊[가-힣]+|읽[가-힣]+|익[히은어][가-힣]*  # verbs
        |엿[가-힣]?|잎[가-힣]?|이야기[가-힣]{0,3}|얘기[가-힣]{0,3}|이불[가-힣]{0,2}|연필[가-힣]{0,2}       # nouns
        |약[을이은도]|여름[가-힣]{0,2}|양말[가-힣]{0,2}
        )(?![가-힣])""",
    re.VERBOSE,
)
_FIRST = frozenset("일입잃잊읽익엿잎이얘연약여양")
_WORD = Lazy(r"[가-힣]{1,12}")


def between_words(text: str) -> str:
    """Article 29 between words read in one breath: 한 일 [한 닐], 옷 입다 [온 닙따], 할 일이 [할 리리]."""
    out = list(text)
    for blank in junctions(text):
        position = blank + 1
        if text[blank - 1] in _NUMERAL or text[position] not in _FIRST or not _AFTER_WORD.match(text, position):
            continue
        word = word_before(text, blank)
        match = _WORD.match(text, position)
        following = match[0] if match else ""
        if following == "일" and word[-1] not in "할한된될볼던런떤슨든통":
            continue  # a bare 일 is more often the numeral or the day
        if text[position] in "읽잃잊익" and word[-1] not in "못":
            continue
        if not breaks_after(word, following):
            out[position] = with_initial(text[position], "ㄴ")
    return "".join(out)
