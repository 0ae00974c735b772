"""Soft alignment of text and frames, for training only."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from espnet2_nix.modules.masks import make_non_pad_mask

# Far below every real log-probability, and finite: -inf would make NaN gradients.
PADDED_LOG_PROB = -1e4


class MaskedConvStack(nn.Module):
    """Convolutions with ReLU between them, the input of each one masked."""

    def __init__(self, channels: list[int], kernel_sizes: list[int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(channels[i], channels[i + 1], kernel_size, padding=kernel_size // 2)
            for i, kernel_size in enumerate(kernel_sizes)
        )

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """x (B, C_in, T) and mask (B, 1, T) to (B, C_out, T)."""
        for i, conv in enumerate(self.convs):
            x = conv((torch.relu(x) if i else x) * mask)
        return x


class AlignmentModule(nn.Module):
    """Aligner of RAD-TTS and One TTS Alignment (arXiv 2108.10447, section 2.1).

    Args:
        text_channels: Channels C of the hidden text representation.
        feats_channels: Mel bands F.
        attention_channels: Channels A in which distances are measured.
        temperature: Factor on the squared distance.
    """

    def __init__(
        self,
        text_channels: int,
        feats_channels: int = 80,
        attention_channels: int = 80,
        temperature: float = 0.0005,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.key = MaskedConvStack([text_channels, 2 * text_channels, attention_channels], [3, 1])
        self.query = MaskedConvStack(
            [feats_channels, 2 * feats_channels, feats_channels, attention_channels], [3, 1, 1]
        )

    def forward(
        self,
        hidden: torch.Tensor,
        mel: torch.Tensor,
        text_lengths: torch.Tensor,
        feats_lengths: torch.Tensor,
        log_prior: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Log-probability of each token at each frame.

        Args:
            hidden: Hidden text representation (B, C, T_text).
            mel: Log-mel spectrogram (B, F, T_feats).
            text_lengths: Tokens (B,).
            feats_lengths: Frames (B,).
            log_prior: Log-prior (B, T_feats, T_text), added after the softmax.

        Returns:
            log_p_attn (B, T_feats, T_text), float32; padded tokens are at ``PADDED_LOG_PROB``.
        """
        text_mask = make_non_pad_mask(text_lengths, hidden.shape[2]).to(hidden)
        feats_mask = make_non_pad_mask(feats_lengths, mel.shape[2]).to(mel)
        key = self.key(hidden, text_mask).float()  # (B, A, T_text)
        query = self.query(mel, feats_mask).float()  # (B, A, T_feats)
        # |q|^2 + |k|^2 - 2 q k: the broadcast difference would take gigabytes.
        product = torch.matmul(query.transpose(1, 2), key)  # (B, T_feats, T_text)
        distance = query.square().sum(1)[:, :, None] + key.square().sum(1)[:, None] - 2 * product
        padded = text_mask == 0  # (B, 1, T_text)
        log_p_attn = F.log_softmax((-self.temperature * distance).masked_fill(padded, PADDED_LOG_PROB), dim=2)
        if log_prior is not None:
            log_p_attn = log_p_attn + log_prior
        return log_p_attn.masked_fill(padded, PADDED_LOG_PROB)
