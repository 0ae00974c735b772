"""The error that a corpus or a data folder causes."""

from __future__ import annotations

from espnet2_nix.errors import UserError


class DataError(UserError):
    """A corpus, file or option is not as expected; the message says what to do about it."""
