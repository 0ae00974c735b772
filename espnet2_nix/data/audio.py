"""One clip from whatever the corpus holds to mono 16-bit at the model's rate, silence trimmed."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr

from espnet2_nix.data.errors import DataError
from espnet2_nix.data.names import is_file

SILENT_PEAK = 10 ** (-70 / 20)
FULL_SCALE = 32767 / 32768
LOWEST_FS, HIGHEST_FS = 2000, 1_000_000  # Hz: what lies outside is a damaged header
LONGEST_CLIP = 1800.0  # seconds: a whole recording session is no clip, and would not fit into memory
# A program that writes into a pipe does not know the length: sox leaves 0x7FFFF000 and more, arecord 0x80000000, ffmpeg
# 0xFFFFFFFF, others 0. No clip is that long.
UNKNOWN_RIFF_SIZE = 0x7FFFE000


class UnusableAudio(DataError):
    """A clip that cannot be formatted; the message is the reason for the report."""


@dataclass(frozen=True)
class AudioFormat:
    """How clips are formatted.

    Attributes:
        fs: sampling rate to write, Hz.
        trim_db: a frame belongs to the leading or trailing silence when its RMS lies more than so many dB under
            the loudest frame's; 0 keeps the clip whole.
        trim_margin: seconds of the silence kept on each side, so that soft onsets and releases stay.
        trim_frame: length of the frames, seconds; they advance by a quarter of it.
        quality: soxr's recipe for resampling.
    """

    fs: int = 22050
    trim_db: float = 30.0
    trim_margin: float = 0.05
    trim_frame: float = 0.046
    quality: str = "VHQ"

    def __post_init__(self) -> None:
        if self.fs <= 0:
            raise DataError(f"fs {self.fs}: expected a rate in Hz above 0")
        if self.trim_db < 0 or self.trim_margin < 0 or self.trim_frame <= 0:
            raise DataError(
                f"trim_db {self.trim_db}, trim_margin {self.trim_margin}, trim_frame {self.trim_frame}: "
                "expected dB and margin >= 0 and a frame above 0 s"
            )

    def as_dict(self) -> dict[str, float | int | str]:
        """Returns the settings as plain values, for the stamp."""
        return asdict(self)


@dataclass(frozen=True)
class FormattedClip:
    """A clip ready to write.

    Attributes:
        samples: (T_wav,) int16.
        gain: what the clip was multiplied by so that no peak exceeds full scale; 1.0 where nothing was done.
    """

    samples: np.ndarray
    gain: float


def format_clip(path: str | os.PathLike[str], settings: AudioFormat) -> FormattedClip:
    """Reads a clip, mixes it to mono, resamples it once, trims its silence and rounds it to 16 bits.

    Args:
        path: Any file that libsndfile reads.
        settings: Rate and trimming.

    Returns:
        The clip; louder than full scale it is scaled down as a whole, never cut.

    Raises:
        UnusableAudio: The file is missing, unreadable, truncated, empty, silent or not finite.
    """
    speech, fs = _read_mono(Path(path))
    num_samples = len(speech)
    if fs != settings.fs:
        speech = soxr.resample(speech, fs, settings.fs, quality=settings.quality)
    if len(speech) > 0:
        speech = trim_silence(speech, settings)
    if len(speech) == 0:
        raise UnusableAudio(f"too short: {num_samples} samples at {fs} Hz leave none at {settings.fs} Hz, in {path}")
    peak = float(np.max(np.abs(speech)))
    gain = FULL_SCALE / peak if peak > 1.0 else 1.0
    samples = np.clip(np.rint(speech * (gain * 32768)), -32768, 32767).astype(np.int16)
    return FormattedClip(samples, gain)


def trim_silence(speech: np.ndarray, settings: AudioFormat) -> np.ndarray:
    """Cuts the silence at both ends but for the margin.

    Args:
        speech: (T_wav,) float at `settings.fs`.
        settings: threshold, margin and frame.

    Returns:
        A view of the kept part.
    """
    if settings.trim_db == 0:
        return speech
    hop = max(1, round(settings.trim_frame * settings.fs / 4))
    _, (start, end) = librosa.effects.trim(speech, top_db=settings.trim_db, frame_length=4 * hop, hop_length=hop)
    margin = round(settings.trim_margin * settings.fs)
    return speech[max(0, start - margin) : end + margin]


def _read_mono(path: Path) -> tuple[np.ndarray, int]:
    if not is_file(path):
        raise UnusableAudio(f"audio {path} not found")
    try:
        with soundfile.SoundFile(_with_known_size(path)) as f:
            fs, seconds = f.samplerate, f.frames / max(f.samplerate, 1)
            if not LOWEST_FS <= fs <= HIGHEST_FS:
                raise UnusableAudio(
                    f"unreadable: its header says {fs} Hz, expected {LOWEST_FS} to {HIGHEST_FS} Hz, in {path}"
                )
            if seconds > LONGEST_CLIP:
                raise UnusableAudio(f"too long: {seconds:.0f} s, expected at most {LONGEST_CLIP:g} s, in {path}")
            # Block by block, so that a clip of a hundred channels takes no more memory than one.
            blocks = [block.mean(axis=1) for block in f.blocks(2**16, dtype="float32", always_2d=True)]
    except (soundfile.SoundFileError, OSError, RuntimeError, MemoryError) as error:
        raise UnusableAudio(f"unreadable audio {path} ({path.stat().st_size} bytes): {error}") from error
    mono = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if len(mono) == 0:
        raise UnusableAudio(f"no samples in {path}")
    if not np.isfinite(mono).all():
        raise UnusableAudio(f"samples that are not finite in {path}")
    peak = float(np.max(np.abs(mono)))
    if peak < SILENT_PEAK:
        raise UnusableAudio(f"silent: peak {peak:.2g} of full scale, mixed to mono, in {path}")
    return mono, fs


def _with_known_size(path: Path) -> Path | io.BytesIO:
    """Compares the length that a RIFF header promises with the file's: libsndfile reads a cut file in silence.

    Returns:
        The path, or a copy with the true length where the header tells none.

    Raises:
        UnusableAudio: The file is shorter than its header says.
    """
    size = path.stat().st_size
    with open(path, "rb") as f:
        head = f.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return path
        while len(chunk := f.read(8)) == 8:
            name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            if name == b"data":
                start = f.tell()
                left = size - start
                if length >= UNKNOWN_RIFF_SIZE or (length == 0 and left > 0 and not _is_chunk(f.read(8), left)):
                    f.seek(0)
                    raw = bytearray(f.read())
                    raw[4:8] = struct.pack("<I", min(size - 8, 0xFFFFFFFF))
                    raw[start - 4 : start] = struct.pack("<I", min(left, 0xFFFFFFFF))
                    return io.BytesIO(raw)
                if length > left:
                    raise UnusableAudio(f"truncated: header promises {length} bytes, {left} are there, in {path}")
                return path
            f.seek(length + length % 2, os.SEEK_CUR)
    return path


def _is_chunk(head: bytes, left: int) -> bool:
    """Whether what follows an empty data chunk is another chunk of the file, not samples."""
    return len(head) == 8 and head[:4].isascii() and head[:4].isalnum() and struct.unpack("<I", head[4:])[0] + 8 <= left
