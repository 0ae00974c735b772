"""Text encoder of the student."""

from __future__ import annotations

import math

import torch
from torch import nn

from espnet2_nix.errors import UserError
from espnet2_nix.modules.depthwise_separable_conv import ResidualStack
from espnet2_nix.modules.masks import make_non_pad_mask


def sinusoidal_positions(length: torch.Tensor | int, channels: int, device: torch.device) -> torch.Tensor:
    """Sines and cosines of the position (arXiv 1706.03762, section 3.5), computed for any length: (1, channels, T)."""
    positions = torch.arange(length, device=device, dtype=torch.float32)[None]  # (1, T)
    half = torch.arange(0, channels, 2, device=device, dtype=torch.float32)
    angles = torch.exp(half * (-math.log(10000.0) / channels))[:, None] * positions  # (channels / 2, T)
    return torch.cat([torch.sin(angles), torch.cos(angles)])[None]


class TextEncoder(nn.Module):
    """Embedding, positions and SpeedySpeech-like residual blocks (arXiv 2008.03802).

    Args:
        num_tokens: Size of the token list; id 0 is padding.
        channels: Even number of channels C.
        kernel_size: Odd kernel size of the blocks.
        dilations: Dilation of each block.
        num_layers: Convolutions of each block.
        dropout_rate: Dropout of each block.

    Raises:
        UserError: If the number of channels is odd.
    """

    def __init__(
        self,
        num_tokens: int,
        channels: int = 192,
        kernel_size: int = 5,
        dilations: list[int] | tuple[int, ...] = (1, 2, 4, 1, 2, 4, 1, 2, 4, 1, 2, 4, 1),
        num_layers: int = 2,
        dropout_rate: float = 0.1,
    ) -> None:
        super().__init__()
        if channels % 2:
            raise UserError(f"channels: expected an even number, found {channels}")
        self.channels = channels
        self.embedding = nn.Embedding(num_tokens, channels, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=channels**-0.5)
        with torch.no_grad():
            self.embedding.weight[0].zero_()
        self.blocks = ResidualStack(channels, kernel_size, dilations, num_layers, dropout_rate)

    def forward(self, text: torch.Tensor, text_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden representation of a text.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).

        Returns:
            hidden (B, C, T_text), zero on padding, and text_mask (B, 1, T_text).
        """
        text_mask = make_non_pad_mask(text_lengths, text.shape[1])
        x = self.embed(text)
        text_mask = text_mask.to(x.dtype)
        return self.blocks(x, text_mask), text_mask

    def embed(self, text: torch.Tensor) -> torch.Tensor:
        """Scaled embedding and position of token ids (B, T_text): (B, C, T_text)."""
        x = self.embedding(text).transpose(1, 2) * math.sqrt(self.channels)
        return x + sinusoidal_positions(text.shape[1], self.channels, text.device)
