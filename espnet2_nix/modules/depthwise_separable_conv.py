"""Depthwise-separable convolutions and the residual blocks made of them."""

from __future__ import annotations

import torch
from torch import nn


class DepthwiseSeparableConv1d(nn.Module):
    """One filter a channel, then a mixture of channels; as many outputs in time as inputs.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd kernel size of the depthwise part.
        dilation: Its dilation.

    Raises:
        ValueError: If the kernel size is even.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, dilation: int = 1) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size: expected an odd number, found {kernel_size}")
        self.reach = dilation * (kernel_size // 2)
        self.depthwise = nn.Conv1d(
            in_channels, in_channels, kernel_size, padding=self.reach, dilation=dilation, groups=in_channels
        )
        self.pointwise = nn.Conv1d(in_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C_in, T) to (B, C_out, T)."""
        return self.pointwise(self.depthwise(x))


class ChannelNorm(nn.Module):
    """Layer norm over channels at each position of (B, C, T)."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class ResidualBlock(nn.Module):
    """Residual block after SpeedySpeech (arXiv 2008.03802, section 2): x + layers of convolution, activation, norm.

    The norm follows the activation, as there. Depthwise-separable convolutions, SiLU and layer norm in place of plain
    convolutions, ReLU and batch norm are choices of ours; what the Nix-TTS paper uses is unconfirmed.

    Args:
        channels: Channels of input and output.
        kernel_size: Odd kernel size.
        dilation: Dilation of every layer.
        num_layers: Layers of the block.
        dropout_rate: Dropout after the layers.
    """

    def __init__(
        self, channels: int, kernel_size: int, dilation: int, num_layers: int = 2, dropout_rate: float = 0.0
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            DepthwiseSeparableConv1d(channels, channels, kernel_size, dilation) for _ in range(num_layers)
        )
        self.norms = nn.ModuleList(ChannelNorm(channels) for _ in range(num_layers))
        self.dropout = nn.Dropout(dropout_rate)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (B, C, T) and mask (B, 1, T) to (B, C, T)."""
        y = x
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = norm(nn.functional.silu(conv(y * mask)))
        return x + self.dropout(y)


class ResidualStack(nn.Module):
    """Residual blocks one after the other, each with its dilation.

    Args:
        channels: Channels of input and output.
        kernel_size: Odd kernel size.
        dilations: Dilation of each block.
        num_layers: Convolutions of each block.
        dropout_rate: Dropout of each block.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        dilations: list[int] | tuple[int, ...],
        num_layers: int = 2,
        dropout_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(channels, kernel_size, dilation, num_layers, dropout_rate) for dilation in dilations
        )

    @property
    def receptive_field(self) -> tuple[int, int]:
        """Positions to the left and to the right that reach an output."""
        reach = sum(conv.reach for block in self.blocks for conv in block.convs)
        return reach, reach

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (B, C, T) and mask (B, 1, T) to (B, C, T), zero on padding."""
        for block in self.blocks:
            x = block(x, mask)
        return x * mask
