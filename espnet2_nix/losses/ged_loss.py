"""Generalized energy distance of waveforms."""

from __future__ import annotations

import warnings

import librosa
import torch
from torch import nn


class GEDLoss(nn.Module):
    """Generalized energy distance (arXiv 2008.01160) with a multi-resolution spectral distance.

    With y1 and y2 decoded from two samples of one posterior, d(x, y1) + d(x, y2) - d(y1, y2) is smallest when the
    student's distribution of waves equals the true one; without the last, repulsive term it would collapse to a mean.

    Args:
        fs: Sampling rate in Hz.
        window_sizes: Window lengths in samples; the hop is half a window.
        n_mels: Mel-spaced bins; a short window has no more bins than half its length.
    """

    def __init__(
        self,
        fs: int = 22050,
        window_sizes: tuple[int, ...] | list[int] = (64, 128, 256, 512, 1024, 2048),
        n_mels: int = 256,
    ) -> None:
        super().__init__()
        self.window_sizes = tuple(window_sizes)
        for size in self.window_sizes:
            bins = min(n_mels, size // 2)
            # Narrow mel filters can fall between two bins of the transform and stay empty: each then adds nothing.
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Empty filters", category=UserWarning)
                basis = librosa.filters.mel(sr=fs, n_fft=size, n_mels=bins, norm=None)
            basis = torch.from_numpy(basis[basis.sum(1) > 0]).float()
            self.register_buffer(f"basis_{size}", basis, persistent=False)  # (bins, size / 2 + 1)
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def spectrogram(self, wav: torch.Tensor, size: int) -> torch.Tensor:
        """Mel-spaced amplitude of a wave (B, T): (B, bins, frames)."""
        stft = torch.stft(wav, size, hop_length=size // 2, window=getattr(self, f"window_{size}"), return_complex=True)
        # The gradient of |x| is undefined at 0, which a silent segment meets.
        amplitude = torch.sqrt(stft.real.square() + stft.imag.square() + 1e-10)
        return torch.matmul(getattr(self, f"basis_{size}"), amplitude)

    def distance(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Spectral distance d of two batches of waves (B, 1, T), on the wave and on its first difference."""
        total = a.new_zeros((), dtype=torch.float32)
        for order in (0, 1):
            x, y = (torch.diff(w[:, 0].float(), n=order) for w in (a, b))
            for size in self.window_sizes:
                s_x, s_y = self.spectrogram(x, size), self.spectrogram(y, size)
                log_error = torch.mean((torch.log(s_x) - torch.log(s_y)).square(), dim=1)  # (B, frames)
                total = total + torch.mean(torch.abs(s_x - s_y)) + torch.mean(torch.sqrt(log_error + 1e-8))
        return total

    def forward(self, y1: torch.Tensor, y2: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Generalized energy distance.

        Args:
            y1: Student wave from one latent sample (B, 1, T).
            y2: Student wave from another sample of the same posterior (B, 1, T).
            x: Target wave (B, 1, T).

        Returns:
            A scalar, float32.
        """
        with torch.autocast(y1.device.type, enabled=False):
            return self.distance(x, y1) + self.distance(x, y2) - self.distance(y1, y2)
