"""Regular expressions compiled when first used: importing the front-end costs no more than reading its sources."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_METHODS = ("match", "search", "fullmatch", "sub", "finditer", "findall", "split")


class Lazy:
    """A regular expression that is compiled when first used.

    Args:
        pattern: The regular expression, or a function that gives it (where it is built from a data file).
        flags: As for `re.compile`.
    """

    def __init__(self, pattern: str | Callable[[], str], flags: int = 0) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(self._pattern if isinstance(self._pattern, str) else self._pattern(), self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)
