"""What a start voice can be refused for."""

from __future__ import annotations

from espnet2_nix.errors import UserError


class TeacherInitError(UserError):
    """A start voice that cannot become a teacher: what was expected, what was found, what fits."""
