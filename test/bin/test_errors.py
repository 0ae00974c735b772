"""What a command makes of an error."""

import pytest

from espnet2_nix.bin import command
from espnet2_nix.errors import MissingFileError, UserError


def failing(error):
    @command
    def main(cmd=None):
        raise error

    return main


@pytest.mark.parametrize("kind", [UserError, MissingFileError])
def test_what_a_user_can_mend_is_one_message_and_status_1(kind, caplog):
    with pytest.raises(SystemExit) as stop:
        failing(kind("a.wav not found; stage 2 writes it"))()
    assert stop.value.code == 1
    assert [record.getMessage() for record in caplog.records] == ["a.wav not found; stage 2 writes it"]


@pytest.mark.parametrize("kind", [ValueError, FileNotFoundError, KeyError])
def test_a_fault_of_ours_keeps_its_traceback(kind):
    with pytest.raises(kind, match="ours"):
        failing(kind("ours"))()


def test_a_missing_file_is_what_python_calls_it_too():
    with pytest.raises(FileNotFoundError):
        raise MissingFileError("a.wav not found")
