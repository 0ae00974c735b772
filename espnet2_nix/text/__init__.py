"""Korean text front-end: any text in, the standard pronunciation out, as Hangul or as jamo tokens."""

from __future__ import annotations

from espnet2_nix.text.characters import unreadable
from espnet2_nix.text.frontend import DEFAULT_FRONTEND, FRONTENDS, frontend_info
from espnet2_nix.text.lexicon import Lexicon
from espnet2_nix.text.normalization import normalize_text
from espnet2_nix.text.pronunciation import pronounce_hangul
from espnet2_nix.text.tokens import foreign_characters, single_character, to_jamo, token_list
from espnet2_nix.text.trace import Trace

__all__ = [
    "FRONTENDS",
    "Lexicon",
    "Trace",
    "frontend_info",
    "normalize",
    "pronounce",
    "single_character",
    "token_list",
    "tokenize",
    "unknown_symbols",
]


def normalize(text: str, lexicon: Lexicon | None = None, trace: Trace | None = None) -> str:
    """Reads a text out in Hangul.

    Args:
        text: Any text; composed and decomposed forms count alike.
        lexicon: A user's dictionary, applied before the rules.
        trace: Collects what each step changed.

    Returns:
        Hangul syllables, single spaces and `. , ? !` only. What cannot be read is left out and reported once through
        `logging`, with its position. Normalising a result again changes nothing.
    """
    if lexicon is not None:
        replaced = lexicon.apply(text)
        if trace is not None:
            trace.add("user's lexicon", text, replaced)
        text = replaced
    return normalize_text(text, trace)


def pronounce(text: str, lexicon: Lexicon | None = None, trace: Trace | None = None) -> str:
    """Normalises a text and applies the Standard Pronunciation (표준 발음법).

    Args:
        text: Any text.
        lexicon: A user's dictionary, applied before the rules.
        trace: Collects what each rule changed.

    Returns:
        Hangul syllables as they sound, single spaces and `. , ? !`.
    """
    return pronounce_hangul(normalize(text, lexicon, trace), trace)


def tokenize(text: str, g2p: str = DEFAULT_FRONTEND, lexicon: Lexicon | None = None) -> list[str]:
    """Turns Korean text into jamo tokens.

    Args:
        text: Any text.
        g2p: `standard` (normalised and pronounced), `jaso` (spelling as written; what is not Hangul is left out) or
            `g2pk` (the package of that name, after our normalisation).
        lexicon: A user's dictionary, applied before the rules.

    Returns:
        Tokens of `token_list`, without `<blank>`, `<unk>` and `<sos/eos>`.

    Raises:
        ValueError: If there is no such front-end, or if it is a package that is not installed.
    """
    frontend_info(g2p)
    if g2p == "standard":
        return to_jamo(pronounce(text, lexicon))
    if g2p == "g2pk":
        from espnet2_nix.text.g2pk import pronounce_with_g2pk

        return to_jamo(pronounce_with_g2pk(normalize(text, lexicon)))
    return to_jamo(text if lexicon is None else lexicon.apply(text))


def unknown_symbols(text: str, g2p: str = DEFAULT_FRONTEND) -> list[str]:
    """Lists the characters that a front-end cannot say.

    Args:
        text: Any text.
        g2p: Name of a front-end (see `FRONTENDS`).

    Returns:
        Distinct characters in order of appearance; marks that are merely silent (quotes, brackets) are not among them.

    Raises:
        ValueError: If there is no such front-end.
    """
    frontend_info(g2p)
    return foreign_characters(text) if g2p == "jaso" else list(unreadable(text))
