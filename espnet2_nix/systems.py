"""The systems that stage 9 speaks with and stage 10 compares: the one table of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from espnet2_nix.errors import UserError


@dataclass(frozen=True)
class System:
    """A way to speak, put together of parts of the teacher and of the student.

    Attributes:
        name: As in the shell, in folders and in tables.
        latent: Where the latent comes from: ``posterior`` (the teacher's, of the recording), ``prior`` (the teacher's, of the
            text) or ``student``.
        decoder: Whose decoder makes the wave: ``teacher`` or ``student``.
        durations: ``predicted`` by whoever gives the latent, or those of the ``recording``, by the teacher's alignment (the field's
            oracle durations).
    """

    name: str
    latent: str
    decoder: str
    durations: str

    @property
    def needs_student(self) -> bool:
        """Whether it speaks with a part of the student."""
        return "student" in (self.latent, self.decoder)

    @property
    def needs_teacher(self) -> bool:
        """Whether it speaks with a part of the teacher, or at the durations of its alignment."""
        return self.latent != "student" or self.decoder == "teacher" or self.needs_recording

    @property
    def needs_recording(self) -> bool:
        """Whether it must hear the recording."""
        return self.durations == "recording"

    @property
    def as_long_as_recording(self) -> bool:
        """Whether its speech can be compared with the recording frame by frame."""
        return self.durations == "recording"

    @property
    def from_text(self) -> bool:
        """Whether it is text-to-speech: what one would ship or compare with, not a means to find a loss."""
        return not self.needs_recording

    @property
    def mixes(self) -> bool:
        """Whether teacher and student must be of one latent space."""
        return self.needs_student and self.needs_teacher


RECORDING = "recording"
"""What every system is compared with; itself none."""
TEACHER = System("teacher", "prior", "teacher", "predicted")
STUDENT = System("student", "student", "student", "predicted")
SYSTEMS = (
    System("teacher_resynthesis", "posterior", "teacher", "recording"),
    TEACHER,
    STUDENT,
    System("teacher_latent_student_decoder", "posterior", "student", "recording"),
    System("student_latent_teacher_decoder", "student", "teacher", "recording"),
    System("student_recording_durations", "student", "student", "recording"),
)
"""In the order of the tables. Against the first, the fourth tells what the student's decoder loses and the fifth what its encoder
loses; the last against ``student`` tells what its durations lose."""
BY_NAME = {system.name: system for system in SYSTEMS}


def find_systems(names: Iterable[str]) -> list[System]:
    """Systems by name, in the order given.

    Raises:
        UserError: If there is none of a name.
    """
    names = list(names)
    if unknown := sorted(set(names) - BY_NAME.keys()):
        raise UserError(f"--systems: expected some of {', '.join(BY_NAME)}, found {', '.join(unknown)}")
    return [BY_NAME[name] for name in names]


def possible_systems(teacher: bool, taught: bool, reads: bool = True) -> list[System]:
    """What can speak beside a student.

    Args:
        teacher: Whether a teacher is at hand.
        taught: Whether it is the one that taught the student: parts of strangers do not fit.
        reads: Whether it has learnt to speak from text.
    """
    return [
        system
        for system in SYSTEMS
        if (teacher or not system.needs_teacher)
        and (taught or not system.mixes)
        and (reads or system.latent != "prior")
    ]
