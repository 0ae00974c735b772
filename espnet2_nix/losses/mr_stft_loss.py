"""Multi-resolution STFT loss."""

from __future__ import annotations

import torch
from torch import nn

from espnet2_nix.errors import UserError


class MultiResolutionSTFTLoss(nn.Module):
    """Spectral convergence plus log-amplitude L1 at several resolutions (Parallel WaveGAN, arXiv 1910.11480).

    Args:
        fft_sizes: Points of each transform, also its window length.
        hop_sizes: Hop of each transform in samples.

    Raises:
        UserError: If the lists differ in length.
    """

    def __init__(
        self,
        fft_sizes: tuple[int, ...] | list[int] = (1024, 2048, 512),
        hop_sizes: tuple[int, ...] | list[int] = (128, 256, 64),
    ) -> None:
        super().__init__()
        if len(fft_sizes) != len(hop_sizes):
            raise UserError(f"expected as many hops as transforms, found {len(hop_sizes)} and {len(fft_sizes)}")
        self.resolutions = list(zip(fft_sizes, hop_sizes, strict=True))
        for size in fft_sizes:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def forward(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Mean over resolutions.

        Args:
            y: Student wave (B, 1, T).
            x: Target wave (B, 1, T).

        Returns:
            A scalar, float32.
        """
        with torch.autocast(y.device.type, enabled=False):
            total = y.new_zeros((), dtype=torch.float32)
            for size, hop in self.resolutions:
                s_y, s_x = (self._amplitude(w[:, 0].float(), size, hop) for w in (y, x))
                convergence = torch.linalg.norm(s_x - s_y) / torch.linalg.norm(s_x)
                total = total + convergence + torch.mean(torch.abs(torch.log(s_x) - torch.log(s_y)))
            return total / len(self.resolutions)

    def _amplitude(self, wav: torch.Tensor, size: int, hop: int) -> torch.Tensor:
        window = getattr(self, f"window_{size}")
        stft = torch.stft(wav, size, hop_length=hop, window=window, return_complex=True)
        return torch.sqrt(stft.real.square() + stft.imag.square() + 1e-7)
