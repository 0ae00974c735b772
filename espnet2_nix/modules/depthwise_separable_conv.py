"""Depthwise-separable convolutions and the residual blocks made of them."""

from __future__ import annotations

import torch
from torch import nn

from espnet2_nix.errors import UserError


class ChannelNorm(nn.Module):
    """Layer norm over channels at each position of (B, C, T)."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class SeparableLayer(nn.Module):
    """Depthwise-separable convolution, SiLU and layer norm: one filter a channel, then a mixture of channels.

    The mixture works on (B, T, C), the layout that the layer norm needs anyway and that matrix products are fast in.

    Args:
        channels: Channels of input and output.
        kernel_size: Odd kernel size of the depthwise part.
        dilation: Its dilation.

    Raises:
        UserError: If the kernel size is even.
    """

    def __init__(self, channels: int, kernel_size: int, dilation: int = 1) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise UserError(f"kernel_size: expected an odd number, found {kernel_size}")
        self.reach = dilation * (kernel_size // 2)
        self.depthwise = nn.Conv1d(
            channels, channels, kernel_size, padding=self.reach, dilation=dilation, groups=channels
        )
        self.pointwise = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels, eps=1e-5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        y = self.pointwise(self.depthwise(x).transpose(1, 2))
        return self.norm(nn.functional.silu(y)).transpose(1, 2)


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
        self.layers = nn.ModuleList(SeparableLayer(channels, kernel_size, dilation) for _ in range(num_layers))
        self.dropout = nn.Dropout(dropout_rate)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """x (B, C, T) and mask (B, 1, T), None where nothing is padded, to (B, C, T)."""
        y = x
        for layer in self.layers:
            y = layer(y if mask is None else y * mask)
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
        reach = sum(layer.reach for block in self.blocks for layer in block.layers)
        return reach, reach

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """x (B, C, T) and mask (B, 1, T), None where nothing is padded, to (B, C, T), zero on padding."""
        for block in self.blocks:
            x = block(x, mask)
        return x if mask is None else x * mask
