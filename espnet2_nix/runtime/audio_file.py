"""Audio files, written piece by piece as the speech is made; the ending of the name decides the format."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from espnet2_nix.errors import UserError
from espnet2_nix.files import is_stream, replace_file

FORMATS = {  # libsndfile's names of format and subtype
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
OPUS_RATE = 24000  # Hz: Opus knows 8, 12, 16, 24 and 48 kHz only
BLOCK = 2**16  # samples: libsndfile's Vorbis encoder takes what it is given onto the stack


def audio_format(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Format and subtype that a file's ending stands for; a device or a pipe without ending takes a wav.

    Raises:
        UserError: The ending is another.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS and not (suffix == "" and is_stream(path)):
        raise UserError(f"{path}: expected an ending of {', '.join(FORMATS)}")
    return FORMATS.get(suffix, FORMATS[".wav"])


def write_audio(path: str | os.PathLike[str], pieces: Iterable[np.ndarray], sample_rate: int) -> int:
    """Writes mono speech, whole or not at all, holding one piece at a time.

    Args:
        path: The file; its ending decides the format.
        pieces: (T,) float32 in [-1, 1] each.
        sample_rate: Samples a second of the pieces; Opus is written at 24 kHz.

    Returns:
        Samples of the pieces.

    Raises:
        UserError: The ending is unknown, or the file cannot be written; path and cause are named.
    """
    import soundfile

    format, subtype = audio_format(path)
    rate = OPUS_RATE if subtype == "OPUS" and sample_rate != OPUS_RATE else sample_rate
    num_samples = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal num_samples
        for piece in pieces:
            num_samples += len(piece)
            yield piece

    with (
        replace_file(path) as aside,
        soundfile.SoundFile(aside, "w", rate, 1, subtype=subtype, format=format) as file,
    ):
        for piece in counted() if rate == sample_rate else _resampled(counted(), sample_rate, rate):
            for start in range(0, len(piece), BLOCK):
                file.write(piece[start : start + BLOCK])
    return num_samples


def _resampled(pieces: Iterable[np.ndarray], sample_rate: int, rate: int) -> Iterator[np.ndarray]:
    try:
        import soxr
    except ImportError:
        raise UserError(f"Opus needs {rate} Hz, the voice has {sample_rate}: pip install soxr, or write .ogg") from None
    stream = soxr.ResampleStream(sample_rate, rate, 1, dtype="float32")
    for piece in pieces:
        yield stream.resample_chunk(np.ascontiguousarray(piece, dtype=np.float32))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
