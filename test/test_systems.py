"""The table of systems, and the command that the recipe asks."""

import pytest

from espnet2_nix.bin import systems as command
from espnet2_nix.errors import UserError
from espnet2_nix.systems import BY_NAME, STUDENT, SYSTEMS, TEACHER, find_systems, possible_systems


def test_each_needs_what_its_parts_are():
    needs = {s.name: (s.needs_teacher, s.needs_student, s.needs_recording) for s in SYSTEMS}
    assert needs == {
        "teacher_resynthesis": (True, False, True),
        "teacher": (True, False, False),
        "student": (False, True, False),
        "teacher_latent_student_decoder": (True, True, True),
        "student_latent_teacher_decoder": (True, True, True),
        "student_recording_durations": (True, True, True),
    }
    assert [system for system in SYSTEMS if system.from_text] == [TEACHER, STUDENT]
    assert len(BY_NAME) == len(SYSTEMS)


def test_an_unknown_system_is_named():
    assert find_systems(["student", "teacher"]) == [STUDENT, TEACHER]
    with pytest.raises(UserError, match=r"--systems: expected some of teacher_resynthesis, .*, found oracle"):
        find_systems(["student", "oracle"])


def test_parts_of_strangers_are_not_mixed():
    assert possible_systems(teacher=False, taught=False) == [STUDENT]
    assert possible_systems(teacher=False, taught=True) == [STUDENT]
    assert [s.name for s in possible_systems(teacher=True, taught=False)] == [
        "teacher_resynthesis",
        "teacher",
        "student",
    ]
    assert tuple(possible_systems(teacher=True, taught=True)) == SYSTEMS
    assert [s for s in SYSTEMS if s not in possible_systems(teacher=True, taught=True, reads=False)] == [TEACHER]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["--systems"], "student"),
        (["--teacher"], "teacher_resynthesis teacher student"),
        (["--systems", "teacher"], "teacher"),
        (["--need_student", "--systems", "teacher", "teacher_resynthesis"], "false"),
        (["--need_student", "--systems", "teacher", "student_latent_teacher_decoder"], "true"),
        (["--need_student", "--systems"], "true"),
    ],
)
def test_the_shell_asks(arguments, printed, capsys):
    command.main(arguments)
    assert capsys.readouterr().out == f"{printed}\n"
