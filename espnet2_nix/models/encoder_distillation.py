"""Encoder distillation: the student encoder learns text -> teacher posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel

from espnet2_nix.errors import UserError
from espnet2_nix.losses.latent_loss import LatentLoss
from espnet2_nix.models.alignment_learner import Alignment, AlignmentLearner, weighted_sum
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.splicing import splice
from espnet2_nix.models.teacher_latents import Targets, TeacherLatents
from espnet2_nix.models.vits_teacher import VITSTeacher
from espnet2_nix.modules.length_regulator import durations_to_attn, expand
from espnet2_nix.modules.log_mel import LogMel


@dataclass(frozen=True)
class Distilled:
    """What teacher and student made of one batch.

    Attributes:
        targets: What the student learns from.
        alignment: Which frame says which token.
        hidden: Hidden text representation (B, C, T_text).
        text_mask: (B, 1, T_text).
        m_s, logs_s: The student's latent (B, H, T_feats).
        pitch_loss: Squared error of the pitch predictor a token, a scalar, where there is one.
    """

    targets: Targets
    alignment: Alignment
    hidden: torch.Tensor
    text_mask: torch.Tensor
    m_s: torch.Tensor
    logs_s: torch.Tensor
    pitch_loss: torch.Tensor | None = None


class EncoderDistillation(AbsESPnetModel):
    """The student encoder, its alignment learner and the frozen teacher, with the losses between them.

    Which loss reaches what: latent trains the latent encoder and the text encoder; forward_sum and bin train the
    aligner and the text encoder; dur and pitch train their predictors only, whose input is detached.

    Args:
        encoder: The student encoder (what ships).
        teacher: The frozen VITS.
        learner: Learns the alignment; None takes the teacher's own hard path.
        latents: The teacher's posterior as stored before; then neither the teacher nor the recording is needed.
        latent_direction: ``teacher_student`` or ``student_teacher``.
        lambda_latent, lambda_dur, lambda_pitch: Loss weights.
        splice_share: Of the training utterances that take another one's end from a word boundary on (`splice`).
        boundary: Id of the token between two words, where utterances are spliced.

    Raises:
        UserError: If a name is unknown, the encoder's latent differs from the teacher's in channels or tokens, it predicts
            pitch and there are no stored latents, which hold it, or utterances are to be spliced without them.
    """

    def __init__(
        self,
        encoder: NixEncoder,
        teacher: VITSTeacher,
        learner: AlignmentLearner | None = None,
        latents: TeacherLatents | None = None,
        latent_direction: str = "teacher_student",
        lambda_latent: float = 1.0,
        lambda_dur: float = 1.0,
        lambda_pitch: float = 1.0,
        splice_share: float = 0.0,
        boundary: int | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= splice_share <= 1:
            raise UserError(f"model_conf.splice_share: expected 0 to 1, found {splice_share}")
        if splice_share > 0 and boundary is None:
            raise UserError(
                "model_conf.splice_share: utterances are spliced between words, and the token list has no <space>"
            )
        if splice_share > 0 and (latents is None or learner is not None):
            raise UserError(
                "model_conf.splice_share: utterances are spliced by stored durations: expected alignment: teacher and "
                "./run.sh --stage 7 --dump_latents true"
            )
        teacher.check_encoder(encoder.latent_channels, encoder.num_tokens)
        if encoder.pitch_predictor is not None and latents is None:
            raise UserError(
                "encoder_conf.pitch_predictor_conf: the pitch of the recordings is stored with the teacher's latents: "
                "./run.sh --stage 7 --dump_latents true"
            )
        self.encoder = encoder
        self.teacher = teacher  # no Module: not saved, not trained
        self.latents = latents  # no Module: not saved, not trained
        self.log_mel = LogMel(fs=teacher.fs, n_fft=teacher.n_fft)
        self.learner = learner
        self.latent_loss = LatentLoss(direction=latent_direction)
        self.lambda_latent = lambda_latent
        self.lambda_dur = lambda_dur
        self.lambda_pitch = lambda_pitch
        self.splice_share = splice_share
        self.boundary = boundary

    def targets(
        self,
        text_lengths: torch.Tensor,
        speech: torch.Tensor | None,
        speech_lengths: torch.Tensor | None,
        utt_id: list[str] | None,
    ) -> Targets:
        """What the student learns from, computed from the recording or read from the stored latents.

        Raises:
            UserError: If there is neither.
        """
        if self.latents is not None:
            if utt_id is None:
                raise UserError("stored latents are read by utterance: expected utt_id in the batch, found none")
            return self.latents.batch(utt_id, text_lengths)
        if speech is None or speech_lengths is None:
            raise UserError(
                "expected speech in the training data (wav.scp,speech,sound) or stored latents, found neither"
            )
        feats, feats_lengths = self.teacher.feats(speech, speech_lengths)
        log_mel = self.log_mel(feats)
        m_q, logs_q, feats_mask = self.teacher.posterior(feats, feats_lengths)
        return Targets(m_q, logs_q, feats_mask, feats_lengths, log_mel=log_mel)

    def align(
        self, hidden: torch.Tensor, text: torch.Tensor, text_lengths: torch.Tensor, targets: Targets
    ) -> Alignment:
        """The alignment of one batch: learnt, stored, or the teacher's.

        Args:
            hidden: Hidden text representation (B, C, T_text).
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            targets: What `targets` gave.

        Raises:
            UserError: If it is to be learnt and an utterance has no recording.
        """
        if self.learner is not None:
            if targets.log_mel is None:
                raise UserError(
                    "alignment: aligner learns from recordings, and a text that the teacher read has none; give alignment: "
                    "teacher with --extra_text"
                )
            return self.learner.align(hidden, targets.log_mel, text_lengths, targets.feats_lengths)
        if targets.durations is not None:
            return Alignment(durations_to_attn(targets.durations, targets.feats_mask.shape[2]))
        return Alignment(self.teacher.alignment(text, text_lengths, targets.m_q, targets.feats_mask))

    def forward(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        speech: torch.Tensor | None = None,
        speech_lengths: torch.Tensor | None = None,
        utt_id: list[str] | None = None,
        **kwargs: object,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """Losses of one batch; training and validation share it.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            speech: Waveform (B, T_wav), float32; not needed with stored latents.
            speech_lengths: Samples (B,); not needed with stored latents.
            utt_id: Ids of the utterances, by which stored latents are found.
            kwargs: What else a data loader gives is not needed.

        Returns:
            loss (scalar), stats (a dict of scalars, unweighted losses) and weight (the batch size).
        """
        out = self.distil(text, text_lengths, speech, speech_lengths, utt_id)
        loss, stats = self.losses(out, text_lengths)
        if self.learner is not None:
            self.learner.count_batch()
        return force_gatherable((loss, stats, text.shape[0]), loss.device)

    def distil(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        speech: torch.Tensor | None = None,
        speech_lengths: torch.Tensor | None = None,
        utt_id: list[str] | None = None,
    ) -> Distilled:
        """Teacher and student on one batch, without losses; arguments as in `forward`."""
        text = text[:, : int(text_lengths.max())]
        targets = self.targets(text_lengths, speech, speech_lengths, utt_id)
        if self.training and self.splice_share > 0:
            assert self.boundary is not None
            text, text_lengths, targets = splice(text, text_lengths, targets, self.boundary, self.splice_share)
        hidden, text_mask = self.encoder.text_encoder(text, text_lengths)
        alignment = self.align(hidden, text, text_lengths, targets)
        weights = alignment.attn if self.learner is None else self.learner.weights(alignment)
        spoken, pitch_loss = hidden, None
        predictor = self.encoder.pitch_predictor
        if predictor is not None:
            assert targets.pitch is not None
            pitch_loss = predictor.loss(hidden, text_mask, targets.pitch)
            pitch, known = targets.pitch, torch.isfinite(targets.pitch)
            if not known.all():  # where there is no recording, the student's own pitch
                pitch = torch.where(known, pitch, predictor(hidden, text_mask).detach())
            spoken = predictor.add(hidden, pitch, text_mask)
        m_s, logs_s = self.encoder.latent_encoder(expand(spoken, weights), targets.feats_mask)
        return Distilled(targets, alignment, hidden, text_mask, m_s, logs_s, pitch_loss)

    def losses(self, out: Distilled, text_lengths: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Weighted sum of the losses of ``distil``'s output, and each loss unweighted."""
        targets = out.targets
        dur_loss = self.encoder.duration_predictor.loss(out.hidden, out.text_mask, out.alignment.durations)
        latent_loss = self.latent_loss(targets.m_q, targets.logs_q, out.m_s, out.logs_s, targets.feats_mask)
        loss = self.lambda_dur * dur_loss + self.lambda_latent * latent_loss
        stats = {"dur_loss": dur_loss, "latent_loss": latent_loss}
        if out.pitch_loss is not None:
            loss = loss + self.lambda_pitch * out.pitch_loss
            stats["pitch_loss"] = out.pitch_loss
        if self.learner is not None:
            weights, losses = self.learner.losses(out.alignment, text_lengths, targets.feats_lengths)
            loss = weighted_sum(loss, weights, losses)
            stats |= losses | {"bin_weight": torch.tensor(weights["bin_loss"])}
        stats = {name: value.detach() for name, value in stats.items()}
        stats["loss"] = loss.detach()
        return loss, stats

    def alignments(self, **batch: Any) -> dict[str, torch.Tensor]:
        """Alignments of one utterance (T_feats, T_text), to look at; arguments as in `distil`.

        Returns:
            Dict of ``soft``, where an aligner learns one, and ``hard``.
        """
        alignment = self.distil(**batch).alignment
        soft = {} if alignment.attn_soft is None else {"soft": alignment.attn_soft[0]}
        return {**soft, "hard": alignment.attn[0]}

    def collect_feats(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        **kwargs: object,
    ) -> dict[str, torch.Tensor]:
        """Linear spectrogram (B, T_feats, F) and its lengths, for ESPnet's statistics."""
        feats, feats_lengths = self.teacher.feats(speech, speech_lengths)
        return {"feats": feats.transpose(1, 2), "feats_lengths": feats_lengths}
