"""The student encoder as a source of latents, for fine-tuning the decoder on what it will be given."""

from __future__ import annotations

import math

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.models.nix_encoder import NixEncoder
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
    def at_durations(
        self, text: torch.Tensor, text_lengths: torch.Tensor, durations: torch.Tensor, feats_lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latent distribution of a text at durations from outside; the teacher is not asked.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            durations: Frames of each token (B, T_text), int64, 0 on padding.
            feats_lengths: Frames of the recordings (B,).

        Returns:
            m_s, and logs_s with the noise scale in it (B, H, T_feats).

        Raises:
            UserError: If the durations are those of another text or recording.
        """
        text = text[:, : int(text_lengths.max())]
        if durations.shape != text.shape or not torch.equal(durations.sum(1), feats_lengths):
            raise UserError(
                f"durations: expected {text.shape[1]} tokens and {feats_lengths.tolist()} frames in the batch, found "
                f"{durations.shape[1]} and {durations.sum(1).tolist()}; write them anew: remove the table, then run stage 6"
            )
        return self._latent(text, text_lengths, durations)

    def _latent(
        self, text: torch.Tensor, text_lengths: torch.Tensor, durations: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.encoder.to(text.device)
        latent = self.encoder(text, text_lengths, durations=durations)
        return latent["m_s"], latent["logs_s"] + self.log_noise_scale
