"""Roman letters read in Korean: names and English words by their tables, other letters by name, and addresses."""

from __future__ import annotations

import re
from functools import cache

from espnet2_nix.text.data import read_rows
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.numbers import by_digit
from espnet2_nix.text.particles import substitute

_NAMES = "에이 비 씨 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 알 에스 티 유 브이 더블유 엑스 와이 제트"
LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _NAMES.split(), strict=True))
_WORD = Lazy(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
_CAMEL = Lazy(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@cache
def _names() -> tuple[re.Pattern[str], dict[str, str]]:
    table = {name: reading for name, reading in read_rows("acronyms.tsv", 2)}  # noqa: C416
    names = "|".join(re.escape(name) for name in sorted(table, key=lambda n: (-len(n), n)))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{names})(?![A-Za-z0-9])"), table


@cache
def _words() -> dict[str, str]:
    return {word.lower(): reading for word, reading in read_rows("english.tsv", 2)}


def spell(letters: str) -> str:
    """Names Roman letters one by one."""
    return "".join(LETTERS.get(letter, "") for letter in letters.upper())


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


def read_names(text: str) -> str:
    """Reads the names of `acronyms.tsv`, with the particle after them made to agree."""
    if not re.search(r"[A-Za-z]", text):
        return text
    pattern, table = _names()
    return substitute(pattern, text, lambda match: table[match[0]])


def read_letters(text: str) -> str:
    """Reads every word in Roman letters, with the particle after it made to agree."""
    return substitute(_WORD, text, lambda match: read_word(match[0]))


# ---- addresses

# Lengths are bounded, as they are in addresses, so that a long run of letters costs no more than its length.
_LABELS = r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}"
_EMAIL = Lazy(rf"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{{1,64}}@{_LABELS}")
_URL = Lazy(
    rf"""(?:https?://|www\.)[A-Za-z0-9./?=&_%#~:-]+                # with a scheme, to the next blank or Hangul
        |(?<![A-Za-z0-9-]){_LABELS}\.(?:com|net|org|kr|co|io|jp|edu|gov)  # a domain known by its end
         (?:/[A-Za-z0-9./?=&_%#~-]*)?(?![A-Za-z0-9])""",
    re.VERBOSE,
)
_SIGNS = {".": " 점 ", "@": " 골뱅이 ", "/": " 슬래시 ", "-": " 다시 ", "_": " 밑줄 ", ":": " ", "?": " ", "=": " ", "&": " 앤 ",
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
            parts.append(_SIGNS.get(part, " "))
    return f" {''.join(parts).strip()}{tail}"


def read_emails(text: str) -> str:
    """Reads e-mail addresses part by part."""
    return _EMAIL.sub(_address, text)


def read_urls(text: str) -> str:
    """Reads addresses of the web part by part."""
    return _URL.sub(_address, text)
