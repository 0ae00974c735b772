"""The discriminators of VITS (arXiv 2106.06103, after HiFi-GAN, arXiv 2010.05646): ESPnet's, at VITS's sizes."""

from __future__ import annotations

from typing import Any

from espnet2.gan_tts.hifigan.hifigan import (
    HiFiGANMultiPeriodDiscriminator,
    HiFiGANMultiScaleMultiPeriodDiscriminator,
)

PERIODS = (2, 3, 5, 7, 11)


def period_params(channels: int, max_downsample_channels: int) -> dict[str, Any]:
    """Arguments of ESPnet's period discriminator."""
    return {
        "in_channels": 1,
        "out_channels": 1,
        "kernel_sizes": [5, 3],
        "channels": channels,
        "downsample_scales": [3, 3, 3, 3, 1],
        "max_downsample_channels": max_downsample_channels,
        "bias": True,
        "nonlinear_activation": "LeakyReLU",
        "nonlinear_activation_params": {"negative_slope": 0.1},
        "use_weight_norm": True,
        "use_spectral_norm": False,
    }


class VITSDiscriminator(HiFiGANMultiScaleMultiPeriodDiscriminator):
    """One discriminator of the wave as it is, and one for each period.

    Takes a wave (B, 1, T) and returns the layer outputs of each discriminator, a list of lists.

    Args:
        periods: Samples by which each period discriminator folds the wave.
        scale_channels: Channels of the first layer of the wave's discriminator.
        period_channels: The same of each period's.
        max_downsample_channels: Bound on the channels, which grow from layer to layer.
        max_groups: Bound on the groups of the wave's convolutions.
    """

    def __init__(
        self,
        periods: tuple[int, ...] | list[int] = PERIODS,
        scale_channels: int = 128,
        period_channels: int = 32,
        max_downsample_channels: int = 1024,
        max_groups: int = 16,
    ) -> None:
        super().__init__(
            scales=1,  # HiFi-GAN has three and pools between them: VITS keeps the first
            scale_discriminator_params={
                "in_channels": 1,
                "out_channels": 1,
                "kernel_sizes": [15, 41, 5, 3],
                "channels": scale_channels,
                "max_downsample_channels": max_downsample_channels,
                "max_groups": max_groups,
                "bias": True,
                "downsample_scales": [2, 2, 4, 4, 1],
                "nonlinear_activation": "LeakyReLU",
                "nonlinear_activation_params": {"negative_slope": 0.1},
                "use_weight_norm": True,
                "use_spectral_norm": False,
            },
            follow_official_norm=False,
            periods=list(periods),
            period_discriminator_params=period_params(period_channels, max_downsample_channels),
        )


class VITSPeriodDiscriminator(HiFiGANMultiPeriodDiscriminator):
    """The period discriminators alone: without the grouped kernels of 41, which cost a CPU more than all of these.

    Args:
        periods: Samples by which each period discriminator folds the wave.
        period_channels: Channels of the first layer of each.
        max_downsample_channels: Bound on the channels, which grow from layer to layer.
    """

    def __init__(
        self,
        periods: tuple[int, ...] | list[int] = PERIODS,
        period_channels: int = 32,
        max_downsample_channels: int = 1024,
    ) -> None:
        super().__init__(list(periods), period_params(period_channels, max_downsample_channels))
