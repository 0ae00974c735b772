"""Pitch of every token: what of the intonation the text decides, told to the latent encoder."""

from __future__ import annotations

import torch
from torch import nn

from espnet2_nix.modules.duration_predictor import DeterministicDurationPredictor

CHANNELS = 2
"""Of a token's pitch: standardised log-F0, the mean over its voiced frames (0 where there is none), and the voiced share of its frames."""


class PitchPredictor(nn.Module):
    """Predicts the pitch of each token and adds it to the hidden representation (FastPitch, arXiv 2006.06873, section 2).

    A latent that follows from the text alone is a mean over all intonations in which a speaker could have said it, and sounds
    like none of them. Given the recorded pitch in training, the latent encoder need not average over it; when it speaks,
    the predicted pitch is one intonation.

    Args:
        channels: Channels C of the hidden representation.
        hidden_channels: Channels inside a predictor.
        kernel_size: Odd kernel size of predictors and embedding.
        dropout_rate: Dropout of the predictors.
    """

    def __init__(
        self, channels: int = 192, hidden_channels: int = 192, kernel_size: int = 3, dropout_rate: float = 0.5
    ) -> None:
        super().__init__()
        # The shape of VITS's deterministic duration predictor serves any number a token has; its input is detached.
        self.log_f0, self.voicing = (
            DeterministicDurationPredictor(channels, hidden_channels, kernel_size, dropout_rate)
            for _ in range(CHANNELS)
        )
        self.proj = nn.Conv1d(CHANNELS, channels, kernel_size, padding=kernel_size // 2)

    def forward(self, hidden: torch.Tensor, text_mask: torch.Tensor | None) -> torch.Tensor:
        """hidden (B, C, T_text), detached, and text_mask (B, 1, T_text), None without padding, to pitch (B, 2, T_text)."""
        voicing = self.voicing(hidden, text_mask)
        # The pitch of what is hardly voiced is a guess from few frames; a ramp and no step, since graphs in half precision must agree.
        gate = torch.clamp(5.0 * voicing - 1.0, 0.0, 1.0)
        return torch.stack([self.log_f0(hidden, text_mask) * gate, voicing], dim=1)

    def add(self, hidden: torch.Tensor, pitch: torch.Tensor, text_mask: torch.Tensor | None) -> torch.Tensor:
        """hidden (B, C, T_text) with pitch (B, 2, T_text) in it, 0 on padding."""
        if text_mask is None:
            return hidden + self.proj(pitch)
        return (hidden + self.proj(pitch * text_mask)) * text_mask

    def loss(self, hidden: torch.Tensor, text_mask: torch.Tensor, pitch: torch.Tensor) -> torch.Tensor:
        """Squared error a token, a scalar: of log-F0 where a token is voiced, of voicing everywhere.

        Args:
            hidden: Hidden text representation (B, C, T_text).
            text_mask: (B, 1, T_text).
            pitch: Recorded pitch (B, 2, T_text); NaN where there is no recording, which counts nothing.
        """
        known = text_mask[:, 0] * torch.isfinite(pitch[:, 0])
        log_f0, voicing = torch.nan_to_num(pitch).unbind(1)
        error = (self.log_f0(hidden, text_mask) - log_f0) ** 2 * (voicing > 0) + (
            self.voicing(hidden, text_mask) - voicing
        ) ** 2
        return torch.sum(error * known) / torch.clamp(known.sum(), min=1.0)
