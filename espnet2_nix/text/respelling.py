"""Respelling: what spelling does not show is written as if it were spelled so, by the lexicon or by the shape of words.

Each rule takes Hangul words parted by single spaces and gives as many syllables back; where one fails is named in
test/text/test_pronunciation.py. Their word lists are in `lists.tsv`. Time is linear in the length of the text: patterns look
a bounded way back, and a rule collects its changes in a list of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from espnet2_nix.text.data import any_of, read_rows, word_list
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.particles import WORD_END
from espnet2_nix.text.syllables import BASE, FINAL_COUNT, final_of, is_syllable, tense

LISTS = "lists.tsv"
_TAIL = 8
"""How many syllables at the end of a word tell what it is."""


@cache
def _lexicon() -> dict[str, list[tuple[str, str, bool, bool]]]:
    """Entries by their first two syllables, longest first: form, respelling, whether only at a word's front, or its end."""
    entries: dict[str, list[tuple[str, str, bool, bool]]] = {}
    for written, respelled in read_rows("pronunciation.tsv", 2):
        form = written.strip("^$")
        entries.setdefault(form[:2], []).append((form, respelled, written.startswith("^"), written.endswith("$")))
    for candidates in entries.values():
        candidates.sort(key=lambda entry: -len(entry[0]))
    return entries


_WORD_END = Lazy(WORD_END)


def by_lexicon(text: str) -> str:
    """Respells the forms of `pronunciation.tsv`, the longest first."""
    entries = _lexicon()
    out: list[str] = []
    done = position = 0
    while position < len(text):
        for form, respelled, front, end in entries.get(text[position : position + 2], ()):
            if (
                text.startswith(form, position)
                and not (front and position and text[position - 1] != " ")
                and (not end or _WORD_END.match(text, position + len(form)))
            ):
                out += [text[done:position], respelled]
                position += len(form)
                done = position
                break
        else:
            position += 1
    return "".join(out) + text[done:] if out else text


def junctions(text: str) -> Iterator[int]:
    """Gives the places of the blanks that follow a closed syllable."""
    blank = text.find(" ")
    while blank >= 0:
        if (ord(text[blank - 1]) - BASE) % FINAL_COUNT:
            yield blank
        blank = text.find(" ", blank + 1)


def word_before(text: str, blank: int) -> str:
    """Gives the word before a blank; of a long one its last 8 syllables."""
    start = max(0, blank - _TAIL)
    return text[text.rfind(" ", start, blank) + 1 or start : blank]


# ---- article 24


@cache
def _stem_patterns() -> tuple[re.Pattern[str], ...]:
    # 감지 and 감소 are nouns; 감 takes these endings after an object only.
    ending = r"""(?=(?:고|다|다가|(?<!감)지|지만|지요|죠|게|던|더니|더라|습니다|습니까|거나|거든|겠[가-힣]{0,4}|도록|든|든지|자마자)
                 (?:요|는|도|서)?(?![가-힣]))"""
    return (
        re.compile(
            rf"(?:(?<![가-힣]){any_of(LISTS, 'stem24')} | (?<=[을를]\ ){any_of(LISTS, 'stem24-object')}){ending}",
            re.VERBOSE,
        ),
        re.compile(
            rf"""(?<![가-힣])(?:{any_of(LISTS, "stem24-ending")}(?=다(?![가-힣])|습니다|던|더니|거든|거나|겠|지만|도록)
                |참(?=지(?:요|는|도|만|말고)?(?![가-힣]))) | (?<=[을를]\ )감(?=지(?:요|는|도|만)?(?![가-힣]))""",
            re.VERBOSE,
        ),
        re.compile(
            r"""(?<![가-힣])(?:신(?=고(?![가-힣])|다(?![가-힣])|습니다|지(?![가-힣])|었)  # 신다 'to wear'
                |안(?=고(?![가-힣])))                                                     # 안다 'to hug'""",
            re.VERBOSE,
        ),
    )


def stems(text: str) -> str:
    """Article 24: after a verb stem in ㄴ or ㅁ an ending is tense; stems by list, since 신고 may also be a report."""
    for pattern in _stem_patterns():
        out = list(text)
        for match in pattern.finditer(text):
            if match.end() < len(text) and text[match.end()] != "자":
                out[match.end()] = tense(out[match.end()])
        text = "".join(out)
    return text


# ---- article 27

_ENDING_AFTER_RIEUL = Lazy(
    r"([가-힣])(걸(?:요)?(?![가-힣])|게(?:요)?(?![가-힣])|지(?:도|라도|언정|를|는|가|요)?(?![가-힣])|수록|세라|밖에|진대)"
)
_DEPENDENT = Lazy(
    r"""(?:거[야예니다라든나지면였]?|것[은이을도만과의들]?|게|건|걸|겁니|겁니다  # 'thing'
        |데[가는도를에로]?|바[가를는에]?|적[은이에도]?|즈음                       # place, matter, time
        |수[가는도를]?|줄[은을도로만]?|지[도는가]?|성|듯[이도]?|정도[로의]?       # ability, knowledge, likeness, degree
        )(?![가-힣])
        |거예요|거에요|거라고|거라는|거니까|것입|것이|것에|것으로|것처럼|것보다|것까지
        |듯하|듯한|듯해|성싶|듯싶|줄곧|수밖에|수야|수도|바에|데에|적에""",
    re.VERBOSE,
)
_VERB_IN_NAL = Lazy(r"(?:만|떠|끝|어|타|빛|혼|겁)날$")  # 만날, 일어날; most other words in 날 are days


@cache
def _adnominals() -> tuple[frozenset[str], frozenset[str], tuple[str, ...], re.Pattern[str]]:
    """Stems in ㄹ, syllables that end adnominal forms, nouns that end likewise, nouns that follow adnominal forms."""
    return (
        frozenset(word_list(LISTS, "stem-rieul")),
        frozenset(word_list(LISTS, "adnominal")),
        word_list(LISTS, "no-adnominal"),
        re.compile(any_of(LISTS, "adnominal-head")),
    )


def _can_end_adnominal(text: str, position: int) -> bool:
    """Whether the syllable in ㄹ at a position can be the ending -(으)ㄹ rather than part of a noun (물질, 글쎄)."""
    inside = position > 0 and is_syllable(text[position - 1])
    return text[position] in ("을할될갈볼올일릴킬낼널쉴줄살잘칠" if inside else "할될갈볼올일")


def after_rieul(text: str) -> str:
    """Article 27: -(으)ㄹ before endings and dependent nouns."""
    stem_syllables, adnominal_syllables, nouns, heads = _adnominals()
    out = list(text)
    for match in _ENDING_AFTER_RIEUL.finditer(text):
        syllable, first = match[1], match[2][0]
        if final_of(syllable) != "ㄹ":
            continue
        if first in "걸게지" and (syllable in stem_syllables or not _can_end_adnominal(text, match.start(1))):
            continue  # 알지, 말게: the ㄹ belongs to the stem
        out[match.start(2)] = tense(first)
    text = "".join(out)
    for blank in junctions(text):
        if final_of(text[blank - 1]) != "ㄹ" or text[blank - 1] == "를":
            continue
        word, position = word_before(text, blank), blank + 1
        if word.endswith(("오늘", "내일", "서울")):
            continue
        adnominal = (word[-1] in adnominal_syllables and not word.endswith(nouns)) or _VERB_IN_NAL.search(word)
        if _DEPENDENT.match(text, position) or (adnominal and heads.match(text, position)):
            out[position] = tense(out[position])
    return "".join(out)


# ---- articles 26 and 28

_NO_SINO = Lazy(
    r"절절|철철|불조심|불장난|불자동차|불지르|불질|발자국|발장구|발돋움|철새|철들|칠성사|설사$"
)  # pairs that only look Sino-Korean, and doubled syllables


@cache
def _sino_pattern() -> re.Pattern[str]:
    first, following = (f"[{''.join(word_list(LISTS, name))}]" for name in ("sino-rieul", "sino-next"))
    return re.compile(rf"(?<![가-힣]){first}(?={following})")


def sino(text: str) -> str:
    """Article 26 for words that begin with an unmistakable pair; the rest is in the lexicon."""
    out = list(text)
    for match in _sino_pattern().finditer(text):
        if not _NO_SINO.match(text, match.start()):
            out[match.end()] = tense(text[match.end()])
    return "".join(out)


_SUFFIX = Lazy(rf"(?<=[가-힣]{{2}})[성증법권병](?={WORD_END})")


def suffixes(text: str) -> str:
    """Articles 26 and 28 for Sino-Korean suffixes: 가능성 [가능썽], 불면증 [불면쯩], 사용법 [사용뻡], 수도권 [수도꿘]."""
    out = list(text)
    for match in _SUFFIX.finditer(text):
        position = match.start()
        if final_of(text[position - 1]) in " ㄴㅁㅇㄹ":
            exceptions = word_list(LISTS, f"no-suffix-{text[position]}")
            if not text[max(0, position - _TAIL) : position + 1].endswith(exceptions):
                out[position] = tense(text[position])
    return "".join(out)
