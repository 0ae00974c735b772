"""Binarization loss: pulls the soft alignment to the hard path."""

from __future__ import annotations

import torch
from torch import nn


class BinarizationLoss(nn.Module):
    """Negative log of the soft alignment on the hard path (One TTS Alignment, arXiv 2108.10447, section 2.3)."""

    def forward(self, attn: torch.Tensor, attn_soft: torch.Tensor) -> torch.Tensor:
        """Mean over the frames of the hard path.

        Args:
            attn: Hard path (B, T_feats, T_text) of 0 and 1.
            attn_soft: Probabilities (B, T_feats, T_text).

        Returns:
            Nats a frame, a scalar, float32.
        """
        log_soft = torch.log(torch.clamp(attn_soft.float(), min=1e-12))
        return -torch.sum(attn.float() * log_soft) / torch.sum(attn.float())
