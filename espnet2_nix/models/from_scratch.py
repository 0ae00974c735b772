"""The control of distillation: the same student, trained end to end on recordings alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from espnet2.gan_tts.utils import get_segments

from espnet2_nix.errors import UserError
from espnet2_nix.models.alignment_learner import AlignmentLearner, weighted_sum
from espnet2_nix.models.decoder_distillation import DecoderDistillation, Segments
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.recording_features import RecordingFeatures
from espnet2_nix.modules.length_regulator import expand
from espnet2_nix.modules.log_mel import LogMel
from espnet2_nix.modules.masks import make_non_pad_mask


class FromScratch(DecoderDistillation):
    """Student encoder and decoder in one, with the alignment learner (arXiv 2108.10447) and without a teacher.

    The encoder learns its alignment and durations from the recording's log-mel spectrogram, as in encoder
    distillation. Its latent has no target: the losses of the wave reach the encoder through the decoder. What
    distillation buys is the distance between this student and the distilled one.

    Args:
        encoder: The student encoder.
        learner: Learns the alignment.
        features: Spectrograms, tokens and latent channels.
        decoder, discriminator, spectral_loss: As in ``DecoderDistillation``.
        lambda_dur: Weight of the duration loss.
        model_conf: Arguments of ``DecoderDistillation``: segment_size, lambda_mel, …

    Raises:
        UserError: If sizes or tokens do not fit each other, or a teacher's wave is weighted.
    """

    def __init__(
        self,
        encoder: NixEncoder,
        learner: AlignmentLearner,
        features: RecordingFeatures,
        decoder: torch.nn.Module,
        discriminator: torch.nn.Module,
        spectral_loss: torch.nn.Module,
        lambda_dur: float = 1.0,
        model_conf: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(decoder, features, None, discriminator, spectral_loss, **(model_conf or {}))
        features.check_encoder(encoder.latent_channels, encoder.num_tokens)
        self.encoder = encoder
        self.learner = learner
        self.log_mel = LogMel(fs=features.fs, n_fft=features.n_fft)
        self.lambda_dur = lambda_dur

    def distil(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
        utt_id: list[str] | None = None,
    ) -> Segments:
        """Waves of one random segment a clip, from its text at the durations of the learnt path, and the text's losses.

        Raises:
            UserError: If the text is missing or a clip is shorter than a segment.
        """
        m_s, logs_s, loss, stats = self.text_side(speech, speech_lengths, text, text_lengths)
        starts = self.draw_starts(speech_lengths)
        m, logs = (get_segments(value, starts, self.segment_size) for value in (m_s, logs_s))
        segments = self.segments(m, logs, speech, starts)
        return dataclasses.replace(segments, text_loss=loss, text_stats=stats)

    def text_side(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None,
        text_lengths: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """The student's latent (m_s, logs_s; (B, H, T_feats)), the weighted loss of alignment and durations, and each unweighted."""
        if text is None or text_lengths is None:
            raise UserError("training from scratch needs the text: give text beside speech in the training data")
        text = text[:, : int(text_lengths.max())]
        feats, feats_lengths = self.features.feats(speech, speech_lengths)
        hidden, text_mask = self.encoder.text_encoder(text, text_lengths)
        alignment = self.learner.align(hidden, self.log_mel(feats), text_lengths, feats_lengths)
        feats_mask = make_non_pad_mask(feats_lengths, feats.shape[2])
        m_s, logs_s = self.encoder.latent_encoder(expand(hidden, self.learner.weights(alignment)), feats_mask)
        dur_loss = self.encoder.duration_predictor.loss(hidden, text_mask, alignment.durations)
        weights, losses = self.learner.losses(alignment, text_lengths, feats_lengths)
        loss = weighted_sum(self.lambda_dur * dur_loss, weights, losses)
        stats = {name: value.detach() for name, value in {"dur_loss": dur_loss, **losses}.items()}
        return m_s, logs_s, loss, stats | {"bin_weight": torch.tensor(weights["bin_loss"])}

    def latent(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
        utt_id: list[str] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log standard deviation (B, H, T_feats) of the student's own latent."""
        return self.text_side(speech, speech_lengths, text, text_lengths)[:2]

    @torch.no_grad()
    def resynthesise(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
        utt_id: list[str] | None = None,
        **kwargs: object,
    ) -> dict[str, torch.Tensor]:
        """A text at the recording's durations, to look at and to listen to: ``recording`` and ``student`` (1, T_wav)."""
        m, _ = self.latent(speech, speech_lengths, text, text_lengths)
        return {"recording": speech, "student": self.decoder(m)[:, 0, : speech.shape[1]]}

    def generator_losses(self, out: Segments) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Those of the wave, and those of alignment and durations."""
        loss, stats = super().generator_losses(out)
        assert out.text_loss is not None
        loss = loss + out.text_loss
        self.learner.count_batch()  # a turn of each part is one step
        return loss, {**stats, **(out.text_stats or {}), "generator_loss": loss.detach()}
