"""Samples as 16-bit PCM, and the head of a wav file whose length is not known yet."""

from __future__ import annotations

import struct

import numpy as np

ENDLESS = 0xFFFFFFFF


def pcm16(samples: np.ndarray) -> bytes:
    """16-bit little-endian samples.

    Args:
        samples: (T,) float32 in [-1, 1].
    """
    return np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()


def wav_head(sample_rate: int, num_samples: int | None = None) -> bytes:
    """The 44 bytes before the samples of a 16-bit mono wav file.

    Args:
        sample_rate: Samples a second.
        num_samples: None where it is not known yet: both sizes are then the largest there are, which players take as
            "until the end".
    """
    data = ENDLESS if num_samples is None else 2 * num_samples
    riff = ENDLESS if num_samples is None else 36 + data
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        riff,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        sample_rate,
        2 * sample_rate,
        2,
        16,
        b"data",
        data,
    )
