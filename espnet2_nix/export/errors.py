"""The error of an export."""

from __future__ import annotations

from espnet2_nix.errors import UserError


class ExportError(UserError):
    """A voice that must not be written; the message says why."""
