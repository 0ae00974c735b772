"""The control of distillation: the same student, trained end to end on recordings alone."""

from __future__ import annotations

from typing import Any

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.models.decoder_distillation import DecoderDistillation
from espnet2_nix.models.encoder_distillation import EncoderDistillation
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.recording_features import RecordingFeatures


class FromScratch(DecoderDistillation):
    """Student encoder and decoder in one, with the aligner (arXiv 2108.10447) and without a teacher.

    The text side learns its alignment and durations from the recording's log-mel spectrogram, as in encoder
    distillation. Its latent has no target: the losses of the wave reach the encoder through the decoder. What
    distillation buys is the distance between this student and the distilled one.

    Args:
        encoder: The student encoder.
        features: Spectrograms, tokens and latent channels.
        decoder, discriminator, spectral_loss: As in ``DecoderDistillation``.
        alignment_conf: Arguments of ``EncoderDistillation`` besides encoder and teacher: schedules, weights, aligner.
        model_conf: Arguments of ``DecoderDistillation``: segment_size, lambda_mel, …

    Raises:
        UserError: If sizes or tokens do not fit each other, or a teacher's wave is weighted.
    """

    def __init__(
        self,
        encoder: NixEncoder,
        features: RecordingFeatures,
        decoder: torch.nn.Module,
        discriminator: torch.nn.Module,
        spectral_loss: torch.nn.Module,
        alignment_conf: dict[str, Any] | None = None,
        model_conf: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(decoder, features, discriminator, spectral_loss, **(model_conf or {}))
        if self.lambda_spectral_teacher > 0:
            raise UserError("lambda_spectral_teacher needs a teacher's wave: leave it at 0 when training from scratch")
        self.text_side = EncoderDistillation(encoder, features, **(alignment_conf or {}))

    def distil(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Waves of one random segment a clip, from its text at the durations of the aligner's path.

        Returns:
            What ``DecoderDistillation.distil`` returns, and the scalar ``alignment_loss`` with its ``alignment_stats``.

        Raises:
            UserError: If the text is missing or a clip is shorter than a segment.
        """
        if text is None or text_lengths is None:
            raise UserError("training from scratch needs the text: give text beside speech in the training data")
        side = self.text_side.distil(text, text_lengths, speech, speech_lengths)
        loss, stats = self.text_side.losses(side, text_lengths)
        if self.training:
            self.text_side.num_batches += 1
        out = self.segments(side["m_s"], side["logs_s"], speech, speech_lengths)
        return {**out, "alignment_loss": loss, "alignment_stats": stats}

    def latent(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log standard deviation (B, H, T_feats) of the student's own latent."""
        side = self.text_side.distil(text, text_lengths, speech, speech_lengths)
        return side["m_s"], side["logs_s"]

    @torch.no_grad()
    def resynthesise(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """A text at the recording's durations, to look at and to listen to: ``recording`` and ``student`` (1, T_wav)."""
        m, _ = self.latent(speech, speech_lengths, text, text_lengths)
        return {"recording": speech, "student": self.decoder(m)[:, 0, : speech.shape[1]]}

    def _generator_losses(self, out: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss, stats = super()._generator_losses(out)
        loss = loss + out["alignment_loss"]
        alignment = {name: value for name, value in out["alignment_stats"].items() if name != "loss"}
        return loss, {**stats, **alignment, "generator_loss": loss.detach()}
