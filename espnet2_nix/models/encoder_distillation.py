"""Encoder distillation: the student encoder learns text -> teacher posterior."""

from __future__ import annotations

import torch
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel

from espnet2_nix.aligner.alignment_module import AlignmentModule
from espnet2_nix.aligner.beta_binomial_prior import BetaBinomialPrior
from espnet2_nix.aligner.monotonic_alignment import durations_from_path, maximum_path
from espnet2_nix.errors import UserError
from espnet2_nix.losses.alignment_schedule import bin_weight, use_hard_alignment
from espnet2_nix.losses.bin_loss import BinLoss
from espnet2_nix.losses.dur_loss import DurLoss
from espnet2_nix.losses.forward_sum_loss import ForwardSumLoss
from espnet2_nix.losses.latent_loss import LatentLoss
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.recording_features import RecordingFeatures
from espnet2_nix.models.teacher_latents import TeacherLatents
from espnet2_nix.models.vits_teacher import VITSTeacher
from espnet2_nix.modules.duration_predictor import StochasticDurationPredictor
from espnet2_nix.modules.length_regulator import durations_to_attn, expand
from espnet2_nix.modules.log_mel import LogMel
from espnet2_nix.modules.masks import make_non_pad_mask


class EncoderDistillation(AbsESPnetModel):
    """The student encoder, its aligner and the frozen teacher, with the losses between them.

    Which loss reaches what: latent trains the latent encoder and the text encoder; forward_sum and bin train the
    aligner and the text encoder; dur trains the duration predictor only, whose input is detached.

    Args:
        encoder: The student encoder (what ships).
        teacher: The frozen VITS. ``RecordingFeatures`` in its place leave the latent without a loss, for a student that
            learns from recordings alone.
        alignment: ``aligner`` (One TTS Alignment, arXiv 2108.10447) or ``teacher`` (the teacher's own hard path).
        attention_channels: Channels of the aligner's keys and queries.
        temperature: Factor on the squared distance between key and query.
        prior_scaling: w of the beta-binomial prior; lower is wider.
        blank_log_prob: Log-probability of CTC's blank; -1e4 makes forward_sum exact.
        hard_alignment_start: Step from which frames are expanded by the hard path instead of the soft alignment.
        bin_start: Step at which the binarization loss begins.
        bin_ramp: Steps over which its weight rises from 0 to ``lambda_bin``.
        latent_direction: ``teacher_student`` or ``student_teacher``.
        lambda_latent, lambda_forward_sum, lambda_bin, lambda_dur: Loss weights.
        steps_per_update: Batches per optimizer step (accum_grad), by which the schedules count.
        latents: The teacher's posterior as stored before; then neither the teacher nor the recording is needed.

    Raises:
        UserError: If a name is unknown or the encoder's latent differs from the teacher's in channels or tokens.
    """

    def __init__(
        self,
        encoder: NixEncoder,
        teacher: VITSTeacher | RecordingFeatures,
        alignment: str = "aligner",
        attention_channels: int = 80,
        temperature: float = 0.0005,
        prior_scaling: float = 1.0,
        blank_log_prob: float = -1.0,
        hard_alignment_start: int = 6000,
        bin_start: int = 18000,
        bin_ramp: int = 10000,
        latent_direction: str = "teacher_student",
        lambda_latent: float = 1.0,
        lambda_forward_sum: float = 1.0,
        lambda_bin: float = 1.0,
        lambda_dur: float = 1.0,
        steps_per_update: int = 1,
        latents: TeacherLatents | None = None,
    ) -> None:
        super().__init__()
        if alignment not in ("aligner", "teacher"):
            raise UserError(f"alignment must be 'aligner' or 'teacher', found {alignment!r}")
        self.has_teacher = isinstance(teacher, VITSTeacher)
        if alignment == "teacher" and not self.has_teacher:
            raise UserError("alignment: teacher needs a teacher; without one give alignment: aligner")
        if encoder.latent_channels != teacher.latent_channels:
            raise UserError(
                f"the encoder writes {encoder.latent_channels} latent channels, the teacher has "
                f"{teacher.latent_channels}: set encoder_conf.latent_channels to {teacher.latent_channels}"
            )
        if encoder.num_tokens != len(teacher.token_list):
            raise UserError(
                f"the encoder knows {encoder.num_tokens} tokens, the teacher {len(teacher.token_list)}; "
                "both must have the same token list"
            )
        self.encoder = encoder
        self.teacher = teacher  # no Module: not saved, not trained, see VITSTeacher
        self.latents = latents  # likewise
        self.log_mel = LogMel(fs=teacher.fs, n_fft=teacher.n_fft)
        self.aligner: AlignmentModule | None = None
        if alignment == "aligner":
            self.aligner = AlignmentModule(
                text_channels=encoder.channels,
                feats_channels=self.log_mel.basis.shape[0],
                attention_channels=attention_channels,
                temperature=temperature,
            )
        self.prior = BetaBinomialPrior(scaling=prior_scaling)
        self.hard_alignment_start = hard_alignment_start
        self.bin_start = bin_start
        self.bin_ramp = bin_ramp
        self.latent_loss = LatentLoss(direction=latent_direction)
        self.forward_sum_loss = ForwardSumLoss(blank_log_prob=blank_log_prob)
        self.bin_loss = BinLoss()
        self.dur_loss = DurLoss()
        self.lambda_latent = lambda_latent
        self.lambda_forward_sum = lambda_forward_sum
        self.lambda_bin = lambda_bin
        self.lambda_dur = lambda_dur
        self.steps_per_update = steps_per_update
        # Saved with the weights, so that the schedules go on where an interrupted training stopped.
        self.register_buffer("num_batches", torch.zeros((), dtype=torch.long))

    @property
    def step(self) -> int:
        """Optimizer steps taken so far."""
        return int(self.num_batches) // self.steps_per_update

    def targets(
        self,
        text_lengths: torch.Tensor,
        speech: torch.Tensor | None,
        speech_lengths: torch.Tensor | None,
        utt_id: list[str] | None,
    ) -> dict[str, torch.Tensor]:
        """What the student learns from, computed from the recording or read from the stored latents.

        Returns:
            Dict of ``feats_mask`` (B, 1, T_feats) and ``feats_lengths`` (B,); of recordings ``log_mel``
            (B, n_mels, T_feats); with a teacher ``m_q`` and ``logs_q`` (B, H, T_feats); from stored latents also
            ``durations`` (B, T_text).

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
        targets = {"log_mel": self.log_mel(feats), "feats_lengths": feats_lengths}
        if not self.has_teacher:
            return {**targets, "feats_mask": make_non_pad_mask(feats_lengths, feats.shape[2])}
        m_q, logs_q, feats_mask = self.teacher.posterior(feats, feats_lengths)
        return {**targets, "m_q": m_q, "logs_q": logs_q, "feats_mask": feats_mask}

    def align(
        self,
        hidden: torch.Tensor,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        targets: dict[str, torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        """Soft and hard alignment of one batch.

        Args:
            hidden: Hidden text representation (B, C, T_text).
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            targets: See there.

        Returns:
            Dict of ``attn`` (B, T_feats, T_text), the hard path; with an aligner also ``log_p_attn`` and
            ``attn_soft``, both (B, T_feats, T_text).
        """
        feats_lengths = targets["feats_lengths"]
        if self.aligner is None:
            if "durations" in targets:
                return {"attn": durations_to_attn(targets["durations"], targets["feats_mask"].shape[2])}
            return {"attn": self.teacher.alignment(text, text_lengths, targets["m_q"], targets["feats_mask"])}
        if "log_mel" not in targets:
            raise UserError(
                "alignment: aligner learns from recordings, and a text that the teacher read has none; give alignment: teacher "
                "with --extra_text"
            )
        log_prior = self.prior(text_lengths, feats_lengths).to(hidden.device)
        log_p_attn = self.aligner(hidden, targets["log_mel"], text_lengths, feats_lengths, log_prior)
        attn = maximum_path(log_p_attn.detach().float(), text_lengths, feats_lengths)
        return {"attn": attn, "log_p_attn": log_p_attn, "attn_soft": torch.softmax(log_p_attn.float(), dim=2)}

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
            speech_lengths: Samples (B,), likewise.
            utt_id: Ids of the utterances, by which stored latents are found.
            kwargs: What else a data loader gives is not needed.

        Returns:
            loss (scalar), stats (a dict of scalars, unweighted losses) and weight (the batch size).
        """
        out = self.distil(text, text_lengths, speech, speech_lengths, utt_id)
        loss, stats = self.losses(out, text_lengths)
        if self.training:
            self.num_batches += 1
        return force_gatherable((loss, stats, text.shape[0]), loss.device)

    def distil(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        speech: torch.Tensor | None = None,
        speech_lengths: torch.Tensor | None = None,
        utt_id: list[str] | None = None,
    ) -> dict[str, torch.Tensor]:
        """Teacher and student on one batch, without losses.

        Returns:
            Dict of ``m_s logs_s`` (B, H, T_feats), ``text_mask`` (B, 1, T_text), ``durations`` (B, T_text), ``hidden``
            (B, C, T_text) and what ``targets`` and ``align`` return.
        """
        text = text[:, : int(text_lengths.max())]
        targets = self.targets(text_lengths, speech, speech_lengths, utt_id)
        feats_mask = targets["feats_mask"]
        hidden, text_mask = self.encoder.text_encoder(text, text_lengths)
        aligned = self.align(hidden, text, text_lengths, targets)
        durations = durations_from_path(aligned["attn"])
        # Held-out losses are always those of the hard path, as the student will speak: otherwise the soft phase, in which
        # a frame sees more than its token, would look best and its checkpoint be kept.
        hard = not self.training or use_hard_alignment(self.step, self.hard_alignment_start)
        soft = "attn_soft" in aligned and not hard
        frames = expand(hidden, aligned["attn_soft"] if soft else aligned["attn"])  # (B, C, T_feats)
        m_s, logs_s = self.encoder.latent_encoder(frames, feats_mask)
        return {
            **targets,
            **aligned,
            "m_s": m_s,
            "logs_s": logs_s,
            "text_mask": text_mask,
            "durations": durations,
            "hidden": hidden,
        }

    def losses(
        self, out: dict[str, torch.Tensor], text_lengths: torch.Tensor
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Weighted sum of the losses of ``distil``'s output, and each loss unweighted."""
        stats: dict[str, torch.Tensor] = {"dur_loss": self._dur_loss(out)}
        loss = self.lambda_dur * stats["dur_loss"]
        if "m_q" in out:
            stats["latent_loss"] = self.latent_loss(
                out["m_q"], out["logs_q"], out["m_s"], out["logs_s"], out["feats_mask"]
            )
            loss = loss + self.lambda_latent * stats["latent_loss"]
        if self.aligner is not None:
            # Held out, the whole weight from the start, so that the losses of two epochs can be compared.
            share = bin_weight(self.step, self.bin_start, self.bin_ramp) if self.training else 1.0
            weight = self.lambda_bin * share
            stats["forward_sum_loss"] = self.forward_sum_loss(out["log_p_attn"], text_lengths, out["feats_lengths"])
            stats["bin_loss"] = self.bin_loss(out["attn"], out["attn_soft"])
            loss = loss + self.lambda_forward_sum * stats["forward_sum_loss"]
            if weight > 0:
                loss = loss + weight * stats["bin_loss"]
            stats["bin_weight"] = torch.tensor(weight)
        stats = {name: value.detach() for name, value in stats.items()}
        stats["loss"] = loss.detach()
        return loss, stats

    def _dur_loss(self, out: dict[str, torch.Tensor]) -> torch.Tensor:
        predictor = self.encoder.duration_predictor
        if isinstance(predictor, StochasticDurationPredictor):
            nll = predictor.nll(out["hidden"], out["text_mask"], out["durations"])  # (B,)
            return nll.float().sum() / out["text_mask"].sum()
        log_durations = predictor(out["hidden"], out["text_mask"])
        return self.dur_loss(log_durations, out["durations"], out["text_mask"])

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
