"""Korean text front-end: text in, jamo tokens out."""

from __future__ import annotations

from espnet2_nix.text.frontend import DEFAULT_FRONTEND, FRONTENDS, frontend_info
from espnet2_nix.text.tokens import foreign_characters, to_jamo, token_list

__all__ = ["FRONTENDS", "frontend_info", "token_list", "tokenize", "unknown_symbols"]


def tokenize(text: str, g2p: str = DEFAULT_FRONTEND) -> list[str]:
    """Turns Korean text into jamo tokens.

    Args:
        text: Any text.
        g2p: Name of a front-end (see `FRONTENDS`).

    Returns:
        Tokens of `token_list`, without `<blank>`, `<unk>` and `<sos/eos>`.

    Raises:
        ValueError: If there is no such front-end.
    """
    frontend_info(g2p)
    return to_jamo(text)


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
    return foreign_characters(text)
