"""HiFi-GAN decoder of the student, depthwise-separable."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

from espnet2_nix.errors import UserError

LRELU_SLOPE = 0.1


def receptive_field_of(layers: list[tuple[str, int, int]], scale: int) -> tuple[int, int]:
    """Latent frames around a frame that reach its samples.

    Args:
        layers: From latent to wave: ("conv", reach in positions, 0) or ("up", factor, kernel size).
        scale: Samples a frame.

    Returns:
        Frames to the left and to the right.
    """
    left, right = 0, scale - 1  # positions that the samples of frame 0 touch, at the rate of the wave
    for kind, a, b in reversed(layers):
        if kind == "conv":
            left, right = left - a, right + a
        else:  # output i of a transposed convolution sees inputs j with 0 <= i + padding - factor * j < kernel
            padding = (b - a) // 2
            left = math.ceil((left + padding - b + 1) / a)
            right = (right + padding) // a
    return -left, right


class SeparableConv(nn.Module):
    """Depthwise then pointwise convolution, both weight-normed; at audio rate no norm over channels."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, dilation: int = 1) -> None:
        super().__init__()
        self.reach = dilation * (kernel_size // 2)
        self.depthwise = weight_norm(
            nn.Conv1d(in_channels, in_channels, kernel_size, padding=self.reach, dilation=dilation, groups=in_channels)
        )
        self.pointwise = weight_norm(nn.Conv1d(in_channels, out_channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C_in, T) to (B, C_out, T)."""
        return self.pointwise(self.depthwise(x))


class SeparableUpsample(nn.Module):
    """Pointwise convolution, then a depthwise transposed one by a factor.

    The mixture of channels comes first, at the lower rate, where it costs the factor less.
    """

    def __init__(self, in_channels: int, out_channels: int, factor: int) -> None:
        super().__init__()
        self.factor, self.kernel_size = factor, 2 * factor
        self.pointwise = weight_norm(nn.Conv1d(in_channels, out_channels, 1))
        self.depthwise = weight_norm(
            nn.ConvTranspose1d(
                out_channels, out_channels, 2 * factor, stride=factor, padding=factor // 2, groups=out_channels
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C_in, T) to (B, C_out, factor * T)."""
        return self.depthwise(self.pointwise(x))


class ResidualLayer(nn.Module):
    """x + dilated convolution + plain convolution, each after a leaky ReLU (HiFi-GAN, figure 1)."""

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = SeparableConv(channels, channels, kernel_size, dilation)
        self.conv2 = SeparableConv(channels, channels, kernel_size)

    @property
    def reach(self) -> int:
        """Positions on each side that reach an output."""
        return self.conv1.reach + self.conv2.reach

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        y = self.conv1(nn.functional.leaky_relu(x, LRELU_SLOPE))
        return x + self.conv2(nn.functional.leaky_relu(y, LRELU_SLOPE))


class HiFiGANDecoder(nn.Module):
    """HiFi-GAN generator (arXiv 2010.05646) of depthwise-separable convolutions.

    Input, upsampling and residual convolutions are all separable; the Nix-TTS paper's layer table is unconfirmed.

    Args:
        in_channels: Channels H of the latent.
        channels: Channels after the first convolution.
        kernel_size: Odd kernel size of the first and the last convolution.
        upsample_scales: Even factors, their product is the hop.
        upsample_channels: Channels after each upsampling. Few where the rate is high: a channel at the rate of the wave
            costs 32 times the multiplications of one after the first factor of 8.
        resblock_kernel_sizes: Kernel size of each parallel residual block.
        resblock_dilations: Dilations of each parallel residual block.

    Raises:
        UserError: If a factor is odd, or if lists that belong together differ in length.
    """

    def __init__(
        self,
        in_channels: int = 192,
        channels: int = 512,
        kernel_size: int = 7,
        upsample_scales: list[int] | tuple[int, ...] = (8, 8, 2, 2),
        upsample_channels: list[int] | tuple[int, ...] = (352, 48, 16, 8),
        resblock_kernel_sizes: list[int] | tuple[int, ...] = (3, 7),
        resblock_dilations: list[list[int]] | tuple[tuple[int, ...], ...] = ((1, 3), (1, 3)),
    ) -> None:
        super().__init__()
        if any(scale % 2 for scale in upsample_scales):
            raise UserError(f"upsample_scales: expected even factors, found {list(upsample_scales)}")
        if len(upsample_channels) != len(upsample_scales):
            raise UserError(
                f"expected channels after each of {len(upsample_scales)} upsamplings, found {list(upsample_channels)}"
            )
        if len(resblock_kernel_sizes) != len(resblock_dilations):
            raise UserError(
                f"expected dilations for each of {len(resblock_kernel_sizes)} residual blocks, "
                f"found {len(resblock_dilations)}"
            )
        self.upsample_factor = math.prod(upsample_scales)
        self.conv_pre = SeparableConv(in_channels, channels, kernel_size)
        self.ups, self.stages = nn.ModuleList(), nn.ModuleList()
        before = channels
        for scale, width in zip(upsample_scales, upsample_channels, strict=True):
            self.ups.append(SeparableUpsample(before, width, scale))
            before = width
            self.stages.append(
                nn.ModuleList(
                    nn.Sequential(*(ResidualLayer(width, kernel, dilation) for dilation in dilations))
                    for kernel, dilations in zip(resblock_kernel_sizes, resblock_dilations, strict=True)
                )
            )
        self.conv_post = SeparableConv(before, 1, kernel_size)

    @property
    def receptive_field(self) -> tuple[int, int]:
        """Latent frames to the left and to the right that reach a frame's samples."""
        layers = [("conv", self.conv_pre.reach, 0)]
        for up, blocks in zip(self.ups, self.stages, strict=True):
            layers.append(("up", up.factor, up.kernel_size))
            layers.append(("conv", max(sum(layer.reach for layer in block) for block in blocks), 0))
        layers.append(("conv", self.conv_post.reach, 0))
        return receptive_field_of(layers, self.upsample_factor)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Latent (B, H, T_feats) to waveform (B, 1, hop * T_feats) in [-1, 1]."""
        x = self.conv_pre(z)
        for up, blocks in zip(self.ups, self.stages, strict=True):
            x = up(nn.functional.leaky_relu(x, LRELU_SLOPE))
            x = sum(block(x) for block in blocks) / len(blocks)
        return torch.tanh(self.conv_post(nn.functional.leaky_relu(x, LRELU_SLOPE)))

    def remove_weight_norm(self) -> None:
        """Folds the weight norm of every layer into its weight; the output stays the same."""
        for module in self.modules():
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
