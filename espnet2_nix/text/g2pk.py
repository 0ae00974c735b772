"""The package g2pk as a front-end, for comparison; it needs MeCab and downloads data when first used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from espnet2_nix.errors import UserError


@cache
def _g2p() -> Callable[[str], str]:
    try:
        from g2pk import G2p
    except ImportError as error:
        raise UserError(f"--g2p g2pk needs the package g2pk: pip install g2pk python-mecab-ko ({error})") from error
    try:
        return G2p()
    except Exception as error:  # nltk raises LookupError offline, MeCab RuntimeError
        raise UserError(f"the package g2pk cannot start (offline, or no MeCab dictionary?): {error}") from error


def pronounce_with_g2pk(text: str) -> str:
    """Pronounces Hangul text by g2pk.

    Raises:
        UserError: If the package is missing or cannot start; the message says what to install.
    """
    return _g2p()(text)
