"""Standard Pronunciation (표준 발음법) of Hangul text: rules over syllables, with a lexicon for what spelling does not show.

Order: respelling by the lexicon and by heuristics that need word shapes (articles 20, 24 to 29), then sounds within a phrase:
ㅎ (12), palatalisation (17), liaison (13 to 16), tensification after obstruents (23), neutralisation (8 to 11), nasals and
laterals (18 to 20), vowels (5). A phrase ends at a mark and where `breaks_after` says.
"""

from __future__ import annotations

import itertools
import re
from functools import cache, lru_cache

from espnet2_nix.text.data import read_rows
from espnet2_nix.text.syllables import FINALS, INITIALS, MEDIALS, final_of, is_syllable, split, tense, with_initial
from espnet2_nix.text.trace import Trace

REPRESENTATIVE = {
    **dict.fromkeys("ㄱㄲㅋㄳㄺ", "ㄱ"),
    **dict.fromkeys("ㄷㅌㅅㅆㅈㅊㅎ", "ㄷ"),
    **dict.fromkeys("ㅂㅍㅄㄿ", "ㅂ"),
    **dict.fromkeys("ㄴㄵㄶ", "ㄴ"),
    **dict.fromkeys("ㄹㄼㄽㄾㅀ", "ㄹ"),
    **dict.fromkeys("ㅁㄻ", "ㅁ"),
    "ㅇ": "ㅇ",
    " ": " ",
}
"""The seven sounds a syllable can end in (articles 8 to 11)."""
CLUSTERS = {
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
TENSE = {"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"}
NOUNS_IN_RK = frozenset("흙닭칡슭깕탉삵")
"""Syllables in ㄺ that end nouns: before ㄱ they keep ㄱ (흙과 [흑꽈]); in stems ㄹ stays (맑게 [말께])."""

# ---- phrases

_BREAK_ENDINGS = re.compile(
    r"(?:에서|에게|께서|한테|부터|까지|마다|처럼|보다|조차|밖에|지만|는데|은데|니까|[가-힣]면|면서|아서|어서|[가-힣][를는]|에는|에도|"
    r"[가-힣][은을])$"
)
_LINKED = re.compile(
    r"(?:(?:것|거|게|건|걸|겁|데|바|수|적|줄|듯|지|만|뿐|엿|옷|때|곳|사람|생각)(?:[은는이가을를도만에의로과와야예니들있없]|$)|"
    r"(?:일|일들|이야기|얘기|약|여자|여행)(?:[은는이가을를도만에의로과와야예들]))"
)


def breaks_after(word: str, following: str) -> bool:
    """Tells whether the voice pauses between two words, so that no sound is carried across.

    A choice of ours: it breaks after particles and endings that close a phrase (를, 는, 은, 을, 에서, 지만 ...), and not
    between a noun or an adnominal form and what it belongs to (밭 아래 [바다래]). An adnominal form in 은 or 을 looks like
    a particle; it links when a dependent noun or another word that commonly follows it comes next (먹을 것, 먹은 엿).

    Args:
        word: Hangul, without marks.
        following: The next word.
    """
    if _BREAK_ENDINGS.search(word) is None:
        return False
    return not (word[-1] in "은을" and _LINKED.match(following))


# ---- the lexicon


@cache
def _lexicon() -> dict[str, list[tuple[str, str, bool, bool]]]:
    """Entries by their first syllable, longest first: form, respelling, only at a word's beginning, only at its end."""
    entries: dict[str, list[tuple[str, str, bool, bool]]] = {}
    for written, respelled in read_rows("pronunciation.tsv", 2):
        form = written.strip("^$")
        entries.setdefault(form[0], []).append((form, respelled, written.startswith("^"), written.endswith("$")))
    for candidates in entries.values():
        candidates.sort(key=lambda entry: -len(entry[0]))
    return entries


_PARTICLES = (
    r"(?:들)?(?:이라고|라고|이라는|이라|입니다|입니까|이에요|예요|이었다|였다|이다|이고|이며|이면|이지|이야|이나|이랑|인데|까지|부터|"
    r"에서|에게|에는|에도|에|으로|로|은|는|을|를|이|가|과|와|의|도|만|보다|처럼|마다|하[가-힣]{0,4}|한|할|해[가-힣]{0,3}|했[가-힣]{0,3}|된[가-힣]*|"
    r"됐[가-힣]*|되[가-힣]{0,4}|돼[가-힣]*)?"
)


_WORD_END = re.compile(_PARTICLES + r"(?![가-힣])")


def _respell(text: str, trace: Trace | None) -> str:
    entries = _lexicon()
    out: list[str] = []
    position = 0
    while position < len(text):
        for form, respelled, front, end in entries.get(text[position], ()):
            if (
                text.startswith(form, position)
                and not (front and position and text[position - 1] != " ")
                and (not end or _WORD_END.match(text, position + len(form)))
            ):
                out.append(respelled)
                position += len(form)
                break
        else:
            out.append(text[position])
            position += 1
    changed = "".join(out)
    if trace is not None:
        trace.add("lexicon", text, changed)
    return changed


# ---- heuristics on word shapes; each says where it fails in test/text/test_pronunciation.py

_STEM_ENDING = r"(?=(?:고|다|다가|지|지만|지요|죠|게|던|더니|더라|습니다|습니까|소|거나|거든|겠[가-힣]*|도록|든|든지|자마자)(?:요|는|도|서)?(?![가-힣]))"
_STEMS = re.compile(
    r"(?:(?<![가-힣])(?:남|넘|숨|담|심|삼|품|감|더듬|다듬|쓰다듬|가다듬|보듬|머금|껴안|끌어안|얼싸안|부둥켜안|떠안|갈아신|"
    r"뛰어넘|살아남|휘감|뒤넘|굶|젊|닮|옮|곪)|(?<=을 |를 )(?:안|신|참))" + _STEM_ENDING
)
_STEM_WORDS = re.compile(
    r"(?<![가-힣])(?:신(?=고(?![가-힣])|다(?![가-힣])|습니다|지(?![가-힣])|었)|안(?=고(?![가-힣])))"
)
_RIEUL_STEMS = "알살말놀물들길달열걸벌팔불돌울밀날멀틀털빌풀얼갈글늘졸줄힘둥칠쓸"
_ENDING_AFTER_RIEUL = re.compile(
    r"([가-힣])(걸(?:요)?(?![가-힣])|게(?:요)?(?![가-힣])|지(?:도|라도|언정|를|는|가|요)?(?![가-힣])|수록|세라|밖에|진대)"
)
_DEPENDENT = re.compile(
    r"(?:거[야예니다라든나지면였]?|것[은이을도만과의들]?|게|건|걸|겁니|겁니다|데[가는도를에로]?|바[가를는에]?|수[가는도를]?|적[은이에도]?|"
    r"줄[은을도로만]?|듯[이도]?|성|즈음|지[도는가]?|정도[로의]?)(?![가-힣])|거예요|거에요|거라고|거라는|거니까|것입|것이|것에|것으로|"
    r"것처럼|것보다|것까지|듯하|듯한|듯해|성싶|듯싶|줄곧|수밖에|수야|수도|바에|데에|적에"
)
_AFTER_ADNOMINAL = re.compile(
    r"(?:곳|도리|사람|생각|시간|자신|자리|장소|방법|길|돈|집|짐|책|방|기회|계획|준비|작정|지경|가치|정도|사이|여지)"
)
_VERB_IN_NAL = re.compile(r"(?:만|떠|끝|어|타|빛|혼|겁)날$")  # 만날, 일어날; most other words in 날 are days
_ADNOMINAL = "할될갈볼올낼릴킬질길쓸쉴널줄"
_NO_ADNOMINAL = re.compile(
    r"(?:역할|관할|분할|기질|본질|물질|성질|품질|음질|소질|토질|골목길|지름길|산길|그길|외길|서울|탯줄|핏줄|밧줄|힘줄|교실)$"
)


def _tense_after(text: str, position: int) -> str:
    return text[:position] + tense(text[position]) + text[position + 1 :]


def _stems(text: str) -> str:
    """Article 24: after a verb stem in ㄴ or ㅁ an ending is tense; stems by list, since 신고 may also be a report."""
    for pattern in (_STEMS, _STEM_WORDS):
        for match in list(pattern.finditer(text)):
            if match.end() < len(text) and text[match.end()] != "자":
                text = _tense_after(text, match.end())
    return text


def _after_rieul(text: str) -> str:
    """Article 27: -(으)ㄹ before endings and dependent nouns."""
    for match in list(_ENDING_AFTER_RIEUL.finditer(text)):
        syllable, ending = match[1], match[2]
        if final_of(syllable) != "ㄹ" or text[match.start(2)] not in "걸게지수세밖진":
            continue
        if ending[0] in "걸게지" and syllable in _RIEUL_STEMS:
            continue  # 알지, 말게: the ㄹ belongs to the stem
        if ending[0] in "지게걸" and not _adnominal_shape(text, match.start(1)):
            continue
        text = _tense_after(text, match.start(2))
    for match in list(re.finditer(r"([가-힣]+) (?=[가-힣])", text)):
        word, rest = match[1], text[match.end() :]
        if final_of(word[-1]) != "ㄹ" or word.endswith(("를", "오늘", "내일", "서울")):
            continue
        links = _DEPENDENT.match(rest) is not None
        adnominal = (word[-1] in _ADNOMINAL and not _NO_ADNOMINAL.search(word)) or _VERB_IN_NAL.search(word)
        noun = adnominal and _AFTER_ADNOMINAL.match(rest)
        if links or noun:
            text = _tense_after(text, match.end())
    return text


def _adnominal_shape(text: str, position: int) -> bool:
    """Whether the syllable in ㄹ at a position can be the ending -(으)ㄹ rather than part of a noun (물질, 글쎄)."""
    syllable = text[position]
    start = position
    while start and is_syllable(text[start - 1]):
        start -= 1
    return syllable in "을할될갈볼올일릴킬낼널쉴줄살잘칠" if position > start or syllable in "할될갈볼올일" else False


# Sino-Korean syllables in ㄹ after which ㄷ, ㅅ, ㅈ are tense (article 26). Those that are also common native words or stems
# are in the lexicon word by word.
_SINO_RIEUL = "결출멸필혈활탈몰촬찰률율철별불실절발밀열졸설팔칠"
_SINO_NEXT = frozenset(
    "단달담당대독동두득등사산살상색생서선설성세소속손송수숙순술숭승시식신실심자작잔장재쟁저적전절점정제조족존종좌죄주죽준중증지직진질집"
)
_PARTICLE_LIKE = frozenset("도다지서시자소든던대들사수")
_SINO_EXCEPTIONS = re.compile(
    r"절절|철철|불조심|불장난|불자동차|불지르|불질|발자국|발장구|발돋움|철새|철들|칠성사|설사$"
)


def _sino(text: str) -> str:
    """Article 26 for words that begin with an unmistakable pair; the rest is in the lexicon."""
    for match in list(re.finditer(rf"(?<![가-힣])([{_SINO_RIEUL}])([가-힣])", text)):
        following = match[2]
        if following not in _SINO_NEXT or following in _PARTICLE_LIKE or _SINO_EXCEPTIONS.match(text, match.start()):
            continue
        text = _tense_after(text, match.start(2))
    return text


_SUFFIXES = (
    # suffix of words of three syllables and more, words that end so by chance, article
    ("성", "여성|남성|음성|정성|작성|구성|생성|완성|편성|형성|양성|육성|찬성|반성|각성|함성|혜성|행성|화성|위성|감성|이성|지성|인성|"
     "개성|결성|만리장성|대성|합성|산성|조성|달성|기성|창성|명성|삼성|장성|자금성|토성|금성|수성|목성|항성|모성|부성|자성|중성|동성|이구동성|지지성|고성|유성|북두칠성"),
    ("증", "검증|보증|영수증|인증|고증|실증|논증|급증|할증|물증|예증|애증|심증"),
    ("법", "방법|사법|마법|불법|무법|준법|위법|합법|입법|범법"),
    ("권", "세 권|정치권부|구권|강권"),
    ("병", "간병|투병|유리병|맥주병|발병|보병|용병|사병|장병|기병|꽃병|헌병|해병|질병|음료수병|콜라병|상이용사병|문병"),
)  # fmt: skip
_SUFFIX_PATTERN = re.compile(rf"([가-힣]{{2,}})([성증법권병])(?={_PARTICLES}(?![가-힣]))")
_SUFFIX_EXCEPTIONS = {suffix: tuple(words.split("|")) for suffix, words in _SUFFIXES}


def _suffixes(text: str) -> str:
    """Articles 26 and 28 for Sino-Korean suffixes: 가능성 [가능썽], 불면증 [불면쯩], 사용법 [사용뻡], 수도권 [수도꿘]."""
    for match in list(_SUFFIX_PATTERN.finditer(text)):
        if final_of(match[1][-1]) in " ㄴㅁㅇㄹ" and not (match[1] + match[2]).endswith(_SUFFIX_EXCEPTIONS[match[2]]):
            text = _tense_after(text, match.start(2))
    return text


_NASAL_SUFFIX = re.compile(rf"([가-힣]{{2,}})([량력령론료류란례로록])(?={_PARTICLES}(?![가-힣]))")
_LATERAL_WORDS = (
    "원료연료진료권력인력전력탄력근력분류인류분량혼란곤란논란대관령한계령관례전례신뢰논리물론언론본론편론여론전례순례훈련관련단련"
    "신록산록만료완료난로진로선로활로건류신류난류한류전류본류반란환란"
)
_LATERAL = frozenset(_LATERAL_WORDS[i : i + 2] for i in range(0, len(_LATERAL_WORDS), 2)) | {"관령"}


def _nasal_suffixes(text: str) -> str:
    """Article 20, exceptions: a suffix in ㄹ after a word of its own in ㄴ, as in 생산량 [생산냥]; in 대관령 there is none."""
    for match in list(_NASAL_SUFFIX.finditer(text)):
        if final_of(match[1][-1]) == "ㄴ" and match[1][-1] + match[2] not in _LATERAL:
            position = match.start(2)
            text = text[:position] + with_initial(text[position], "ㄴ") + text[position + 1 :]
    return text


_INSERTED = re.compile(
    rf"([가-힣]{{2,}}[가-힣])?([가-힣])(역|용|약|염|유|율|열차|연필|여행|요리|이불|잎|엿|여우|양말|여왕|윷|요강)(?={_PARTICLES}(?![가-힣]))"
)
_NO_INSERTION = frozenset(
    "지역구역영역통역번역반역면역직역병역노역용역전역현역광역음역성역권역방역검역흑역 절약예약계약협약규약서약요약제약언약청약공약확약농약한약"
    "밀약폭약탄약신약집약도약해약만약선약 오염전염감염 공유점유보유석유권유분유원유경유향유만유전유연유선유 고용사용이용인용적용작용운용통용활용착용"
    "전용관용신용수용허용비용내용실용혼용응용겸용임용중용남용효용유용범용복용식용상용차용채용공용탕용군용민용간용진용 비율세율".replace(
        " ", ""
    )[i : i + 2]
    for i in range(0, 400, 2)
) - {""}
_WHOLE_INSERTIONS = "열차연필여행요리이불잎엿여우양말여왕윷"


def _insertion(text: str) -> str:
    """Article 29 within a word, for nouns that commonly end a compound: 강남역 [강남녁], 내복약 [내봉냑], 꽃잎 [꼰닙].

    Needs a closed syllable before, and for one-syllable nouns such as 역 two more before that, since 지역 [지역] is one word.
    """
    for match in list(_INSERTED.finditer(text)):
        before, noun = match[2], match[3]
        position = match.start(3)
        if final_of(before) == " " or (before + noun[0] in _NO_INSERTION and noun not in _WHOLE_INSERTIONS):
            continue
        start = position
        while start and is_syllable(text[start - 1]):
            start -= 1
        if noun not in _WHOLE_INSERTIONS and position - start < 2:
            continue
        text = text[:position] + with_initial(text[position], "ㄴ") + text[position + 1 :]
    return text


_NUMERAL = "일이삼사오육칠팔구십백천만억영공"
_INSERTED_WORD = re.compile(
    r"(?:일(?:[이은을도만과에의들로]|하[가-힣]*|해[가-힣]*)?|일(?:이나|이야|이란|까지|부터|에서|처럼|보다|하다|이다|입니다|이에요|이라[가-힣]*)|"
    r"입(?:다|고|은|는|을|지|어|었|습|으)[가-힣]*|엿[가-힣]?|잎[가-힣]?|이야기[가-힣]{0,3}|얘기[가-힣]{0,3}|"
    r"이불[가-힣]{0,2}|연필[가-힣]{0,2}|약[을이은도]|여름[가-힣]{0,2}|양말[가-힣]{0,2}|잃[가-힣]+|잊[가-힣]+|읽[가-힣]+|익[히은어][가-힣]*)(?![가-힣])"
)


def _insertion_between(text: str) -> str:
    """Article 29 between words read in one breath: 한 일 [한 닐], 옷 입다 [온 닙따], 할 일이 [할 리리]."""
    for match in list(re.finditer(r"([가-힣]+) (?=[가-힣])", text)):
        word, position = match[1], match.end()
        if final_of(word[-1]) == " " or word[-1] in _NUMERAL or not _INSERTED_WORD.match(text, position):
            continue
        following = re.match(r"[가-힣]+", text[position:])
        if following[0] == "일" and word[-1] not in "할한된될볼던런떤슨든통":
            continue  # a bare 일 is more often the numeral or the day
        if breaks_after(word, following[0]):
            continue
        if text[position] in "읽잃잊익" and word[-1] not in "못":
            continue
        text = text[:position] + with_initial(text[position], "ㄴ") + text[position + 1 :]
    return text


HEURISTICS = (
    ("article 24", _stems),
    ("article 27", _after_rieul),
    ("article 26", _sino),
    ("articles 26 and 28, suffixes", _suffixes),
    ("article 20, suffixes", _nasal_suffixes),
    ("article 29", _insertion),
    ("article 29 between words", _insertion_between),
)

# ---- sounds


class _Syllable:
    """Initial, medial and final, and whether a space stands before."""

    __slots__ = ("char", "final", "initial", "medial", "spaced")

    def __init__(self, char: str, spaced: bool) -> None:
        self.char = char
        self.initial, self.medial, self.final = split(char)
        self.spaced = spaced


def _h(left: _Syllable, right: _Syllable) -> None:
    """Article 12: ㅎ aspirates, falls silent, or makes ㅅ tense."""
    final, initial = left.final, right.initial
    if final in "ㅎㄶㅀ":
        rest = {"ㅎ": " ", "ㄶ": "ㄴ", "ㅀ": "ㄹ"}[final]
        if initial in ASPIRATED and initial != "ㅂ":
            left.final, right.initial = rest, ASPIRATED[initial]
        elif initial == "ㅅ":
            left.final, right.initial = rest, "ㅆ"
        elif initial == "ㄴ":
            left.final = "ㄴ" if final == "ㅎ" else rest
        elif initial == "ㅇ" and not right.spaced:
            left.final = rest
        elif initial == "ㅎ":
            left.final = rest if rest != " " else "ㄷ"
        return
    if initial != "ㅎ":
        return
    if right.spaced or final in "ㅅㅆㅊㅌ":
        final = REPRESENTATIVE[final] if final not in "ㄵㄺㄼ" else final
    if final == "ㄵ":
        left.final, right.initial = "ㄴ", "ㅊ"
    elif final == "ㄺ":
        left.final, right.initial = "ㄹ", "ㅋ"
    elif final == "ㄼ":
        left.final, right.initial = "ㄹ", "ㅍ"
    elif final == "ㅈ":
        left.final, right.initial = " ", "ㅊ"
    elif final in "ㄱㄷㅂ":
        left.final, right.initial = " ", ASPIRATED[final]
        if final == "ㄷ" and not right.spaced and left.char in "굳닫묻걷받뻗곧돋갇" and right.medial in "ㅣㅕ":
            right.initial = "ㅊ"  # article 17: 굳히다 [구치다]
    elif final in "ㄲㅋㄳ":
        left.final, right.initial = " ", "ㅋ"
    elif final in "ㅍㅄㄿ":
        left.final, right.initial = " ", "ㅍ"


def _palatalise(left: _Syllable, right: _Syllable) -> None:
    """Article 17: ㄷ and ㅌ before 이, and before the 여 that 이어 contracts to."""
    if right.spaced or right.initial != "ㅇ" or right.medial not in "ㅣㅕ" or left.final not in "ㄷㅌㄾ":
        return
    right.initial = "ㅈ" if left.final == "ㄷ" else "ㅊ"
    left.final = "ㄹ" if left.final == "ㄾ" else " "


def _link(left: _Syllable, right: _Syllable) -> None:
    """Articles 13 to 15: a final moves to an empty initial; across a space it is first made representative."""
    final = left.final
    if right.initial != "ㅇ" or final in " ㅇ":
        return
    if right.spaced:
        final = REPRESENTATIVE[final]
        left.final, right.initial = " ", final
    elif final in CLUSTERS:
        stays, moves = CLUSTERS[final]
        left.final, right.initial = stays, "ㅆ" if moves == "ㅅ" else moves
    else:
        left.final, right.initial = " ", final


def _tensify(left: _Syllable, right: _Syllable) -> None:
    """Articles 23 and 25: after an obstruent, and after ㄼ and ㄾ of stems."""
    if right.initial not in TENSE:
        return
    obstruent = REPRESENTATIVE[left.final] in "ㄱㄷㅂ" and left.final != "ㅎ"
    stem = not right.spaced and (left.final == "ㄾ" or (left.final == "ㄼ" and left.char != "덟") or left.final == "ㄵ")
    if obstruent or stem:
        right.initial = TENSE[right.initial]


def _neutralise(left: _Syllable, right: _Syllable | None) -> None:
    """Articles 8 to 11."""
    if left.final == "ㄼ" and left.char in "밟" and right is not None and not right.spaced:
        left.final = "ㅂ"
    elif (
        left.final == "ㄺ"
        and right is not None
        and not right.spaced
        and right.initial == "ㄲ"
        and left.char not in NOUNS_IN_RK
    ):
        left.final = "ㄹ"
    else:
        left.final = REPRESENTATIVE[left.final]


def _assimilate(left: _Syllable, right: _Syllable) -> None:
    """Articles 18 to 20."""
    if right.initial == "ㄹ" and left.final in "ㅁㅇㄱㅂㄷ":
        if left.final == "ㄷ" and right.spaced:
            left.final = "ㄴ"
        right.initial = "ㄴ"
    if left.final in NASAL and right.initial in "ㄴㅁ":
        left.final = NASAL[left.final]
    if (left.final, right.initial) in (("ㄴ", "ㄹ"), ("ㄹ", "ㄴ")):
        left.final, right.initial = "ㄹ", "ㄹ"


def _vowel(syllable: _Syllable) -> None:
    """Article 5: 져, 쪄, 쳐; ㅢ after a consonant that is written there. ㅖ stays as spelled, which the article allows."""
    if syllable.initial in "ㅈㅉㅊ" and syllable.medial in "ㅑㅕㅛㅠㅒㅖ":
        syllable.medial = {"ㅑ": "ㅏ", "ㅕ": "ㅓ", "ㅛ": "ㅗ", "ㅠ": "ㅜ", "ㅒ": "ㅐ", "ㅖ": "ㅔ"}[syllable.medial]
    elif syllable.medial == "ㅢ" and split(syllable.char)[0] != "ㅇ":
        syllable.medial = "ㅣ"


@lru_cache(maxsize=65536)
def pronounce_phrase(phrase: str) -> str:
    """Applies the sound rules to one phrase: words of Hangul syllables parted by single spaces."""
    syllables: list[_Syllable] = []
    spaced = False
    for char in phrase:
        if char == " ":
            spaced = True
        else:
            syllables.append(_Syllable(char, spaced))
            spaced = False
    for left, right in itertools.pairwise(syllables):
        _h(left, right)
        _palatalise(left, right)
        _link(left, right)
        _tensify(left, right)
    for index, syllable in enumerate(syllables):
        following = syllables[index + 1] if index + 1 < len(syllables) else None
        _neutralise(syllable, following)
    for left, right in itertools.pairwise(syllables):
        _assimilate(left, right)
    out = []
    for syllable in syllables:
        _vowel(syllable)
        code = (INITIALS.index(syllable.initial) * 21 + MEDIALS.index(syllable.medial)) * 28
        out.append((" " if syllable.spaced else "") + chr(0xAC00 + code + FINALS.index(syllable.final)))
    return "".join(out)


_PHRASE = re.compile(r"[가-힣]+(?: [가-힣]+)*")


def pronounce_hangul(text: str, trace: Trace | None = None) -> str:
    """Pronounces normalised text.

    Args:
        text: Hangul syllables, single spaces and marks, as `normalize` returns them.
        trace: Collects what each rule changed.

    Returns:
        Hangul as it sounds; spaces and marks stay.
    """
    return _PHRASE.sub(lambda match: _pronounce_run(match[0], trace), text)


def _pronounce_run(run: str, trace: Trace | None) -> str:
    run = _respell(run, trace)
    for name, heuristic in HEURISTICS:
        changed = heuristic(run)
        if trace is not None:
            trace.add(name, run, changed)
        run = changed
    words = run.split(" ")
    phrases = [[words[0]]]
    for word, following in itertools.pairwise(words):
        if breaks_after(word, following):
            phrases.append([following])
        else:
            phrases[-1].append(following)
    sounds = [pronounce_phrase(" ".join(phrase)) for phrase in phrases]
    if trace is not None:
        for phrase, sound in zip(phrases, sounds, strict=True):
            trace.add("sounds", " ".join(phrase), sound)
    return " ".join(sounds)
