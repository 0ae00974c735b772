"""The errors that a user can cause and mend. What is no `UserError` is a fault of ours and keeps its traceback."""

from __future__ import annotations


class UserError(ValueError):
    """A file, an option or an input is not as expected; the message says what was expected, what was found, what to do.

    Raised where the cause is known, and caught in one place: ``espnet2_nix.bin.command`` prints the message alone.
    """


class MissingFileError(UserError, FileNotFoundError):
    """A file that must be there is not; the message says what makes it."""
