"""Standard Pronunciation, examples of our own by article; for each heuristic where it holds and where it fails."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_nix.text import Trace, pronounce, tokenize
from espnet2_nix.text.phrases import breaks_after

ARTICLES = {
    5: "다쳐:다처 희다:히다 닁큼:닝큼 주의:주의",
    9: "밖:박 숲:숩 낯:낟 솥:솓 히읗:히읃",
    10: "앉는:안는 밟는:밤는 넓네:널레 없다:업따 몫:목 외곬:외골",
    11: "맑다:막따 늙지:늑찌 읽기:일끼 닭과:닥꽈 앎:암",
    12: "좋던:조턴 닿소:다쏘 끓이다:끄리다 맏형:마텽 놓는:논는 뚫네:뚤레 쌓이다:싸이다 각하:가카",
    13: "옷이:오시 밭을:바틀 있으니:이쓰니",
    14: "닭을:달글 앉아:안자 곬이:골씨 없어:업써",
    15: "겉옷:거돋 맛없다:마덥따 값어치:가버치",
    16: "지읒이:지으시 티읕을:티으슬",
    17: "해돋이:해도지 밭이:바치 닫혀:다처 묻히다:무치다",
    18: "막내:망내 낱말:난말 밥물:밤물 값매다:감매다 읽는:잉는",
    19: "강릉:강능 대통령:대통녕 협력:혐녁 석류:성뉴",
    20: "난로:날로 줄넘기:줄럼끼 신라:실라 의견란:의견난",
    23: "국밥:국빱 옷고름:옫꼬름 값지다:갑찌다 넓죽하다:넙쭈카다",
    24: "앉고:안꼬 닮지:담찌 굶기다:굼기다",
    25: "넓게:널께 훑소:훌쏘 떫지:떨찌",
    26: "갈증:갈쯩 절도:절또 허허실실:허허실실",
    27: "할지라도:할찌라도 할수록:할쑤록",
    28: "문고리:문꼬리 물동이:물똥이 그믐달:그믐딸 강가:강까 손짓:손찓",
    29: "솜이불:솜니불 막일:망닐 콩엿:콩녇 담요:담뇨 솔잎:솔립 물약:물략 등용문:등용문",
    30: "냇가:낻까 깻잎:깬닙 툇마루:퇸마루 나뭇잎:나문닙",
}


@pytest.mark.parametrize(
    ("written", "spoken"),
    [pair.split(":") for pairs in ARTICLES.values() for pair in pairs.split()],
)
def test_articles(written, spoken):
    assert pronounce(written) == spoken


KINDS = {
    "-적 after one syllable": "외적인:외쩌긴, 미적으로:미쩌그로, 성적 매력:성쩡 매력, 성적이:성저기, 지적 호기심:지쩌 코기심, 지적하다:지저카다",
    "-기": "소금기:소금끼, 웃음기가:우슴끼가, 습기:습끼, 기술기획:기술기획, 끈기:끈기",
    "-길": "출근길:출근낄, 귀성길:귀성낄, 시멘트길:시멘트길, 잡아당길:자바당길, 큰길:큰길",
    "-값": "달걀값:달걀깝, 얼굴값이:얼굴깝씨, 음식값:음식깝, 제값:제갑",
    "-가": "할인가:하린까, 판매가는:판매까는, 판매가:판매가, 전문가:전문가",
    "compounds": "금은방:그믄빵, 걱정거리:걱쩡꺼리, 노름판:노름판, 몸살:몸살, 말다툼:말다툼",
    "ㄴ before 여름, 잇몸, 역": "지난여름:지난녀름, 아랫잇몸:아랜닌몸, 첫여름:천녀름, 한입:한닙, 낯익은:난니근",
    "stems in ㅁ": "삶고:삼꼬, 뿜다:뿜따, 검다:검따, 감지:감지, 감소:감소, 참지:참찌, 참고:참고",
    "Hanja words": "울산:울싼, 서울산업:서울사넙, 구속영장:구송녕짱, 수영장:수영장, 함수:함쑤, 배달서비스:배달서비스, 안과:안꽈, 불안과:부란과",
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_words(kind):
    pairs = [pair.split(":") for pair in KINDS[kind].split(", ")]
    assert [(written, pronounce(written)) for written, spoken in pairs if pronounce(written) != spoken] == []


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("밭 아래", "바 다래"),
        ("옷 한 벌", "오 탄 벌"),
        ("할 일이", "할 리리"),
        ("책 넣는다", "챙 넌는다"),
        ("먹을 것을", "머글 꺼슬"),
        ("갈 데가", "갈 떼가"),
        ("만날 사람", "만날 싸람"),
        ("오늘날 사람", "오늘랄 사람"),
        ("첫인상", "처딘상"),
    ],
)
def test_one_breath(written, spoken):
    assert pronounce(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("얘기를 아주", "얘기를 아주"),
        ("집에서 왔다", "지베서 왇따"),
        ("밥을 안 먹다", "바블 안 먹따"),
        ("산, 아래", "산, 아래"),
    ],
)
def test_a_phrase_ends(written, spoken):
    assert pronounce(written) == spoken


def test_where_a_phrase_breaks_is_one_function():
    assert breaks_after("얘기를", "아주")
    assert not breaks_after("밭", "아래")
    assert not breaks_after("먹을", "것을")
    assert breaks_after("밥을", "안")
    # Where it fails: an adnominal form before any other noun looks like a particle.
    assert breaks_after("먹은", "아이")


HEURISTICS = {
    # article: where it holds, and where spelling alone misleads it
    "24 stems by list": ("남고:남꼬 감다:감따", "안다:안다"),  # 안다 'to hug' is [안따], 'knows' [안다]
    "24 신고": ("신고:신꼬", "신고:신꼬"),  # the report 신고 is [신고]
    "26 by the beginning of a word": ("결석:결썩 출산:출싼 별장:별짱", "돌섬:돌섬"),
    "26 and 28 suffixes": ("사용법:사용뻡 창의성:창의썽 후유증:후유쯩", "방법:방법 여성:여성 영수증:영수증"),
    "20 suffixes": ("생산량:생산냥 등산로:등산노", "대관령:대괄령 훈련:훌련"),
    "29 stations and the like": ("서울역:서울력 가정용:가정뇽", "지역:지역 번역:버녁"),
    "27 after stems in ㄹ": ("할게:할께 먹을게:머글께", "알게:알게 살지:살지"),
}


@pytest.mark.parametrize("name", HEURISTICS)
def test_where_heuristics_hold_and_where_they_fail(name):
    for pairs in HEURISTICS[name]:
        for pair in pairs.split():
            written, spoken = pair.split(":")
            assert pronounce(written) == spoken


def test_the_trace_names_the_rules():
    trace = Trace()
    pronounce("TV 3대", trace=trace)
    rules = [change.rule for change in trace.changes]
    assert "names" in rules
    assert "numbers" in rules


def test_tokens_of_the_standard_front_end():
    assert tokenize("국물.") == tokenize("궁물.", g2p="jaso")
    assert tokenize("2월") == tokenize("이월", g2p="jaso") or tokenize("2월") == tokenize("이 월", g2p="jaso")


@settings(max_examples=2000, deadline=None)
@given(st.text(alphabet=st.one_of(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), st.sampled_from(" .,?!"))))
def test_any_hangul_is_pronounced_with_as_many_syllables(text):
    out = pronounce(text)
    assert re.fullmatch(r"[가-힣 .,?!]*", out)
    assert len(re.sub(r"[^가-힣]", "", out)) == len(re.sub(r"[^가-힣]", "", text))


def test_the_command_reads_lines():
    command = [sys.executable, "-m", "espnet2_nix.bin.pronounce"]
    out = subprocess.run([*command, "-v"], input="국물 2개\n", capture_output=True, text=True, check=True)
    assert out.stdout == "궁물 두 개\n"
    assert "numbers: 국물 2개 -> 국물 두 개" in out.stderr
    out = subprocess.run([*command, "--normalize_only"], input="국물 2개\n", capture_output=True, text=True, check=True)
    assert out.stdout == "국물 두 개\n"
    out = subprocess.run([*command, "--tokens"], input="가.\n", capture_output=True, text=True, check=True)
    assert out.stdout == "ᄀ ᅡ .\n"


def test_g2pk_says_what_to_install():
    try:
        import g2pk  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match="pip install g2pk"):
            tokenize("가", g2p="g2pk")


def test_the_front_end_imports_in_a_tenth_of_a_second_of_its_own():
    # No timing here: what would make it slow must not be imported.
    code = "import sys, espnet2_nix.text; assert not {'torch', 'numpy', 'librosa', 'nltk'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
