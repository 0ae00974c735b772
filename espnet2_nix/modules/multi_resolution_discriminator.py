"""Discriminators of the wave folded by periods and of its log-amplitude spectrograms (UnivNet, arXiv 2106.07889, section 2.2)."""

from __future__ import annotations

import torch
from torch import nn

from espnet2_nix.modules.vits_discriminator import PERIODS, VITSPeriodDiscriminator

RESOLUTIONS = "resolutions"
"""Under this name its own part is saved; the others are those of `VITSPeriodDiscriminator`."""


class SpectrogramDiscriminator(nn.Module):
    """Two-dimensional convolutions over one log-amplitude spectrogram; each of the first four halves the bins.

    Two departures: UnivNet's first layer keeps the bins, which would cost as much as all that follow, and it is fed amplitudes. Their logarithm lets it hear what is quiet: a tone in a pause is as large as one in speech.

    Args:
        fft_size: Points of the transform, also the window's length; a quarter of it is the hop.
        channels: Channels of every layer.
        floor: Smallest amplitude before the logarithm.
    """

    def __init__(self, fft_size: int, channels: int = 8, floor: float = 1e-4) -> None:
        super().__init__()
        self.fft_size = fft_size
        self.floor = floor
        self.register_buffer("window", torch.hann_window(fft_size), persistent=False)
        norm = nn.utils.parametrizations.weight_norm
        self.convs = nn.ModuleList(
            norm(nn.Conv2d(ins, channels, (3, 9), stride=(1, 2), padding=(1, 4))) for ins in (1, *[channels] * 3)
        )
        self.convs.append(norm(nn.Conv2d(channels, channels, 3, padding=1)))
        self.output_conv = norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, wav: torch.Tensor) -> list[torch.Tensor]:
        """Layer outputs of a wave (B, 1, T); the last are the judgements, one for a place of time and frequency."""
        with torch.autocast(wav.device.type, enabled=False):
            stft = torch.stft(
                wav[:, 0].float(), self.fft_size, self.fft_size // 4, window=self.window, return_complex=True
            )
            amplitude = torch.sqrt(stft.real.square() + stft.imag.square() + self.floor**2)
        x = torch.log(amplitude).transpose(1, 2)[:, None]  # (B, 1, T_feats, F)
        outs = []
        for conv in self.convs:
            x = nn.functional.leaky_relu(conv(x), 0.1)
            outs.append(x)
        return [*outs, self.output_conv(x)]


class MultiPeriodMultiResolutionDiscriminator(VITSPeriodDiscriminator):
    """The period discriminators of VITS, and one discriminator for each of several spectrograms.

    Takes a wave (B, 1, T) and returns the layer outputs of each discriminator, a list of lists.

    Args:
        periods: Samples by which each period discriminator folds the wave.
        period_channels: Channels of the first layer of each.
        max_downsample_channels: Bound on the channels, which grow from layer to layer.
        fft_sizes: Points of each spectrogram's transform.
        resolution_channels: Channels of each spectrogram's discriminator.
    """

    def __init__(
        self,
        periods: tuple[int, ...] | list[int] = PERIODS,
        period_channels: int = 32,
        max_downsample_channels: int = 1024,
        fft_sizes: tuple[int, ...] | list[int] = (2048, 1024, 512),
        resolution_channels: int = 8,
    ) -> None:
        super().__init__(periods, period_channels, max_downsample_channels)
        self.resolutions = nn.ModuleList(SpectrogramDiscriminator(size, resolution_channels) for size in fft_sizes)

    def forward(self, wav: torch.Tensor) -> list[list[torch.Tensor]]:
        """Layer outputs of the period discriminators, then of the spectrograms'."""
        return [*super().forward(wav), *(discriminator(wav) for discriminator in self.resolutions)]
