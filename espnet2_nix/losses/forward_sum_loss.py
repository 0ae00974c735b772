"""Forward-sum loss: the likelihood of all monotonic paths through a soft alignment."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class ForwardSumLoss(nn.Module):
    """Forward-sum loss by CTC (One TTS Alignment, arXiv 2108.10447, section 2.1).

    Args:
        blank_log_prob: Log-probability of the blank column that CTC needs. -1 is the published code's and is not the
            forward sum; -1e4 shuts the blank out and makes the sum exact.
    """

    def __init__(self, blank_log_prob: float = -1.0) -> None:
        super().__init__()
        self.blank_log_prob = blank_log_prob

    def forward(
        self, log_p_attn: torch.Tensor, text_lengths: torch.Tensor, feats_lengths: torch.Tensor
    ) -> torch.Tensor:
        """Negative log-likelihood of the token sequence 1 ... P, divided by P, mean over the batch.

        Args:
            log_p_attn: Log-probabilities (B, T_feats, T_text).
            text_lengths: Tokens (B,).
            feats_lengths: Frames (B,).

        Returns:
            Nats a token, a scalar, float32.
        """
        max_text = log_p_attn.shape[2]
        tokens = torch.arange(max_text + 1, device=log_p_attn.device)  # 0 is the blank
        padded = tokens[None] > text_lengths[:, None]  # (B, 1 + T_text)
        logits = F.pad(log_p_attn.float(), (1, 0), value=self.blank_log_prob)
        log_probs = F.log_softmax(logits.masked_fill(padded[:, None], -1e9), dim=2)  # (B, T_feats, 1 + T_text)
        loss = F.ctc_loss(
            log_probs.transpose(0, 1),
            tokens[1:].expand(len(text_lengths), -1),
            input_lengths=feats_lengths,
            target_lengths=text_lengths,
            blank=0,
            reduction="none",
            zero_infinity=True,
        )
        return torch.mean(loss / text_lengths)
