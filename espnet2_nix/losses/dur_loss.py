"""Duration loss of the deterministic predictor."""

from __future__ import annotations

import torch
from torch import nn


class DurationPredictorLoss(nn.Module):
    """Squared error of log-durations, as in VITS's deterministic predictor, divided by the number of tokens."""

    def forward(self, log_durations: torch.Tensor, durations: torch.Tensor, text_mask: torch.Tensor) -> torch.Tensor:
        """Mean over real tokens.

        Args:
            log_durations: Predicted log of frames (B, T_text).
            durations: Frames (B, T_text).
            text_mask: (B, 1, T_text).

        Returns:
            Squared nats, a scalar, float32.
        """
        mask = text_mask[:, 0].float()
        error = torch.log(durations.float() + 1e-6) - log_durations.float()
        return torch.sum((error * mask).square()) / torch.sum(mask)
