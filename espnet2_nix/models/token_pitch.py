"""Pitch of every token of a recording."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from espnet2.tts.feats_extract.dio import Dio

F0_MIN, F0_MAX = 80, 500  # Hz


def token_pitch(
    speech: torch.Tensor, durations: Sequence[int], fs: int, n_fft: int, hop_length: int
) -> tuple[list[float], list[float]]:
    """Mean log-F0 of each token's voiced frames, and the share of its frames that are voiced.

    F0 by WORLD's DIO and StoneMask, as ESPnet extracts it for FastPitch and FastSpeech 2.

    Args:
        speech: Waveform (T_wav,), float32.
        durations: Frames of each token.
        fs: Sampling rate in Hz.
        n_fft: Points of the spectrogram that the frames are of.
        hop_length: Samples a frame.

    Returns:
        T_text values each: the natural logarithm of Hz, 0 where no frame is voiced; and 0 to 1.
    """
    dio = Dio(
        fs=fs,
        n_fft=n_fft,
        hop_length=hop_length,
        f0min=F0_MIN,
        f0max=F0_MAX,
        use_token_averaged_f0=False,
        use_continuous_f0=False,
    )
    num_frames = sum(durations)
    lengths = torch.tensor([len(speech)])
    frames, _ = dio(speech[None].cpu(), lengths, feats_lengths=torch.tensor([num_frames]))  # (1, T_feats, 1)
    means, shares = [], []
    for token in torch.split(frames[0, :num_frames, 0], list(durations)):
        voiced = token[token > 0]
        means.append(float(voiced.mean()) if len(voiced) else 0.0)
        shares.append(len(voiced) / max(1, len(token)))
    return means, shares
