"""Latent loss: how far the student's latent distribution is from the teacher's posterior."""

from __future__ import annotations

import torch
from torch import nn

from espnet2_nix.errors import UserError


class LatentLoss(nn.Module):
    """Kullback-Leibler divergence of two diagonal Gaussians, closed form.

    Args:
        direction: ``teacher_student`` is KL(teacher || student), which covers the teacher's spread;
            ``student_teacher`` swaps the roles and seeks modes. Which one the Nix-TTS paper uses is unconfirmed.

    Raises:
        UserError: If the direction is unknown.
    """

    def __init__(self, direction: str = "teacher_student") -> None:
        super().__init__()
        if direction not in ("teacher_student", "student_teacher"):
            raise UserError(f"latent_direction must be 'teacher_student' or 'student_teacher', found {direction!r}")
        self.direction = direction

    def forward(
        self,
        m_q: torch.Tensor,
        logs_q: torch.Tensor,
        m_s: torch.Tensor,
        logs_s: torch.Tensor,
        feats_mask: torch.Tensor,
    ) -> torch.Tensor:
        """Divergence summed over channels, averaged over real frames.

        Args:
            m_q: Teacher's mean (B, H, T_feats).
            logs_q: Teacher's log standard deviation (B, H, T_feats).
            m_s: Student's mean (B, H, T_feats).
            logs_s: Student's log standard deviation (B, H, T_feats).
            feats_mask: (B, 1, T_feats).

        Returns:
            Nats a frame, a scalar, float32.
        """
        m_q, logs_q, m_s, logs_s, mask = (x.float() for x in (m_q, logs_q, m_s, logs_s, feats_mask))
        if self.direction == "student_teacher":
            m_q, logs_q, m_s, logs_s = m_s, logs_s, m_q, logs_q
        kl = logs_s - logs_q - 0.5
        kl = kl + 0.5 * (torch.exp(2 * logs_q) + (m_q - m_s) ** 2) * torch.exp(-2 * logs_s)
        return torch.sum(kl * mask) / torch.sum(mask)
