"""The student encoder as a source of latents, for fine-tuning the decoder on what it will be given."""

from __future__ import annotations

import math

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.teacher_latents import Targets
from espnet2_nix.models.vits_teacher import VITSTeacher


class StudentLatent:
    """A frozen student encoder at the recording's durations.

    In stage 8 the decoder learns from the teacher's posterior, and speaks from the student's latent: this closes the gap.
    Like ``VITSTeacher`` no torch.nn.Module, so that a decoder that holds it neither saves nor trains it.

    Args:
        encoder: The distilled encoder.
        noise_scale: Factor on the latent's standard deviation with which the student will speak, 0 or more.

    Raises:
        UserError: If the factor is below 0.
    """

    def __init__(self, encoder: NixEncoder, noise_scale: float = 0.667) -> None:
        if not noise_scale >= 0:
            raise UserError(f"noise_scale: expected a factor of 0 or more, found {noise_scale}")
        self.encoder = encoder.eval().requires_grad_(False)
        self.log_noise_scale = math.log(noise_scale) if noise_scale > 0 else -math.inf  # a deviation of 0

    @torch.no_grad()
    def __call__(
        self,
        teacher: VITSTeacher,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        m_q: torch.Tensor,
        feats_mask: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latent distribution of a text, frame by frame as long as the recording.

        Args:
            teacher: Its alignment gives the durations.
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            m_q: Teacher's posterior mean of the recording (B, H, T_feats).
            feats_mask: (B, 1, T_feats).

        Returns:
            m_s, and logs_s with the noise scale in it (B, H, T_feats).

        Raises:
            UserError: If an utterance has more tokens than frames.
        """
        text = text[:, : int(text_lengths.max())]
        durations = teacher.alignment(text, text_lengths, m_q, feats_mask).sum(1).long()  # (B, T_text)
        return self._latent(text, text_lengths, durations)

    @torch.no_grad()
    def at_targets(
        self, text: torch.Tensor, text_lengths: torch.Tensor, targets: Targets
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latent distribution of a text at the recording's stored durations and, where the encoder knows of it, pitch.

        Told the intonation of the recording, the latent is nearer to the one it was spoken from, and what is left between
        them is the student's own error.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            targets: What is stored of the recordings.

        Returns:
            m_s, and logs_s with the noise scale in it (B, H, T_feats).
        """
        assert targets.durations is not None
        return self._latent(text[:, : int(text_lengths.max())], text_lengths, targets.durations, targets.pitch)

    def _latent(
        self, text: torch.Tensor, text_lengths: torch.Tensor, durations: torch.Tensor, pitch: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.encoder.to(text.device)
        latent = self.encoder(text, text_lengths, durations=durations, pitch=pitch)
        return latent["m_s"], latent["logs_s"] + self.log_noise_scale
