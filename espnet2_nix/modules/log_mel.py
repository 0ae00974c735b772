"""Log-mel spectrogram from a linear one."""

from __future__ import annotations

import librosa
import torch

N_MELS = 80
"""Bands, unless told otherwise."""


class LogMel(torch.nn.Module):
    """Natural logarithm of a mel-scaled amplitude spectrogram, the aligner's query and the picture people know.

    Args:
        fs: Sampling rate in Hz.
        n_fft: Points of the transform that made the linear spectrogram.
        n_mels: Mel bands.
        fmin: Lowest frequency in Hz.
        fmax: Highest frequency in Hz; None is half the sampling rate.
        floor: Smallest amplitude before the logarithm.
    """

    def __init__(
        self,
        fs: int,
        n_fft: int,
        n_mels: int = N_MELS,
        fmin: float = 0.0,
        fmax: float | None = None,
        floor: float = 1e-5,
    ) -> None:
        super().__init__()
        basis = librosa.filters.mel(sr=fs, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
        self.register_buffer("basis", torch.from_numpy(basis).float(), persistent=False)  # (n_mels, F)
        self.floor = floor

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """Linear amplitude spectrogram (B, F, T_feats) to log-mel (B, n_mels, T_feats), float32."""
        return torch.log(torch.clamp(torch.matmul(self.basis, feats.float()), min=self.floor))
