"""Text normalisation: any text to Hangul as it is read, with spaces and the marks . , ? ! only.

Order: characters made plain, Hanja, addresses, names in Roman letters with a reading of their own, then everything with
figures from the most specific form (dates, times, telephone numbers) to the bare number, then Roman letters, and last what
is left of symbols. Hangul that stands in the text is never changed.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from functools import cache

from espnet2_nix.text.characters import fold_text, unreadable
from espnet2_nix.text.data import read_rows
from espnet2_nix.text.hanja import read_all
from espnet2_nix.text.letters import read_greek, read_jamo
from espnet2_nix.text.numbers import ENGLISH_DIGITS, by_digit, decimal, integer, native, sino
from espnet2_nix.text.particles import agree
from espnet2_nix.text.trace import Trace

logger = logging.getLogger(__name__)

LETTERS = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        [
            "에이",
            "비",
            "씨",
            "디",
            "이",
            "에프",
            "지",
            "에이치",
            "아이",
            "제이",
            "케이",
            "엘",
            "엠",
            "엔",
            "오",
            "피",
            "큐",
            "알",
            "에스",
            "티",
            "유",
            "브이",
            "더블유",
            "엑스",
            "와이",
            "제트",
        ],
        strict=True,
    )
)
CURRENCIES = {"₩": "원", "$": "달러", "€": "유로", "£": "파운드", "¥": "엔"}
NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_PLAIN = re.compile(r"[가-힣 .,?!]*\Z")
_MARKS = re.compile(r"\s*([.,?!][.,?!\s]*)")


# ---- what is left at the end


def _finish(text: str) -> str:
    """Keeps Hangul and marks: one mark for a run of them, one space for a run of spaces, none at the ends."""

    def mark(match: re.Match[str]) -> str:
        run = match[1]
        for wanted in "?!.":
            if wanted in run:
                return wanted + " "
        return ", "

    text = _MARKS.sub(mark, " ".join(text.split()))
    return text.lstrip(" .,?!").rstrip(" ,") if text else text


# ---- names in Roman letters


@cache
def _names() -> tuple[re.Pattern[str], dict[str, str]]:
    table = dict(read_rows("acronyms.tsv", 2))
    names = "|".join(re.escape(name) for name in sorted(table, key=lambda n: (-len(n), n)))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{names})(?![A-Za-z0-9])"), table


@cache
def _words() -> dict[str, str]:
    return {word.lower(): reading for word, reading in read_rows("english.tsv", 2)}


def spell(letters: str) -> str:
    """Names Roman letters one by one."""
    return "".join(LETTERS.get(letter, "") for letter in letters.upper())


def _with_particle(pattern: re.Pattern[str], text: str, read) -> str:
    """Replaces matches by their reading and makes a particle right after it agree."""
    out, position = [], 0
    for match in pattern.finditer(text):
        if match.start() < position:
            continue
        reading = read(match)
        if reading is None:
            continue
        particle, used = agree(reading.rstrip(), text, match.end())
        out += [text[position : match.start()], reading, particle]
        position = match.end() + used
    return "".join(out) + text[position:]


_WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def read_word(word: str) -> str:
    """Reads a word in Roman letters: by the lexicon, else by its parts in mixed case, else letter by letter."""
    words = _words()
    known = words.get(word.lower())
    if known and not (word.isupper() and len(word) <= 3):  # IT is no "it"
        return known
    if word.lower().endswith("'s") and word[:-2].lower() in words:
        return words[word[:-2].lower()] + "스"
    for parts in (re.split(r"['-]", word), _CAMEL.findall(word)):
        if len(parts) > 1 and all(part.lower() in words or part.isupper() for part in parts):
            return " ".join(words.get(part.lower()) or spell(part) for part in parts)
    return spell(word)


# ---- addresses

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_URL = re.compile(
    r"(?:https?://|www\.)[A-Za-z0-9./?=&_%#~:-]+|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:com|net|org|kr|co|io|jp|edu|gov)(?:/[A-Za-z0-9./?=&_%#~-]*)?(?![A-Za-z0-9])"
)
_ADDRESS_SIGNS = {".": " 점 ", "@": " 골뱅이 ", "/": " 슬래시 ", "-": " 다시 ", "_": " 밑줄 ", ":": " ", "?": " ", "=": " ", "&": " 앤 ",
                  "%": " ", "#": " 샵 ", "~": " ", "+": " 플러스 "}  # fmt: skip
_DOMAINS = {
    "com": "컴",
    "net": "넷",
    "org": "오알지",
    "www": "더블유더블유더블유",
    "http": "에이치티티피",
    "https": "에이치티티피에스",
}


def _address(match: re.Match[str]) -> str:
    address = match[0].rstrip(".?")
    tail = match[0][len(address) :]
    address = re.sub(r"^https?://", "", address).rstrip("/")
    parts = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z0-9]", address):
        if part[0].isdigit():
            parts.append(by_digit(part))
        elif part[0].isalpha():
            parts.append(_DOMAINS.get(part.lower()) or _words().get(part.lower()) or spell(part))
        else:
            parts.append(_ADDRESS_SIGNS.get(part, " "))
    return f" {''.join(parts).strip()}{tail}"


# ---- figures


@cache
def _counters() -> dict[str, int]:
    """Counters with native numerals and the largest number so read."""
    return {name: int(limit) for name, kind, limit in read_rows("counters.tsv", 3) if kind == "native"}


@cache
def _counter_pattern() -> re.Pattern[str]:
    names = sorted({name for name, *_ in read_rows("counters.tsv", 3)} - {"분의"}, key=lambda n: (-len(n), n))
    return re.compile("|".join("입(?![니장학구원국력금])" if name == "입" else name for name in names))


@cache
def _units() -> tuple[str, dict[str, str]]:
    table = dict(read_rows("units.tsv", 2))
    return "|".join(re.escape(unit) for unit in sorted(table, key=lambda u: (-len(u), u))), table


def _to_int(written: str) -> int | None:
    plain = written.replace(",", "")
    return int(plain) if plain.isdigit() and len(plain) <= 20 else None


def cardinal(written: str) -> str:
    """Reads a number as written, in Sino-Korean numerals."""
    return decimal(written)


_DATE = re.compile(
    r"(?<![\d.])((?:1[0-9]|20)\d{2})\s?[-./]\s?(0?[1-9]|1[0-2])\s?[-./]\s?(0?[1-9]|[12]\d|3[01])(?!\d)\.?"
)
_MONTH_DAY = re.compile(
    r"(?<![\d/.])(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])(?![\d/])(?=\s?\(?[월화수목금토일]\)|\s?[월화수목금토일]요일|까지|부터|에\s|에는|자\s|\s(?:오전|오후|아침|저녁|마감|예정|개최|출발))"
)
_TIME = re.compile(r"(?<![\d:.])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_RATIO = re.compile(r"(?<![\d:])(\d+(?:\.\d+)?)\s?:\s?(\d+(?:\.\d+)?)(?:\s?:\s?(\d+(?:\.\d+)?))?(?![\d:])")
_PHONE = re.compile(
    r"(?<![\d-])(?:\+82[- ]?(\d{1,2})[- ](\d{3,4})[- ](\d{4})|\(?(0\d{1,2})\)?[-. ]\s?(\d{3,4})[-. ](\d{4})|(01[016789])(\d{3,4})(\d{4})|(1[5-9]\d{2})-(\d{4}))(?![\d-])"
)
# Days by which events are known; digit by digit, unlike a decimal number.
_EVENT = re.compile(
    r"(?<![\d.·])(3[.·]1|4[.·]3|4[.·]19|5[.·]16|5[.·]18|6[.·]25|8[.·]15|9[.·]11)(?![\d.·])"
    r"(?=\s?(?:전쟁|운동|혁명|민주|광복|사태|사변|테러|절(?![가-힣]{2})|독립|항쟁|만세|사건|정변|군사))"
)
_EMERGENCY = re.compile(
    r"(?<![\d,.-])(11[1-9]|120|182|1339|1345|114)(?=에 ?(?:전화|신고|연락|문의)|[을를로] (?:누르|눌러|부르|불러|전화|신고|연락)|[번에로를을]? ?(?:신고|구급|구조|대원)|로 )(?!번)"
)
_SERIAL = re.compile(r"(?<![\d-])(\d{2,6})-(\d{2,7})(?:-(\d{2,7}))?(?![\d-])")
_STUDENT_YEAR = re.compile(r"(?<!\d)(\d\d)(?=학번|년생|년도? ?입학)")
_MONEY = re.compile(rf"([₩$€£¥])\s?({NUMBER})\s?(만|억|천|백만|천만|조|million|billion)?")
_FRACTION = re.compile(r"(?<![\d/.])(?:(\d+)\s)?(\d+)/(\d+)(?![\d/])")
_PART_OF = re.compile(r"(\d+)\s?분의\s?(\d+)")
_SCORE = re.compile(r"(?<!\d)(\d+)\s?대\s?(\d+)(?!\d)")
_FORMULA = re.compile(rf"(?<![\w.])({NUMBER})\s?([+×÷=<>≤≥*])\s?(?={NUMBER})|(?<![\w.])({NUMBER})\s(-)\s(?={NUMBER})")
_OPERATORS = {"+": " 더하기 ", "×": " 곱하기 ", "*": " 곱하기 ", "÷": " 나누기 ", "-": " 빼기 ", "<": " 은 작다 ", ">": " 은 크다 ",
              "≤": " 이하 ", "≥": " 이상 "}  # fmt: skip
_MYRIAD = re.compile(
    rf"(?<![\d.])({NUMBER})\s?((?:십|백|천)?(?:만|억|조(?!각|사|합|항)|경(?!기|우|찰))|천(?!사|명 ?이)|백(?!화|팩))(\s?)(?=\d|[천백십만억조]|[^가-힣]|[가-힣]|$)"
)
_NEGATIVE = re.compile(rf"(?<![\w가-힣)])-\s?(?=(?:{NUMBER})(\s?(?:도|℃|°C|°|℉)(?![가-힣]*로))?)")
_RANGE = re.compile(rf"({NUMBER})\s?(\D{{0,6}}?)\s?[~]\s?({NUMBER})\s?")
_HYPHEN_RANGE = re.compile(
    rf"(?<![\d-])({NUMBER})-({NUMBER})(?=\s?(?:개|명|일|시|월|년|분|초|주|살|세|대|권|장|번|%|도|km|m|cm|kg|층|쪽|회|배|원|만))"
)
_WITH_UNIT_RATE = {
    "km/h": "시속",
    "Km/h": "시속",
    "KM/H": "시속",
    "km/s": "초속",
    "m/s": "초속",
    "m/min": "분속",
    "km/hr": "시속",
}


@cache
def _number_pattern() -> re.Pattern[str]:
    units, _ = _units()
    return re.compile(
        rf"(?P<ordinal>제\s?)?(?<![\d.])(?P<number>{NUMBER})\s?"
        rf"(?:(?P<rate>km/h|Km/h|KM/H|km/hr|km/s|m/s|m/min)(?![A-Za-z])|(?P<unit>{units})(?P<power>[²³])?(?:/(?P<per>{units}|명|개|일|월|년|회))?(?![A-Za-z])|"
        rf"(?P<counter>{_counter_pattern().pattern}))?"
    )


_NUMBER_NOUNS = re.compile(
    r"[을를]? ?(?:출구|버스|채널|문제|선수|홈|타자|노선|국도|트랙|게이트|창구|테이블|좌석|방|마을버스|게이트|탑승구|승강장|플랫폼|국번|"
    r"고객|손님|환자|후보|기호|사물함|칸|라인|레인|코트|도로|지방도|답|보기|정답|그림|사진|건물|홀|아이언|우드|염색체|트럭|기사|교향곡|"
    r"병동|공|유형|항목|척추|요추|경추|뇌신경|주자|투수|골키퍼|을 누|를 누|을 눌|을 선택|으로 (?:전화|연락|문의|신고|가|오|들어|나)|지점)"
)
_TIMES_BEFORE = re.compile(
    r"(?:에|당|씩|번|주|달|해|년|일|회|매일|매주|매달|매년|모두|총|벌써|다시|또|두세|겨우|고작|단|딱|약|최소|적어도)\s?$"
)
_NATIVE_DAE = re.compile(
    r"(?:차|자동차|승용차|트럭|버스|택시|비행기|헬기|헬리콥터|오토바이|자전거|컴퓨터|노트북|PC|TV|티브이|텔레비전|전화기|휴대폰|핸드폰|스마트폰|카메라|냉장고|"
    r"에어컨|세탁기|피아노|로봇|드론|기계|선풍기|프린터|기차|열차|지하철|탱크|전투기|여객기|구급차|소방차|경찰차|덤프트럭|킥보드|모니터|태블릿|청소기|"
    r"밥솥|엘리베이터|자판기|정수기|난로|히터|스피커|주사|담배|기타|한)[은는이가을를도의]? ?(?:총 |모두 |약 |겨우 )?$"
)
_SINO_JANG = re.compile(
    r"(?:제\s?|책|성경|창세기|출애굽기|복음|헌법|교재|교과서|소설|논문|[가-힣]+기 |[가-힣]서 |[가-힣]록 )\s?$"
)
_GUESTS = re.compile(
    r"(?:손님|어르신|선생님|고객|관객|어른|할머니|할아버지|분들|여러분|사장님|교수님|신사|스님|부모님|참석자|승객)[은는이가도 ]*(?:총 |모두 |약 )?$"
)


def _count(number: int, limit: int) -> str:
    return native(number) if 1 <= number <= limit else sino(number)


def _read_counted(match: re.Match[str], text: str) -> str | None:
    """Reads one number with what follows it: unit symbol, counter or nothing."""
    written, counter = match["number"], match["counter"]
    before, after = text[: match.start()], text[match.end() :]
    glued = bool(before) and before[-1].isascii() and before[-1].isalpha()
    lead = " " if glued or (before and before[-1] in "가-힣" and match["ordinal"]) else ""
    if match["ordinal"]:
        lead += "제 "
    if match["rate"]:
        rate = _WITH_UNIT_RATE[match["rate"]]
        said = "" if before.rstrip().endswith(rate) else f"{rate} "
        meters = "킬로미터" if match["rate"].lower().startswith("km") else "미터"
        return f"{lead}{said}{cardinal(written)} {meters}"
    if match["unit"]:
        return lead + _read_unit(match, written)
    if counter:
        return lead + _read_counter(written, counter, before, after, ordinal=bool(match["ordinal"]))
    if glued and not match["ordinal"]:
        return f" {cardinal(written)}"
    reading = cardinal(written)
    # A noun follows at once without a space (3남매 is a counter; 3선 is not): keep it attached to the figure's reading.
    spaced = (
        " "
        if after[:1].isalpha() and not after[:1].isascii() and re.match(r"[가-힣]{2}", after) and not _particle(after)
        else ""
    )
    return f"{lead}{reading}{spaced}"


_PARTICLE_START = re.compile(
    r"(?:[은는이가을를과와의에도로만]|으로|에서|까지|부터|보다|이나|이고|이며|이다|입니|이에|예요|이면|이라|라[고는]|처럼)"
)


def _particle(rest: str) -> bool:
    return _PARTICLE_START.match(rest) is not None


def _read_unit(match: re.Match[str], written: str) -> str:
    _, units = _units()
    unit, power = match["unit"], match["power"]
    reading = units[unit]
    if power:
        reading = {"²": "제곱", "³": "세제곱"}[power] + reading
    if match["per"]:
        per = units.get(match["per"], match["per"])
        return f"{per}당 {cardinal(written)} {reading}"
    return f"{cardinal(written)} {reading}"


def _read_counter(written: str, counter: str, before: str, after: str, ordinal: bool) -> str:
    number = _to_int(written)
    if number is None or (written[0] == "0" and len(written) > 1):
        return f"{cardinal(written)} {counter}"
    limit = 0 if ordinal else _counters().get(counter, 0)
    if counter == "월" and number in (6, 10):
        return {6: "유월", 10: "시월"}[number]
    if counter == "번째":
        return "첫 번째" if number == 1 else f"{_count(number, 99)} 번째"
    if counter == "번" and not ordinal:
        if number > 39 or (_NUMBER_NOUNS.match(after) and not _TIMES_BEFORE.search(before)):
            limit = 0
    elif counter == "대":
        limit = _limit_of_dae(number, before, after)
    elif counter == "분" and _GUESTS.search(before) and number < 40:
        limit = 39
    elif (
        (counter == "장" and (_SINO_JANG.search(before) or re.match(r"\s?\d+\s?절", after)))
        or (
            counter == "개"
            and re.match(r"[가-힣]", after)
            and not _particle(after)
            and not re.match(r"(?:씩|쯤|뿐|당|들|정도|짜리|째|입|나)", after)
        )
        or (counter == "시" and re.match(r"(?:도|군|구|청|의회|민|장)(?![가-힣]*착)", after))
        or (counter == "대" and re.match(r"\s?\d", after))
    ):
        limit = 0
    if counter == "시" and number == 0:
        return "영 시"
    return f"{_count(number, limit)} {counter}"


def _limit_of_dae(number: int, before: str, after: str) -> int:
    """대 counts machines (차 두 대), decades (이십 대) and generations (삼 대째)."""
    if _NATIVE_DAE.search(before):
        return 39
    if re.search(r"(?:세계|한국|국내|아시아|전국)\s?$", before) or re.match(
        r"(?:째|손|독자|\s?(?:독자|강국|명절|요소|과제|원칙|폭포|도시|불가사의|대통령|국왕|임금|황제|종교|영양소|도|거짓말|의무|기업|그룹))",
        after,
    ):
        return 0
    if number % 10 == 0 and number <= 100:
        return 0
    return 39


def _range_reading(match: re.Match[str], text: str) -> str | None:
    """Reads 3~5 as 삼에서 오; with a native counter both get it: 아홉 시에서 열한 시."""
    first, between, last = match[1], match[2].strip(), match[3]
    counter = _counter_pattern().match(text, match.end())
    if between and not re.fullmatch(r"[가-힣%℃A-Za-z°]{1,6}", between):
        return None
    if between:
        return f"{first}{between}에서 {last}"
    number = _to_int(first)
    if counter and number is not None and (counter[0] in _counters() or counter[0] == "월"):
        if counter[0] in ("대", "번") and number % 10 == 0:
            return f"{cardinal(first)}에서 {last}"
        return f"{first}{counter[0]}에서 {last}"
    return f"{cardinal(first)}에서 {last}"


def _month(number: str) -> str:
    return {6: "유월", 10: "시월"}.get(int(number)) or f"{sino(int(number))} 월"


def _read_time(match: re.Match[str], text: str) -> str:
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    reading = ("영" if hour == 0 else _count(hour, 12)) + " 시"
    if minute:
        reading += f" {sino(minute)} 분"
    if second:
        reading += f" {sino(int(second))} 초"
    return reading


def _read_phone(match: re.Match[str]) -> str:
    groups = [group for group in match.groups() if group]
    read = [by_digit(group) for group in groups]
    if match[0].startswith("+82"):
        return "플러스 팔이 " + " ".join(read)
    if len(read) == 3 and groups[0].startswith("01"):
        return f"{read[0]} {read[1]}에 {read[2]}"
    return " ".join(read)


def _numbers(text: str) -> str:
    """Everything with figures, from the most specific form to the bare number."""
    text = _DATE.sub(lambda m: f"{sino(int(m[1]))} 년 {_month(m[2])} {sino(int(m[3]))} 일", text)
    text = _MONTH_DAY.sub(lambda m: f"{_month(m[1])} {sino(int(m[2]))} 일", text)
    text = _PHONE.sub(_read_phone, text)
    text = _EVENT.sub(lambda m: by_digit(re.sub(r"\D", "", m[1])), text)
    text = _EMERGENCY.sub(lambda m: by_digit(m[1]), text)
    text = _TIME.sub(lambda m: _read_time(m, text), text)
    text = _with_particle(_RATIO, text, lambda m: " 대 ".join(cardinal(g) for g in m.groups() if g))
    text = _STUDENT_YEAR.sub(lambda m: by_digit(m[1], dialled=m[1][0] == "0"), text)
    text = _MONEY.sub(lambda m: f"{m[2]}{m[3] or ''} {CURRENCIES[m[1]]}", text)
    text = _PART_OF.sub(lambda m: f"{sino(int(m[1]))}분의 {m[2]}" if len(m[1]) < 20 else m[0], text)
    text = _FRACTION.sub(
        lambda m: (f"{cardinal(m[1])}과 " if m[1] else "") + f"{cardinal(m[3])} 분의 {cardinal(m[2])}", text
    )
    text = _with_particle(_SCORE, text, _read_score)
    text = _FORMULA.sub(_read_operator, text)
    text = _NEGATIVE.sub(lambda m: "영하 " if m[1] and m[1].strip() != "°" else "마이너스 ", text)
    text = _HYPHEN_RANGE.sub(r"\1~\2", text)
    for _ in range(4):
        changed = _RANGE.sub(
            lambda m, now=text: reading if (reading := _range_reading(m, now)) else m[0].replace("~", " "), text
        )
        if changed == text:
            break
        text = changed
    text = _SERIAL.sub(lambda m: " ".join(by_digit(g) for g in m.groups() if g), text)
    text = _MYRIAD.sub(_read_myriad, text)
    return _with_particle(_number_pattern(), text, lambda m: _read_counted(m, text))


def _read_score(match: re.Match[str]) -> str:
    return f"{cardinal(match[1])} 대 {cardinal(match[2])}"


def _read_operator(match: re.Match[str]) -> str:
    number, operator = (match[1], match[2]) if match[1] else (match[3], match[4])
    reading = cardinal(number)
    if operator == "=":
        return f"{reading}{agree(reading, '은')[0]} "
    return reading + _OPERATORS[operator]


def _read_myriad(match: re.Match[str]) -> str:
    number, myriad = match[1], match[2]
    if "." in number:
        return f"{cardinal(number)}{myriad}{match[3]}"
    reading = cardinal(number)
    if number == "1" and myriad in ("만", "천", "백", "천만", "백만", "십만"):
        reading = ""
    return f"{reading}{myriad}{match[3]}" + ("" if match[3] or not _counts_next(match) else " ")


def _counts_next(match: re.Match[str]) -> bool:
    rest = match.string[match.end() :]
    return _counter_pattern().match(rest) is not None and not _particle(rest)


# ---- the rest

_SIGNS = (
    (re.compile(r"(?<=[가-힣])~(?=[가-힣])"), "에서 "),
    (re.compile(r"(?<=[A-Za-z가-힣])\s?&\s?(?=[A-Za-z가-힣])"), " 앤 "),
    (re.compile(r"#(?=\s?[\d가-힣A-Za-z])"), " 샵 "),
    (re.compile(r"(?<=\S)\s?\+\s?(?=[\w가-힣])"), " 플러스 "),
    (re.compile(r"(?<=[\w가-힣])\s?=\s?(?=[\w가-힣])"), " 는 "),
    (re.compile(r"@"), " 골뱅이 "),
    (re.compile(r"%"), " 퍼센트"),
    (re.compile(r"[℃°]"), "도"),
    (re.compile(r"(?<=[A-Z]):\s"), ". "),
    (re.compile(r"[;:]"), ", "),
    (re.compile(r"\s-+\s"), " "),
)
_SILENT = re.compile("[\"'“”‘’()\\[\\]{}<>*_^|\\\\`~]")


def _normalize(text: str, trace: Trace | None) -> str:
    steps = (
        ("Hanja", read_all),
        ("e-mail", lambda t: _EMAIL.sub(_address, t)),
        ("URL", lambda t: _URL.sub(_address, t)),
        ("names", _read_names),
        ("numbers", _read_numbers),
        ("signs", _read_signs),
        ("Roman letters", lambda t: _with_particle(_WORD, t, lambda m: read_word(m[0]))),
        ("Greek letters", read_greek),
        ("jamo", read_jamo),
    )
    for name, step in steps:
        changed = step(text)
        if trace is not None:
            trace.add(name, text, changed)
        text = changed
    text = re.sub(r"\(", " ", text)
    text = _SILENT.sub("", text)
    text = re.sub(r"[^가-힣.,?!]+", " ", text)
    return _finish(text)


def _read_names(text: str) -> str:
    if not re.search(r"[A-Za-z]", text):
        return text
    pattern, table = _names()
    return _with_particle(pattern, text, lambda match: table[match[0]])


def _read_numbers(text: str) -> str:
    return _numbers(text) if re.search(r"[0-9]", text) else text


def _read_signs(text: str) -> str:
    for pattern, replacement in _SIGNS:
        text = pattern.sub(replacement, text)
    return text


def normalize_text(text: str, trace: Trace | None = None) -> str:
    """Normalises a text; see `espnet2_nix.text.normalize`."""
    if _PLAIN.match(text):
        return _finish(text)
    text = unicodedata.normalize("NFC", text)
    for char, position in unreadable(text).items():
        logger.warning("cannot read %r (U+%04X) at position %d", char, ord(char), position)
    folded = fold_text(text)
    if trace is not None:
        trace.add("characters", text, folded)
    return _normalize(folded, trace)


__all__ = ["ENGLISH_DIGITS", "cardinal", "integer", "normalize_text", "read_word", "spell"]
