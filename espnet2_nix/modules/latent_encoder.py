"""Latent encoder of the student: expanded text to the teacher's latent space."""

from __future__ import annotations

import torch
from torch import nn

from espnet2_nix.modules.depthwise_separable_conv import ResidualStack


class LatentEncoder(nn.Module):
    """Residual blocks on frames and a projection to mean and log standard deviation.

    No position and no norm over time: a frame depends on ``receptive_field`` neighbours only, so a stream can be cut.

    Args:
        channels: Channels C of the hidden representation.
        latent_channels: Channels H of the teacher's latent.
        kernel_size: Odd kernel size of the blocks.
        dilations: Dilation of each block.
        num_layers: Convolutions of each block.
        dropout_rate: Dropout of each block.
    """

    def __init__(
        self,
        channels: int = 192,
        latent_channels: int = 192,
        kernel_size: int = 5,
        dilations: list[int] | tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8),
        num_layers: int = 2,
        dropout_rate: float = 0.1,
    ) -> None:
        super().__init__()
        self.blocks = ResidualStack(channels, kernel_size, dilations, num_layers, dropout_rate)
        self.proj = nn.Conv1d(channels, 2 * latent_channels, 1)
        # Standard deviation 1 at the start: the divergence from a sharp teacher begins finite and small.
        with torch.no_grad():
            self.proj.weight[latent_channels:].zero_()
            self.proj.bias[latent_channels:].zero_()

    @property
    def receptive_field(self) -> tuple[int, int]:
        """Frames to the left and to the right that reach an output."""
        return self.blocks.receptive_field

    def forward(self, hidden: torch.Tensor, feats_mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Latent distribution.

        Args:
            hidden: Expanded hidden representation (B, C, T_feats).
            feats_mask: (B, 1, T_feats); None where nothing is padded.

        Returns:
            m_s and logs_s (B, H, T_feats), zero on padding.
        """
        stats = self.proj(self.blocks(hidden, feats_mask))
        if feats_mask is not None:
            stats = stats * feats_mask
        m_s, logs_s = stats.chunk(2, dim=1)
        return m_s, logs_s
