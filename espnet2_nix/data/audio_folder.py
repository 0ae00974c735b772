"""A folder of formatted clips that a rerun can go on with: each clip whole or absent, all with the same settings."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from pathlib import Path

import soundfile

from espnet2_nix.data.audio import AudioFormat, format_clip
from espnet2_nix.data.errors import DataError
from espnet2_nix.files import digest_of_file, explained, identity_of_file, replace_file, sweep, write_text

logger = logging.getLogger(__name__)
STAMP = "format_settings.json"
SOURCES = "sources.jsonl"  # appended to by several jobs, a line at a time


class AudioFolder:
    """Writes formatted clips into a folder, several jobs at a time if need be.

    Args:
        folder: Where `<utt_id>.wav` and the stamp go; made if missing.
        settings: How clips are formatted. When the folder's stamp tells of other settings, its clips are removed,
            and made anew.

    Raises:
        DataError: The folder holds audio but no stamp, so this class did not fill it.
    """

    def __init__(self, folder: str | os.PathLike[str], settings: AudioFormat) -> None:
        self.folder = Path(folder)
        self.settings = settings
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        sweep(self.folder)
        with open(self.folder / ".lock", "w") as lock:
            # Parallel jobs share the folder: the first that comes clears it, the others find the new stamp.
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._settle_stamp()
        self._sources = self._read_sources()

    def _settle_stamp(self) -> None:
        stamp = self.folder / STAMP
        wanted = self.settings.as_dict()
        found = json.loads(stamp.read_text(encoding="utf-8")) if stamp.is_file() else None
        if found == wanted:
            return
        old = sorted(self.folder.glob("*.wav"))
        if old and found is None:
            raise DataError(
                f"{self.folder} holds {len(old)} wav files and no {STAMP}: they were not made by format_audio; "
                "name an empty folder with --outdir"
            )
        if old:
            logger.warning(
                "settings changed from %s to %s: the %d clips in %s are made anew",
                found,
                wanted,
                len(old),
                self.folder,
            )
        for path in old:
            path.unlink(missing_ok=True)
        (self.folder / SOURCES).unlink(missing_ok=True)
        write_text(stamp, json.dumps(wanted, indent=2, sort_keys=True))

    def path(self, utt_id: str) -> Path:
        """Returns where the clip of an utterance is or will be."""
        return self.folder / f"{utt_id}.wav"

    def finished(self, utt_id: str, source: str | os.PathLike[str]) -> int | None:
        """Returns the number of samples of a clip made before, or None where it is missing or was made of another source.

        The source is the same while its path, size and time are; where one of them changed, in whichever direction, its content
        decides: an archive unpacked again makes nothing anew, a clip replaced by an older one does.
        """
        made_of = self._sources.get(utt_id)
        try:
            samples = soundfile.info(self.path(utt_id)).frames
            facts = identity_of_file(source)
            if made_of is None or (facts != made_of[:3] and digest_of_file(source, 16) != made_of[3]):
                return None
            if facts != made_of[:3]:
                self._remember(utt_id, [*facts, made_of[3]])
        except (OSError, soundfile.LibsndfileError):
            return None
        return samples

    def identity(self, utt_id: str) -> str:
        """Returns the first 16 digits of the SHA-256 of the source that a clip was made of."""
        return str(self._sources[utt_id][3])

    def _remember(self, utt_id: str, made_of: list[object]) -> None:
        self._sources[utt_id] = made_of
        with explained(self.folder / SOURCES), open(self.folder / SOURCES, "ab", buffering=0) as f:
            f.write((json.dumps([utt_id, *made_of], ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))

    def _read_sources(self) -> dict[str, list[object]]:
        """What each clip was made of; the last line of a clip counts, and a line that a kill cut off does not."""
        sources: dict[str, list[object]] = {}
        try:
            lines = (self.folder / SOURCES).read_bytes().split(b"\n")
        except FileNotFoundError:
            return sources
        for line in lines:
            try:
                utt_id, path, size, mtime, digest = json.loads(line)
            except ValueError:
                continue
            sources[utt_id] = [path, size, mtime, digest]
        return sources

    def make(self, utt_id: str, source: str | os.PathLike[str]) -> int:
        """Formats one clip, written aside and renamed.

        Returns:
            Its number of samples.

        Raises:
            UnusableAudio: See `format_clip`.
        """
        facts = identity_of_file(source) if os.path.isfile(source) else []
        clip = format_clip(source, self.settings)
        if clip.gain != 1.0:
            logger.info("%s: scaled by %.4f, its peak exceeded full scale", utt_id, clip.gain)
        with replace_file(self.path(utt_id)) as aside:
            soundfile.write(aside, clip.samples, self.settings.fs, subtype="PCM_16", format="WAV")
        self._remember(utt_id, [*facts, digest_of_file(source, 16)])
        return len(clip.samples)
