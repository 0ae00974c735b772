"""Jamo tokens: Hangul syllables taken apart into initial, medial and final, with space and four marks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

from espnet2_nix.text.syllables import is_syllable

BLANK, UNKNOWN, SPACE, SOS_EOS = "<blank>", "<unk>", "<space>", "<sos/eos>"
PUNCTUATION = (".", ",", "?", "!")
INITIALS = tuple(chr(code) for code in range(0x1100, 0x1113))
MEDIALS = tuple(chr(code) for code in range(0x1161, 0x1176))
FINALS = tuple(chr(code) for code in range(0x11A8, 0x11C3))
_PASSED = frozenset((*INITIALS, *MEDIALS, *FINALS, *PUNCTUATION))


def token_list() -> list[str]:
    """Lists every token a front-end can give, framed as ESPnet frames a token list.

    Returns:
        `<blank>`, `<unk>`, 19 initials, 21 medials, 27 finals, `<space>`, `. , ? !`, `<sos/eos>`; 75 tokens.
    """
    return [BLANK, UNKNOWN, *INITIALS, *MEDIALS, *FINALS, SPACE, *PUNCTUATION, SOS_EOS]


@cache
def _split(char: str) -> tuple[str, ...]:
    if is_syllable(char):
        return tuple(unicodedata.normalize("NFD", char))
    return (char,) if char in _PASSED else ()


def to_jamo(text: str) -> list[str]:
    """Takes Hangul apart into tokens.

    Args:
        text: Any text. Composed and decomposed Hangul give the same tokens; runs of white space give one
            `<space>`, and none at either end. Everything else but `. , ? !` is left out.

    Returns:
        Tokens of `token_list`.
    """
    tokens: list[str] = []
    for word in unicodedata.normalize("NFC", text).split():
        start = len(tokens)
        for char in word:
            tokens.extend(_split(char) if char >= "\u1100" else (char,) if char in _PASSED else ())
        if len(tokens) > start:
            tokens.append(SPACE)
    if tokens:
        tokens.pop()
    return tokens


@cache
def single_character(token: str) -> str:
    """Names a token by one character that no Unicode normalisation joins with its neighbours.

    For systems that take a text apart character by character, such as sherpa-onnx, which drops conjoining jamo. Initials and
    medials become compatibility jamo (ㄱ, ㅏ), finals half-width ones (ﾡ), so that they stay apart.

    Args:
        token: One of `token_list`.

    Returns:
        One character, a different one for each token.
    """
    special = {BLANK: "_", UNKNOWN: "#", SPACE: " ", SOS_EOS: "$"}
    if token in special or token in PUNCTUATION:
        return special.get(token, token)
    kind, name = unicodedata.name(token).removeprefix("HANGUL ").split(" ", 1)
    return unicodedata.lookup(("HALFWIDTH " if kind == "JONGSEONG" else "") + f"HANGUL LETTER {name}")


def foreign_characters(text: str, ignored: Iterable[str] = ()) -> list[str]:
    """Lists what `to_jamo` would leave out although it stands for something to be said.

    Args:
        text: Any text.
        ignored: Further characters not to report.

    Returns:
        Distinct characters in order of appearance: digits, letters and symbols. Quotes, brackets, dashes and
            other punctuation, marks without width and control characters are not reported.
    """
    found: dict[str, None] = {}
    for char in unicodedata.normalize("NFC", text):
        if char.isspace() or _split(char) or char in ignored or unicodedata.category(char)[0] in "PCM":
            continue
        found[char] = None
    return list(found)
