"""Names of a corpus's files: ids that Kaldi's tables can hold, and files found however their names are composed."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath

LONGEST_ID = 200  # bytes: `<id>.wav` and its name while it is written must be file names
AUDIO_SUFFIXES = frozenset([".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf"])


def make_utt_id(speaker: str, name: str) -> str:
    """An id for the clip of that name, one to one: what a table cannot hold is written %XX, as in an address.

    Args:
        speaker: Prefix, so that Kaldi's tables sort alike.
        name: The clip's name without folder and ending; NFD and NFC are the same name.
    """
    name = unicodedata.normalize("NFC", name)
    return f"{speaker}_{quote(name)}"


def quote(name: str) -> str:
    """Writes blanks, % and what cannot be printed as %XX of their UTF-8 bytes."""
    return "".join(
        char
        if char.isprintable() and char not in " %"
        else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        for char in name
    )


def unfit(utt_id: str, path: Path) -> str | None:
    """Why a clip cannot stand in a table, or None."""
    if len(utt_id.encode("utf-8", "surrogatepass")) > LONGEST_ID:
        return f"its name is too long: the id has more than {LONGEST_ID} bytes, in {path}"
    try:
        written = str(path).encode("utf-8").decode("utf-8")
    except UnicodeEncodeError:
        return f"its path is not UTF-8: {os.fsencode(path)!r}"
    if written != written.strip() or "\n" in written or "\r" in written:
        return f"its path has a line break, or a blank at an end: {written!r}"
    return None


class FileFinder:
    """Finds the files of a folder by name, whether the name on the disk or in the text is NFC or NFD.

    Args:
        root: The folder.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, name: str) -> Path:
        """The path of a file under the root: as it lies on the disk, else as the name says."""
        plain = self.root / name
        if name.isascii() or is_file(plain):
            return plain
        path = self.root
        for part in PurePosixPath(name).parts:
            path = path / self._listed(path).get(unicodedata.normalize("NFC", part), part)
        return path if is_file(path) else plain

    def _listed(self, folder: Path) -> dict[str, str]:
        if folder not in self._names:
            try:
                found = sorted(os.listdir(folder))
            except OSError:
                found = []
            self._names[folder] = {unicodedata.normalize("NFC", name): name for name in found}
        return self._names[folder]


def is_file(path: Path) -> bool:
    """Whether a regular file is there; False also for a path that the system refuses (too long, not readable)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_audio(name: str | os.PathLike[str]) -> bool:
    """Whether a name ends as audio that libsndfile reads, in capitals or not."""
    return PurePosixPath(os.fspath(name)).suffix.lower() in AUDIO_SUFFIXES
