"""One clip from whatever the corpus holds to mono 16-bit at the model's rate, silence trimmed."""

import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr

from espnet2_nix.data.errors import DataError

SILENT_PEAK = 10 ** (-70 / 20)
FULL_SCALE = 32767 / 32768
UNKNOWN_RIFF_SIZES = (0, 0xFFFFFFFF)


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
        path: any file that libsndfile reads.
        settings: rate and trimming.

    Returns:
        The clip; louder than full scale it is scaled down as a whole, never cut.

    Raises:
        UnusableAudio: the file is missing, unreadable, truncated, empty, silent or not finite.
    """
    speech, fs = _read_mono(Path(path))
    if fs != settings.fs:
        speech = soxr.resample(speech, fs, settings.fs, quality=settings.quality)
    speech = trim_silence(speech, settings)
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
    if not path.is_file():
        raise UnusableAudio(f"audio {path} not found")
    try:
        speech, fs = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UnusableAudio(f"unreadable audio {path} ({path.stat().st_size} bytes): {error}") from error
    _refuse_truncated(path)
    if len(speech) == 0:
        raise UnusableAudio(f"no samples in {path}")
    if not np.isfinite(speech).all():
        raise UnusableAudio(f"samples that are not finite in {path}")
    mono = speech.mean(axis=1)
    peak = float(np.max(np.abs(mono)))
    if peak < SILENT_PEAK:
        raise UnusableAudio(f"silent: peak {peak:.2g} of full scale, mixed to mono, in {path}")
    return mono, fs


def _refuse_truncated(path: Path) -> None:
    """Compares the length that a RIFF header promises with the file's: libsndfile reads a cut file in silence."""
    size = path.stat().st_size
    with open(path, "rb") as f:
        head = f.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        while len(chunk := f.read(8)) == 8:
            name, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
            if name == b"data":
                left = size - f.tell()
                if length not in UNKNOWN_RIFF_SIZES and length > left:
                    raise UnusableAudio(f"truncated: header promises {length} bytes, {left} are there, in {path}")
                return
            f.seek(length + length % 2, os.SEEK_CUR)
