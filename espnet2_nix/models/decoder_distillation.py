"""Decoder distillation: the student decoder learns teacher latent -> waveform, adversarially."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from espnet2.gan_tts.hifigan.loss import (
    DiscriminatorAdversarialLoss,
    FeatureMatchLoss,
    GeneratorAdversarialLoss,
    MelSpectrogramLoss,
)
from espnet2.gan_tts.utils import get_segments
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_gan_espnet_model import AbsGANESPnetModel

from espnet2_nix.errors import UserError
from espnet2_nix.losses.ged_loss import GEDLoss
from espnet2_nix.models.recording_features import RecordingFeatures
from espnet2_nix.models.student_latent import StudentLatent
from espnet2_nix.models.teacher_latents import TeacherLatents
from espnet2_nix.models.teacher_speech import TeacherSpeech
from espnet2_nix.models.vits_teacher import VITSTeacher
from espnet2_nix.modules.crops import random_crops


@dataclass(frozen=True)
class Segments:
    """One random segment a clip; of B clips the first R are recordings, the others the teacher's speech of further text.

    Attributes:
        speech: The recordings, which the discriminators hear as real (R, 1, segment_size * hop).
        target: What the student's wave should be: recording, or the teacher's speech (B, 1, segment_size * hop).
        wav: The student's wave (B, 1, segment_size * hop).
        wav2: Decoded from a second sample of the same latent, for GED (B, 1, segment_size * hop).
        teacher_wav: The teacher's wave of the first sample (B, 1, segment_size * hop), where it has a weight.
        text_loss: Weighted loss of what reads the text, where that learns as well.
        text_stats: Its losses, unweighted.
    """

    speech: torch.Tensor
    target: torch.Tensor
    wav: torch.Tensor
    wav2: torch.Tensor | None = None
    teacher_wav: torch.Tensor | None = None
    text_loss: torch.Tensor | None = None
    text_stats: dict[str, torch.Tensor] | None = None


@dataclass(frozen=True)
class LossWeights:
    """Weights of the student decoder's losses."""

    lambda_adv: float = 1.0
    lambda_feat_match: float = 2.0
    lambda_mel: float = 45.0
    lambda_spectral: float = 1.0
    lambda_spectral_teacher: float = 0.0

    @classmethod
    def from_conf(cls, conf: Mapping[str, float]) -> LossWeights:
        """Takes the weights of a YAML; those that it does not name keep their defaults.

        Raises:
            UserError: If it names one that is none.
        """
        known = [field.name for field in fields(cls)]
        if unknown := [name for name in conf if name not in known]:
            raise UserError(
                f"model_conf: expected segment_size, mel_loss_conf or a loss weight ({', '.join(known)}), found {', '.join(unknown)}"
            )
        return cls(**conf)


@dataclass(frozen=True)
class _Turn:
    """What the discriminator's turn left for the generator's: the batch it saw, and its waves."""

    speech: torch.Tensor
    training: bool
    segments: Segments


class DecoderDistillation(AbsGANESPnetModel):
    """The student decoder, its discriminators and the frozen teacher, with the losses between them.

    The input is a sample of the teacher's posterior; the target is the recording at the same frames and, by
    ``lambda_spectral_teacher``, the teacher's own wave of the same sample. By ``teacher_speech_share`` a part of each batch
    is not recorded: its input is the latent with which the teacher speaks further text, its target the teacher's wave. What
    the discriminators hear as real are recordings only.

    Args:
        decoder: The student decoder (what ships).
        features: Spectrograms of the recordings, and the numbers that decide them.
        teacher: The frozen VITS; None for a model that has a latent of its own.
        discriminator: Discriminators of a wave (B, 1, T), returning a list of lists of layer outputs.
        spectral_loss: ``GEDLoss`` (arXiv 2008.01160) or ``MultiResolutionSTFTLoss``.
        mel_loss_conf: Arguments of ESPnet's mel loss besides those the teacher decides.
        segment_size: Latent frames of a training segment.
        student_latent: Gives the latent of a recording in place of the teacher's posterior, for fine-tuning; then the text is
            needed.
        latents: Stored posteriors, durations and pitch of the recordings, for fine-tuning; None: the teacher is asked, and the
            pitch is the student's own.
        student_latent_share: Mean share of a batch's recordings whose latent is the student's, from 0 to 1; that of the others is the
            teacher's posterior.
        teacher_speech_share: Mean share of the teacher's speech in a training batch, from 0 to below 1; one recording stays.
            Held-out batches are recordings.
        posterior_noise_scale: Factor on the deviation of the teacher's posterior, 0 or more. At 1 the decoder learns from VITS's own
            samples; a student that speaks without noise, and errs by less than the posterior is wide, is served better by less.
        teacher_speech: The teacher's speech of further text, where its share is above 0.
        weights: Loss weights ``lambda_adv``, ``lambda_feat_match``, ``lambda_mel``, ``lambda_spectral`` and
            ``lambda_spectral_teacher``, where they are not the defaults of `LossWeights`.

    Raises:
        UserError: If the decoder's upsampling factor differs from the teacher's hop, a weight is unknown, or the teacher's
            speech is wanted and there is none.
    """

    def __init__(
        self,
        decoder: torch.nn.Module,
        features: RecordingFeatures,
        teacher: VITSTeacher | None,
        discriminator: torch.nn.Module,
        spectral_loss: torch.nn.Module,
        mel_loss_conf: dict[str, Any] | None = None,
        segment_size: int = 32,
        student_latent: StudentLatent | None = None,
        latents: TeacherLatents | None = None,
        student_latent_share: float = 1.0,
        teacher_speech_share: float = 0.0,
        teacher_speech: TeacherSpeech | None = None,
        posterior_noise_scale: float = 1.0,
        **weights: float,
    ) -> None:
        super().__init__()
        if not posterior_noise_scale >= 0:
            raise UserError(f"posterior_noise_scale: expected a factor of 0 or more, found {posterior_noise_scale}")
        self.log_posterior_noise_scale = math.log(posterior_noise_scale) if posterior_noise_scale > 0 else -math.inf
        if decoder.upsample_factor != features.hop_length:
            raise UserError(
                f"the decoder makes {decoder.upsample_factor} samples a frame, the teacher's hop is "
                f"{features.hop_length}; they must be equal"
            )
        self.weights = LossWeights.from_conf(weights)
        if teacher is None and self.weights.lambda_spectral_teacher > 0:
            raise UserError("lambda_spectral_teacher needs a teacher's wave: leave it at 0 when training from scratch")
        if not 0 <= student_latent_share <= 1:
            raise UserError(f"student_latent_share: expected a share from 0 to 1, found {student_latent_share}")
        if not 0 <= teacher_speech_share < 1:
            raise UserError(f"teacher_speech_share: expected a share from 0 to below 1, found {teacher_speech_share}")
        if teacher_speech_share > 0:
            if teacher_speech is None:
                raise UserError(
                    f"teacher_speech_share: {teacher_speech_share} needs a teacher that reads further text: run stages 7 and 8 "
                    "with --extra_text FILE, sentences one a line, or leave it at 0"
                )
            teacher_speech.utterances(segment_size)  # refused now and not in the first batch
        self.teacher_speech_share = teacher_speech_share
        self.teacher_speech = teacher_speech  # no Module: not saved, not trained
        self.decoder = decoder
        self.features = features  # no Module: not saved, not trained
        self.teacher = teacher  # no Module: not saved, not trained
        self.student_latent = student_latent  # no Module: not saved, not trained
        self.latents = latents  # no Module: not saved, not trained
        self.student_latent_share = student_latent_share
        self.discriminator = discriminator
        self.generator_adv_loss = GeneratorAdversarialLoss(average_by_discriminators=False, loss_type="mse")
        self.discriminator_adv_loss = DiscriminatorAdversarialLoss(average_by_discriminators=False, loss_type="mse")
        self.feat_match_loss = FeatureMatchLoss(
            average_by_discriminators=False, average_by_layers=False, include_final_outputs=True
        )
        self.mel_loss = MelSpectrogramLoss(
            fs=features.fs,
            n_fft=features.n_fft,
            hop_length=features.hop_length,
            log_base=None,
            **(mel_loss_conf or {}),
        )
        self.spectral_loss = spectral_loss
        self.segment_size = segment_size
        self._turn: _Turn | None = None

    @property
    def uses_ged(self) -> bool:
        """Whether the spectral loss needs two waves of the same frames."""
        return isinstance(self.spectral_loss, GEDLoss)

    def forward(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
        forward_generator: bool = True,
        utt_id: list[str] | None = None,
        **kwargs: object,
    ) -> dict[str, Any]:
        """Losses of one turn; training and validation share it.

        Args:
            speech: Waveform (B, T_wav), float32.
            speech_lengths: Samples (B,).
            text: Token ids (B, T_text), for fine-tuning.
            text_lengths: Tokens (B,), for fine-tuning.
            forward_generator: True for the generator's turn, False for the discriminator's.
            utt_id: Ids of the utterances, by which stored latents are found.
            kwargs: What else a data loader gives is not needed.

        Returns:
            Dict of ``loss``, ``stats``, ``weight`` and ``optim_idx`` (0 generator, 1 discriminator).
        """
        # The discriminator's turn comes first and changes no weight of the decoder: its waves serve the generator's turn on the
        # same batch, and nothing else.
        turn, self._turn = self._turn, None
        if forward_generator and turn is not None and turn.speech is speech and turn.training == self.training:
            out = turn.segments
        else:
            out = self.distil(speech, speech_lengths, text, text_lengths, utt_id)
        if forward_generator:
            loss, stats = self.generator_losses(out)
        else:
            self._turn = _Turn(speech, self.training, out)
            loss, stats = self.discriminator_losses(out)
        loss, stats, weight = force_gatherable((loss, stats, speech.shape[0]), loss.device)
        return {"loss": loss, "stats": stats, "weight": weight, "optim_idx": 0 if forward_generator else 1}

    def latent(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
        utt_id: list[str] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The distribution whose samples the decoder learns from.

        Returns:
            Mean and log standard deviation (B, H, T_feats): the teacher's posterior, its deviation by ``posterior_noise_scale``,
            or the student's latent; in training of a part of the clips, by ``student_latent_share``.

        Raises:
            UserError: If the student's latent is wanted and no text was given, or nothing fitting is stored of an utterance.
        """
        assert self.teacher is not None
        if self.student_latent is None:
            feats, feats_lengths = self.features.feats(speech, speech_lengths)
            m_q, logs_q, _ = self.teacher.posterior(feats, feats_lengths)
            return m_q, logs_q + self.log_posterior_noise_scale
        if text is None or text_lengths is None:
            raise UserError(
                "fine-tuning on the student's latent needs the text: give text beside speech in the training data"
            )
        if self.latents is not None:
            if utt_id is None:
                raise UserError("stored latents are read by utterance: expected utt_id in the batch, found none")
            targets = self.latents.batch(utt_id, text_lengths)
            num_frames = speech_lengths // self.features.hop_length + 1  # of a centred spectrogram
            if not torch.equal(targets.feats_lengths, num_frames):
                raise UserError(
                    f"{self.latents.folder}: expected {num_frames.tolist()} frames of {', '.join(utt_id)}, found "
                    f"{targets.feats_lengths.tolist()}; write it anew: remove the folder, then run stage 7"
                )
            m_q, logs_q = targets.m_q, targets.logs_q
            m_s, logs_s = self.student_latent.at_targets(text, text_lengths, targets)
        else:
            feats, feats_lengths = self.features.feats(speech, speech_lengths)
            m_q, logs_q, feats_mask = self.teacher.posterior(feats, feats_lengths)
            m_s, logs_s = self.student_latent(self.teacher, text, text_lengths, m_q, feats_mask)
        if not self.training or self.student_latent_share == 1:
            return m_s, logs_s
        from_student = self._draw_student(len(text)).to(text.device)[:, None, None]
        return torch.where(from_student, m_s, m_q), torch.where(
            from_student, logs_s, logs_q + self.log_posterior_noise_scale
        )

    def _draw_student(self, batch_size: int) -> torch.Tensor:
        """Which clips of a batch (B,) give the student's latent: its share of them, rounded up or down by chance."""
        return torch.randperm(batch_size) < int(self.student_latent_share * batch_size + float(torch.rand(())))

    def distil(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor | None = None,
        text_lengths: torch.Tensor | None = None,
        utt_id: list[str] | None = None,
    ) -> Segments:
        """Student waves of one random segment a clip, and the recording at the same frames.

        In training the teacher's speech takes the place of some clips, by ``teacher_speech_share``.

        Raises:
            UserError: If a clip is shorter than a segment.
        """
        num_spoken = self._draw_num_spoken(len(speech))
        if num_spoken > 0:
            # Before the posterior encoder runs over what is not needed.
            kept = torch.randperm(len(speech))[num_spoken:].sort().values.to(speech.device)
            speech_lengths = speech_lengths[kept]
            speech = speech[kept, : int(speech_lengths.max())]
            if text is not None and text_lengths is not None:
                text, text_lengths = text[kept], text_lengths[kept]
            if utt_id is not None:
                utt_id = [utt_id[i] for i in kept.tolist()]
        starts = self.draw_starts(speech_lengths)
        if self.student_latent is None:
            assert self.teacher is not None
            feats, feats_lengths = self.features.feats(speech, speech_lengths)
            m, logs = self.teacher.posterior_segments(feats, feats_lengths, starts, self.segment_size)
            logs = logs + self.log_posterior_noise_scale
        else:
            latent = self.latent(speech, speech_lengths, text, text_lengths, utt_id)
            m, logs = (get_segments(value, starts, self.segment_size) for value in latent)
        return self.segments(m, logs, speech, starts, num_spoken)

    def draw_starts(self, speech_lengths: torch.Tensor) -> torch.Tensor:
        """First frames (R,), int64, of one random segment a clip of ``speech_lengths`` samples (R,).

        Raises:
            UserError: If a clip is shorter than a segment.
        """
        # The last frame is centred on the clip's end, where no full hop of samples follows.
        num_frames = speech_lengths // self.features.hop_length
        if int(num_frames.min()) < self.segment_size:
            index = int(num_frames.argmin())
            raise UserError(
                f"clip {index} of the batch has {int(num_frames[index])} whole frames, a training segment needs "
                f"{self.segment_size}; such clips are dropped in stage 3: ./run.sh --stage 3 --stop_stage 5"
            )
        return random_crops(num_frames, self.segment_size)

    def _draw_num_spoken(self, batch_size: int) -> int:
        """How many clips of a batch the teacher's speech replaces: its share, rounded up or down by chance."""
        if not self.training or self.teacher_speech_share == 0:
            return 0
        return min(int(self.teacher_speech_share * batch_size + float(torch.rand(()))), batch_size - 1)

    def segments(
        self,
        m: torch.Tensor,
        logs: torch.Tensor,
        speech: torch.Tensor,
        starts: torch.Tensor,
        num_spoken: int = 0,
    ) -> Segments:
        """Waves of one segment a clip, and of as many as asked for spoken by the teacher.

        Args:
            m, logs: Latent of the segments (R, H, segment_size).
            speech: Waveform (R, T_wav), float32.
            starts: First frames of the segments (R,).
            num_spoken: Segments of the teacher's speech besides.
        """
        hop = self.features.hop_length
        std = torch.exp(logs)
        z = m + std * torch.randn_like(m)  # (R, H, segment_size)
        recording = get_segments(speech[:, None], starts * hop, self.segment_size * hop)
        target = recording
        if num_spoken > 0:
            assert self.teacher_speech is not None
            m_t, logs_t = self.teacher_speech.draw(num_spoken, self.segment_size, m.device)
            std_t = torch.exp(logs_t)
            z_t = m_t + std_t * torch.randn_like(m_t)
            target = torch.cat([recording, self.teacher_speech.speak(z_t)])
            inner = slice(self.teacher_speech.context, self.teacher_speech.context + self.segment_size)
            m, std = torch.cat([m, m_t[:, :, inner]]), torch.cat([std, std_t[:, :, inner]])
            z = torch.cat([z, z_t[:, :, inner]])  # (B, H, segment_size)
        wav = self.decoder(z)
        wav2 = self.decoder(m + std * torch.randn_like(m)) if self.uses_ged else None
        teacher_wav = None
        if self.weights.lambda_spectral_teacher > 0:
            assert self.teacher is not None
            teacher_wav = self.teacher.decode(z)
        return Segments(recording, target, wav, wav2, teacher_wav)

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
        """A whole recording through the latent's mean and both decoders, to look at and to listen to.

        Args:
            speech: Waveform (1, T_wav), float32.
            speech_lengths: Samples (1,).
            text: Token ids (1, T_text), for fine-tuning.
            text_lengths: Tokens (1,), for fine-tuning.
            utt_id: Its id, by which stored latents are found.
            kwargs: What else a data loader gives is not needed.

        Returns:
            Dict of ``recording``, ``teacher`` and ``student`` (1, T_wav).
        """
        assert self.teacher is not None
        m, _ = self.latent(speech, speech_lengths, text, text_lengths, utt_id)
        num_samples = speech.shape[1]
        return {
            "recording": speech,
            "teacher": self.teacher.decode(m)[:, 0, :num_samples],
            "student": self.decoder(m)[:, 0, :num_samples],
        }

    def discriminator_losses(self, out: Segments) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Loss of the discriminators, and its parts."""
        p_hat = self.discriminator(out.wav.detach())
        p = self.discriminator(out.speech)
        real_loss, fake_loss = self.discriminator_adv_loss(p_hat, p)
        loss = real_loss + fake_loss
        return loss, {
            "discriminator_loss": loss.detach(),
            "discriminator_real_loss": real_loss.detach(),
            "discriminator_fake_loss": fake_loss.detach(),
        }

    def generator_losses(self, out: Segments) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Weighted loss of the student, and each loss unweighted."""
        p_hat = self.discriminator(out.wav)
        with torch.no_grad():
            p = self.discriminator(out.target)
        stats = {
            "adv_loss": self.generator_adv_loss(p_hat),
            "feat_match_loss": self.feat_match_loss(p_hat, p),
            "mel_loss": self.mel_loss(out.wav, out.target),
            "spectral_loss": self._spectral(out, out.target),
        }
        loss = (
            self.weights.lambda_adv * stats["adv_loss"]
            + self.weights.lambda_feat_match * stats["feat_match_loss"]
            + self.weights.lambda_mel * stats["mel_loss"]
            + self.weights.lambda_spectral * stats["spectral_loss"]
        )
        if self.weights.lambda_spectral_teacher > 0:
            assert out.teacher_wav is not None
            stats["spectral_teacher_loss"] = self._spectral(out, out.teacher_wav)
            loss = loss + self.weights.lambda_spectral_teacher * stats["spectral_teacher_loss"]
        stats = {name: value.detach() for name, value in stats.items()}
        if self.training and self.teacher_speech_share > 0:
            stats["teacher_speech_mel_loss"] = self._mel_loss_of_teacher_speech(out)
        stats["generator_loss"] = loss.detach()
        return loss, stats

    @torch.no_grad()
    def _mel_loss_of_teacher_speech(self, out: Segments) -> torch.Tensor:
        # Not a number where a batch has none: ESPnet's reporter leaves it out, and every process reports the same names.
        first = len(out.speech)
        if first == len(out.wav):
            return torch.full((), torch.nan, device=out.wav.device)
        return self.mel_loss(out.wav[first:], out.target[first:])

    def _spectral(self, out: Segments, target: torch.Tensor) -> torch.Tensor:
        if self.uses_ged:
            return self.spectral_loss(out.wav, out.wav2, target)
        return self.spectral_loss(out.wav, target)

    def collect_feats(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor, **kwargs: object
    ) -> dict[str, torch.Tensor]:
        """Linear spectrogram (B, T_feats, F) and its lengths, for ESPnet's statistics."""
        feats, feats_lengths = self.features.feats(speech, speech_lengths)
        return {"feats": feats.transpose(1, 2), "feats_lengths": feats_lengths}
