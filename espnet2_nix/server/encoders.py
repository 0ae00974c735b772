"""Audio formats, written piece by piece as the speech is made; libsndfile encodes, soxr resamples."""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np

from espnet2_nix.runtime.wav import pcm16, wav_head

OPENAI_PCM_RATE = 24000
"""What OpenAI's API says of `pcm`: 24 kHz, 16 bits, little-endian, no head; clients rely on it."""
OPUS_RATE = 24000
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


class Encoder(Protocol):
    """Turns pieces of speech into bytes of a file."""

    def encode(self, samples: np.ndarray) -> bytes:
        """Bytes that (T,) float32 samples add."""

    def finish(self) -> bytes:
        """The last bytes."""


def make_encoder(response_format: str, sample_rate: int) -> Encoder:
    """An encoder.

    Args:
        response_format: One of `MEDIA_TYPES`.
        sample_rate: Of the samples it will be given.
    """
    if response_format == "wav":
        return _Pcm(sample_rate, sample_rate, wav_head(sample_rate))
    if response_format == "pcm":
        return _Pcm(sample_rate, OPENAI_PCM_RATE, b"")
    if response_format == "opus":
        return _SoundFile(sample_rate, OPUS_RATE, {"format": "OGG", "subtype": "OPUS"})
    if response_format == "flac":
        return _SoundFile(sample_rate, sample_rate, {"format": "FLAC", "subtype": "PCM_16"})
    # At a constant bit rate a player can tell the length of a stream that has no table.
    mp3 = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": 0.6}
    return _SoundFile(sample_rate, sample_rate, mp3)


class _Resampler:
    """Another sampling rate, piece by piece."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._stream = None
        if rate_in != rate_out:
            import soxr

            self._stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32")

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        return samples if self._stream is None else np.clip(self._stream.resample_chunk(samples), -1.0, 1.0)

    def finish(self) -> np.ndarray:
        """What the filter still holds."""
        none = np.zeros(0, dtype=np.float32)
        return none if self._stream is None else np.clip(self._stream.resample_chunk(none, last=True), -1.0, 1.0)


class _Pcm:
    """16-bit samples after a head."""

    def __init__(self, rate_in: int, rate_out: int, head: bytes) -> None:
        self._resample, self._head = _Resampler(rate_in, rate_out), head

    def encode(self, samples: np.ndarray) -> bytes:
        head, self._head = self._head, b""
        return head + pcm16(self._resample(samples))

    def finish(self) -> bytes:
        return pcm16(self._resample.finish())


class _SoundFile:
    """A format of libsndfile."""

    def __init__(self, rate_in: int, rate_out: int, options: dict[str, object]) -> None:
        import soundfile

        self._resample, self._sink = _Resampler(rate_in, rate_out), _Sink()
        self._file = soundfile.SoundFile(self._sink, "w", rate_out, 1, **options)

    def encode(self, samples: np.ndarray) -> bytes:
        self._file.write(self._resample(samples))
        return self._sink.take()

    def finish(self) -> bytes:
        self._file.write(self._resample.finish())
        self._file.close()
        return self._sink.take()


class _Sink:
    """A file that only grows: what is written over bytes that were already taken is lost, as they are under way."""

    def __init__(self) -> None:
        self._taken, self._position, self._buffer = 0, 0, bytearray()

    def take(self) -> bytes:
        """Bytes since the last call."""
        new = bytes(self._buffer)
        self._taken += len(new)
        self._buffer.clear()
        return new

    def write(self, data: bytes) -> int:
        size, skip = len(data), max(0, self._taken - self._position)
        start = self._position + skip - self._taken
        self._buffer[start : start + size - skip if skip < size else start] = bytes(data)[skip:]
        self._position += size
        return size

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._taken + len(self._buffer)}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        return b""

    def flush(self) -> None:
        pass
