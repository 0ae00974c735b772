"""Files and folders that are either whole or not there, whatever stops the writing: the one place where files are made.

A file is written under a hidden name beside its place, `.NAME.HOST-PID-TOKEN.part`, and renamed. The name tells whose it is, so
that the next run removes what a killed one left, and two runs never meet in one name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from espnet2_nix.errors import UserError

LONGEST_NAME = 255  # bytes, on every file system in use
FORGOTTEN = 7 * 86400  # seconds after which what another machine left counts as left for good
_ASIDE = re.compile(r"\..*\.([0-9a-f]{6})-(\d+)-[0-9a-f]{6}\.part")
_swept: set[Path] = set()


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a name to write to, in the folder of `path`, and renames it to `path` when the block ends without an error.

    After an error, `path` is what it was before and nothing is left beside it. A symbolic link keeps pointing: the file that it
    names is replaced. A device or a pipe is written to, when the block has ended.

    Args:
        path: The file; its folder is made.

    Yields:
        Where to write. There is no file of that name yet; the block must make one.

    Raises:
        UserError: `path` is a folder, or cannot be written; path and cause are named.
    """
    path = Path(path)
    with explained(path):
        target = _target(path)
    if is_stream(path):
        with tempfile.TemporaryDirectory() as folder:
            aside = Path(folder) / (path.name or "file")
            with explained(path, probe=Path(folder)):
                yield aside
            with explained(path), open(aside, "rb") as source, open(path, "wb", buffering=0) as sink:
                shutil.copyfileobj(source, sink)
        return
    with explained(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
    aside = _aside(target)
    try:
        with explained(path, probe=target.parent):
            yield aside
        with explained(path):
            os.replace(aside, target)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def digest_of_file(path: str | os.PathLike[str], digits: int = 64) -> str:
    """What names a file's content: the first hexadecimal digits of its SHA-256; 16 tell the files of an experiment apart."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()[:digits]


def digest_of(value: object, files: Iterable[str | os.PathLike[str]] = ()) -> str:
    """What names values and files together: 64 hexadecimal digits of SHA-256.

    Args:
        value: What JSON can hold; mappings count in their order.
        files: Files whose content counts, before the value.
    """
    digest = hashlib.sha256()
    for path in files:
        digest.update(Path(path).read_bytes())
    digest.update(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def identity_of_file(path: str | os.PathLike[str]) -> list[object]:
    """What names a file without reading it: path as given, size in bytes, time of change in ns.

    For recordings, of which there are thousands; weights are named by their content.
    """
    found = os.stat(path)
    return [os.fspath(path), found.st_size, found.st_mtime_ns]


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes a UTF-8 text by `replace_file`; lines end in a line feed alone."""
    with replace_file(path) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def replace_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives an empty folder beside `path` and puts it in the place of `path` when the block ends without an error.

    After an error in the block, `path` is what it was before and nothing is left beside it. A folder cannot be exchanged in one
    step: whoever reads `path` at the very moment may find nothing there.

    Args:
        path: The folder; what was there before is removed.

    Yields:
        The folder to fill.

    Raises:
        UserError: `path` is no folder, or cannot be written; path and cause are named.
    """
    path = Path(path)
    with explained(path):
        target = path.resolve()
        if target.exists() and not target.is_dir():
            raise UserError(f"{path}: expected a folder to write, found a file of that name")
    with folder_beside(target) as aside:
        yield aside
        with explained(path):
            old = _aside(target)
            with contextlib.suppress(FileNotFoundError):
                target.rename(old)  # two runs may end together: each moves away what it finds
            try:
                aside.rename(target)
            finally:
                shutil.rmtree(old, ignore_errors=True)


@contextmanager
def folder_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives an empty hidden folder beside `path` that is gone after the block, and after a killed one at the next run.

    Raises:
        UserError: It cannot be written; path and cause are named.
    """
    path = Path(path)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        aside = _aside(path)
        aside.mkdir()
    try:
        with explained(path, probe=aside):
            yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path names what is written to as such: a device, a pipe, a socket, or a file that a program holds open."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if stat.S_ISREG(mode):  # /dev/stdout may be a file: renaming over it would leave the shell with the old one
        return path.parent.resolve() in _open_files()
    return not stat.S_ISDIR(mode)


def sweep(folder: str | os.PathLike[str]) -> None:
    """Removes what killed processes left in a folder, once a process and folder; what others are writing stays."""
    folder = Path(folder).resolve()
    if folder in _swept:
        return
    _swept.add(folder)
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.endswith(".part") and _is_left_over(entry):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    with contextlib.suppress(OSError):
                        os.unlink(entry.path)


@contextmanager
def explained(path: str | os.PathLike[str], probe: Path | None = None) -> Iterator[None]:
    """Turns an error of writing into one sentence with path and cause.

    Args:
        path: What is written.
        probe: The folder that is written in. Libraries in C hide the cause (libsndfile says "System error"): when one fails, a
            few bytes are written there to learn it.

    Raises:
        UserError: In place of an OSError.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        about = error.filename if isinstance(error.filename, str) else None
        if probe is not None and about is not None and ".part" not in about and Path(about).parent != probe:
            raise  # what is read in the block has its own story
        raise UserError(f"{path} cannot be written: {cause_of(error)}") from error
    except RuntimeError as error:
        if probe is not None and (found := _failing_write(probe)) is not None:
            raise UserError(f"{path} cannot be written: {cause_of(found)}") from error
        raise


def cause_of(error: OSError) -> str:
    """What the system said, with what helps against it."""
    hints = {
        errno.ENOSPC: "the disk is full; make room and run again",
        errno.EDQUOT: "the disk quota is used up; make room and run again",
        errno.EROFS: "the file system is read-only",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
        errno.ENAMETOOLONG: "the name is too long",
        errno.EISDIR: "it is a folder",
        errno.ENOTDIR: "a part of its path is a file, not a folder",
        errno.ELOOP: "its symbolic links go round in a circle",
    }
    return hints.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


def _target(path: Path) -> Path:
    """Where the file is: behind symbolic links."""
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise OSError(errno.ENAMETOOLONG, "File name too long", str(path))
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise OSError(errno.EISDIR, "Is a directory", str(path))
    except FileNotFoundError:
        pass
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _open_files() -> set[Path]:
    return {Path("/dev"), Path("/dev/fd").resolve(), Path(f"/proc/{os.getpid()}/fd"), Path("/proc/self/fd").resolve()}


def _failing_write(folder: Path) -> OSError | None:
    """The error of writing a mebibyte there, or None."""
    name = folder / f".probe.{_host()}-{os.getpid()}-{secrets.token_hex(3)}.part"
    try:
        with open(name, "wb") as f:
            f.write(bytes(2**20))
            f.flush()
            os.fsync(f.fileno())
    except OSError as error:
        return error
    finally:
        with contextlib.suppress(OSError):
            name.unlink(missing_ok=True)
    return None


def _aside(path: Path) -> Path:
    """A hidden name in the same folder, so that renaming stays within one file system."""
    mark = f".{_host()}-{os.getpid()}-{secrets.token_hex(3)}.part"
    name = os.fsdecode(os.fsencode(path.name)[: LONGEST_NAME - len(mark) - 1])
    return path.with_name(f".{name}{mark}")


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]


def _is_left_over(entry: os.DirEntry[str]) -> bool:
    match = _ASIDE.fullmatch(entry.name)
    if match is None:
        return False
    if match[1] != _host():  # whether a process of another machine lives cannot be asked
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > FORGOTTEN
    return not is_alive(int(match[2]))


def is_alive(pid: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
