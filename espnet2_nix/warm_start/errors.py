"""What a start voice can be refused for."""

from __future__ import annotations


class TeacherInitError(ValueError):
    """A start voice that cannot become a teacher: what was expected, what was found, what fits."""
