"""Files and folders that are whole or not there."""

import errno
import os
import stat
import subprocess
import sys

import pytest

from espnet2_nix import files
from espnet2_nix.errors import UserError
from espnet2_nix.files import digest_of, digest_of_file, identity_of_file, replace_file, replace_folder, write_text


def test_a_file_comes_whole_and_its_folder_is_made(tmp_path):
    path = tmp_path / "a" / "b.txt"
    with replace_file(path) as aside:
        assert aside.parent == path.parent
        assert not aside.exists()
        aside.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "t"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError), replace_file(path) as aside:
        aside.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_is_utf_8_with_line_feeds(tmp_path):
    write_text(tmp_path / "t", "가\n나\n")
    assert (tmp_path / "t").read_bytes() == "가\n나\n".encode()


def test_a_folder_takes_the_place_of_another(tmp_path):
    path = tmp_path / "voice"
    path.mkdir()
    (path / "old").touch()
    with replace_folder(path) as aside:
        assert list(aside.iterdir()) == []
        (aside / "new").touch()
        assert [file.name for file in path.iterdir()] == ["old"]
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_folder_leaves_the_old_one(tmp_path):
    path = tmp_path / "voice"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(RuntimeError), replace_folder(path) as aside:
        (aside / "half").touch()
        raise RuntimeError
    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


# ---- what is no plain file


def test_a_device_is_written_to_and_stays_a_device():
    before = os.stat("/dev/null")
    with replace_file("/dev/null") as aside:
        aside.write_bytes(b"nothing")
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode)
    assert (after.st_ino, after.st_rdev) == (before.st_ino, before.st_rdev)


def test_a_full_device_is_named_and_stays():
    with (
        pytest.raises(UserError, match="/dev/full cannot be written: the disk is full"),
        replace_file("/dev/full") as aside,
    ):
        aside.write_bytes(b"x" * 10)
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_pipe_gets_what_was_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE)
    write_text(tmp_path / "pipe", "나무")
    assert reader.communicate(timeout=20)[0] == "나무".encode()
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)


def test_standard_output_is_written_to_where_it_leads(tmp_path):
    code = "from espnet2_nix.files import write_text; write_text('/dev/stdout', 'whole')"
    with open(tmp_path / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == b"whole"


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_keeps_pointing(tmp_path, there):
    (tmp_path / "real").mkdir()
    if there:
        (tmp_path / "real" / "t").write_text("old", encoding="utf-8")
    (tmp_path / "link").symlink_to("real/t")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "t").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("folder", "it is a folder"),
        ("file/t", "file"),
        ("x" * 300, "the name is too long"),
        ("loop", "round in a circle"),
    ],
)
def test_a_place_that_cannot_be_written_is_named_with_its_cause(tmp_path, name, cause):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError) as error:
        write_text(tmp_path / name, "t")
    assert str(error.value).startswith(f"{tmp_path / name} cannot be written: ")
    assert cause in str(error.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("number", "cause"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EDQUOT, "quota")]
)
def test_a_library_that_hides_the_cause_is_asked_again(tmp_path, monkeypatch, number, cause):
    def fail(folder):
        return OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "_failing_write", fail)
    with (
        pytest.raises(UserError, match=rf"t\.wav cannot be written: .*{cause}"),
        replace_file(tmp_path / "t.wav") as aside,
    ):
        aside.write_bytes(b"half")
        raise RuntimeError("System error.")
    assert list(tmp_path.iterdir()) == []


def test_what_the_block_reads_is_not_taken_for_what_it_writes(tmp_path):
    with pytest.raises(FileNotFoundError), replace_file(tmp_path / "a" / "t"):
        (tmp_path / "nowhere" / "source").read_bytes()


# ---- runs that were killed, and runs side by side


def leave(folder, name="t", hold=False):
    """Starts a process that is in the midst of a file and a folder, and kills it unless it shall hold them."""
    code = (
        "import sys, time; from espnet2_nix.files import folder_beside, replace_file\n"
        "with replace_file(sys.argv[1]) as a, folder_beside(sys.argv[1] + '.d') as b:\n"
        "    a.write_text('half'); (b / 'x').touch(); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder / name)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    if not hold:
        process.kill()
        process.wait()
    return process


def test_what_a_killed_run_left_is_swept_by_the_next_and_others_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_swept", set())
    alive = leave(tmp_path, hold=True)
    leave(tmp_path)
    try:
        held = [path for path in tmp_path.iterdir() if f"-{alive.pid}-" in path.name]
        foreign = tmp_path / ".t.abcdef-1-012345.part"
        foreign.touch()
        assert len(list(tmp_path.iterdir())) == 5
        write_text(tmp_path / "t", "whole")
        assert sorted(tmp_path.iterdir()) == sorted([*held, foreign, tmp_path / "t"])
    finally:
        alive.kill()
        alive.wait()
        alive.stdout.close()


def test_two_writers_of_one_file_never_meet(tmp_path):
    with replace_file(tmp_path / "t") as first, replace_file(tmp_path / "t") as second:
        assert first != second
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert (tmp_path / "t").read_text(encoding="utf-8") == "first"
    with replace_folder(tmp_path / "d") as first, replace_folder(tmp_path / "d") as second:
        (first / "1").touch()
        (second / "2").touch()
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["1"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_name_as_long_as_a_name_can_be_is_written(tmp_path):
    write_text(tmp_path / ("가" * 85), "t")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_digest_names_content_and_an_identity_names_the_file(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    for path in (a, b):
        path.write_bytes(b"abc")
        os.utime(path, ns=(5, 5))
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, example B.1
    assert digest_of_file(a) == digest_of_file(b) == known
    assert digest_of_file(a, 16) == known[:16]
    assert identity_of_file(a) == [str(a), 3, 5]
    b.write_bytes(b"abd")
    assert digest_of_file(b) != known
    with pytest.raises(FileNotFoundError):
        identity_of_file(tmp_path / "c")


def test_a_digest_of_values_takes_files_by_their_content(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"abc")
    b.write_bytes(b"abc")
    assert digest_of([1, "\udcff"], files=[a]) == digest_of([1, "\udcff"], files=[b])
    b.write_bytes(b"abd")
    assert len({digest_of([1]), digest_of([2]), digest_of([1], files=[a]), digest_of([1], files=[b])}) == 4
