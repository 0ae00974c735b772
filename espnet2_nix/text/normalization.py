"""Text normalisation: any text to Hangul as it is read, with spaces and the marks . , ? ! only.

Order: characters made plain, Hanja, addresses, names in Roman letters with a reading of their own, everything with figures,
signs, Roman letters, and last what is left. Hangul that stands in the text is never changed.
"""

from __future__ import annotations

import logging
import re
import unicodedata

from espnet2_nix.text import roman
from espnet2_nix.text.characters import fold_text, unreadable
from espnet2_nix.text.figures import read_figures
from espnet2_nix.text.hanja import read_all
from espnet2_nix.text.lazy import Lazy
from espnet2_nix.text.letters import read_greek, read_jamo
from espnet2_nix.text.particles import agree, substitute
from espnet2_nix.text.trace import Trace

logger = logging.getLogger(__name__)

_PLAIN = Lazy(r"[가-힣 .,?!]*\Z")
_MARKS = Lazy(r"\s*([.,?!][.,?!\s]*)")
_SIGNS = (
    (Lazy(r"(?<=[\d일이삼사오육칠팔구십])\+\+"), " 플러스 플러스 "),
    (Lazy(r"(?<=[A-Za-z])\+(?![\w+])"), " 플러스"),
    (Lazy(r"(?<=[가-힣])~(?=[가-힣])"), "에서 "),
    (Lazy(r"(?<=[A-Za-z가-힣])\s?&\s?(?=[A-Za-z가-힣])"), " 앤 "),
    (Lazy(r"#(?=\s?[\d가-힣A-Za-z])"), " 샵 "),
    (Lazy(r"(?<=\S)\s?\+\s?(?=[\w가-힣])"), " 플러스 "),
    (Lazy(r"(?<=Rh)-"), " 마이너스 "),
    (Lazy(r"((?:학점|성적|등급|평점)[^A-Z]{0,6}[A-D])-"), r"\1 마이너스 "),
    (Lazy(r"×"), " 곱하기 "),
    (Lazy(r"÷"), " 나누기 "),
    (Lazy(r"@"), " 골뱅이 "),
    (Lazy(r"%"), " 퍼센트"),
    (Lazy(r"[℃°]"), "도"),
    (Lazy(r"(?<=[A-Z]):\s"), ". "),
    (Lazy(r"[;:]"), ", "),
    (Lazy(r"\s-+\s"), " "),
    (Lazy(r"\("), " "),
)
_SILENT = Lazy("[\"'“”‘’()\\[\\]{}<>*_^|\\\\`~]")
_UNREAD = Lazy(r"[^가-힣.,?!]+")


# Signs after a letter or a figure, and =, which takes the particle that agrees.
_NAMED = Lazy(
    r"""(?<=[A-Za-z가-힣)])(?P<power>[²³])
        |(?<=[A-Za-z가-힣])(?P<prime>′)|(?<=[A-Z])(?<![A-Za-z'][A-Z])(?P<quote>')(?=[가-힣\s,.]|$)""",
    re.VERBOSE,
)
_EQUALS = Lazy(r"([\w가-힣])\s?=\s?(?=[\w가-힣])")


def _name_sign(match: re.Match[str]) -> str | None:
    if match["power"]:
        return {"²": " 제곱", "³": " 세제곱"}[match["power"]]
    if match["quote"] and "'" in match.string[max(0, match.start() - 30) : match.start()]:
        return None  # a closing quotation mark
    return " 프라임"


def _read_signs(text: str) -> str:
    text = substitute(_NAMED, text, _name_sign)
    text = _EQUALS.sub(lambda m: f"{m[1]}{agree(m[1], '은')[0] or '는'} ", text)
    for pattern, replacement in _SIGNS:
        text = pattern.sub(replacement, text)
    return text


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


STEPS = (
    ("characters", fold_text),
    ("Hanja", read_all),
    ("e-mail", roman.read_emails),
    ("URL", roman.read_urls),
    ("names", roman.read_names),
    ("numbers", read_figures),
    ("signs", _read_signs),
    ("Roman letters", roman.read_letters),
    ("Greek letters", read_greek),
    ("jamo", read_jamo),
)


def normalize_text(text: str, trace: Trace | None = None) -> str:
    """Normalises a text; see `espnet2_nix.text.normalize`."""
    if _PLAIN.match(text):
        return _finish(text)
    text = unicodedata.normalize("NFC", text)
    for char, position in unreadable(text).items():
        logger.warning("cannot read %r (U+%04X) at position %d", char, ord(char), position)
    for name, step in STEPS:
        changed = step(text)
        if trace is not None:
            trace.add(name, text, changed)
        text = changed
    return _finish(_UNREAD.sub(" ", _SILENT.sub("", text)))
