"""A teacher from a public voice, in phases that a CPU can pay for: posterior encoder, then encoder and decoder.

Every model here holds ESPnet's VITS under the names of ESPnet's own model (``tts.generator.…``), so that what a phase
saves is a teacher already, and the next phase, ESPnet's trainer, or distillation loads it strictly.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from espnet2.gan_tts.utils import get_segments
from espnet2.gan_tts.vits import VITS
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.abs_gan_espnet_model import AbsGANESPnetModel
from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram

from espnet2_nix.modules.crops import crop, random_crops


@torch.no_grad()
def resynthesise(
    tts: VITS, feats_extract: LinearSpectrogram, speech: torch.Tensor, speech_lengths: torch.Tensor
) -> dict[str, torch.Tensor]:
    """A whole recording through the posterior's mean and the decoder, to look at and to listen to.

    Args:
        tts: The teacher.
        feats_extract: Its linear spectrogram.
        speech: Waveform (1, T_wav), float32.
        speech_lengths: Samples (1,).

    Returns:
        Dict of ``recording`` and ``teacher`` (1, T_wav).
    """
    feats, feats_lengths = feats_extract(speech, speech_lengths)
    _, m_q, _, _ = tts.generator.posterior_encoder(feats.transpose(1, 2), feats_lengths)
    return {"recording": speech, "teacher": tts.generator.decoder(m_q)[:, 0, : speech.shape[1]]}


class PosteriorPretraining(AbsESPnetModel):
    """Phase 1: the posterior encoder learns the latent from which the start voice spoke.

    The loss is the negative log-likelihood of that latent under the posterior of the recording (VITS, arXiv
    2106.06103, equation 3 turned round: there the recording is given and the latent sought).

    Args:
        tts: The teacher; only its posterior encoder is trained.
        feats_extract: Its linear spectrogram.
        crop_size: Frames of a crop.
        context: Frames on either side that the encoder sees and the loss leaves out.
        min_logs: Lower bound of the log standard deviation, so that no channel becomes a point.
    """

    def __init__(
        self,
        tts: VITS,
        feats_extract: LinearSpectrogram,
        crop_size: int = 80,
        context: int = 8,
        min_logs: float = -3.0,
    ) -> None:
        super().__init__()
        self.tts = tts
        self.feats_extract = feats_extract
        self.crop_size = crop_size
        self.context = context
        self.min_logs = min_logs

    @property
    def trained(self) -> list[torch.nn.Module]:
        """The modules that this phase trains."""
        return [self.tts.generator.posterior_encoder]

    def forward(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        latent: torch.Tensor,
        latent_lengths: torch.Tensor,
        **kwargs: object,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """Losses of one batch.

        Args:
            speech: Waveform of the start voice (B, T_wav), float32.
            speech_lengths: Samples (B,).
            latent: The latents it came from (B, T_feats, H).
            latent_lengths: Frames (B,).
            kwargs: What else a data loader gives is not needed.

        Returns:
            loss in nats a frame (scalar), stats and weight (the batch size).
        """
        with torch.no_grad():
            feats, _ = self.feats_extract(speech, speech_lengths)  # (B, T_feats + 1, F)
        starts = random_crops(latent_lengths, self.crop_size)
        x = crop(feats.transpose(1, 2), starts, self.crop_size, self.context)
        z = crop(latent.to(feats.dtype).transpose(1, 2), starts, self.crop_size)
        lengths = torch.full_like(latent_lengths, x.shape[2])
        _, m_q, logs_q, _ = self.tts.generator.posterior_encoder(x, lengths)
        inner = slice(self.context, self.context + self.crop_size)
        m_q, logs_q = m_q[:, :, inner], logs_q[:, :, inner].clamp(min=self.min_logs)
        frame = starts[:, None] + torch.arange(self.crop_size, device=starts.device)
        mask = (frame < latent_lengths[:, None])[:, None].to(z.dtype)  # (B, 1, crop_size)
        square = (z - m_q) ** 2
        nll = (logs_q + 0.5 * square * torch.exp(-2 * logs_q)) * mask
        loss = nll.sum() / mask.sum()
        explained = 1 - (square * mask).sum() / ((z - z.mean()) ** 2 * mask).sum()
        stats = {"loss": loss.detach(), "explained_variance": explained.detach(), "logs_q": logs_q.detach().mean()}
        return force_gatherable((loss, stats, speech.shape[0]), loss.device)

    def resynthesise(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor, **kwargs: object
    ) -> dict[str, torch.Tensor]:
        """The start voice's speech (1, T_wav) through the posterior's mean and its decoder; see the function of that name."""
        return resynthesise(self.tts, self.feats_extract, speech, speech_lengths)

    def collect_feats(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor, **kwargs: object
    ) -> dict[str, torch.Tensor]:
        """Linear spectrogram (B, T_feats, F) and its lengths, for ESPnet's statistics."""
        feats, feats_lengths = self.feats_extract(speech, speech_lengths)
        return {"feats": feats, "feats_lengths": feats_lengths}


class VITSAutoencoder(AbsGANESPnetModel):
    """Phase 2: posterior encoder and decoder learn the new speaker, adversarially and without text.

    VITS's reconstruction losses (arXiv 2106.06103, equations 2 and 8 to 10) on crops. In the place of the text's prior
    stands a Gaussian with the start voice's mean and deviation of each channel: the latent stays where the decoder
    knows it, and neither collapses to a point nor to the prior.

    Args:
        tts: The teacher; posterior encoder, decoder and discriminators are trained.
        feats_extract: Its linear spectrogram.
        latent_mean, latent_std: The start voice's latent by channel (H,); None keeps the posterior near a standard Gaussian.
        segment_size: Frames that the decoder turns into samples.
        context: Frames on either side that the posterior encoder sees.
        lambda_prior: Weight of the divergence from that Gaussian, nats a frame.
        lambda_prior_end: Its weight after ``prior_ramp_end``; None: the same.
        prior_ramp_start, prior_ramp_end: Steps between which the weight goes from one to the other.
    """

    def __init__(
        self,
        tts: VITS,
        feats_extract: LinearSpectrogram,
        latent_mean: Sequence[float] | torch.Tensor | None = None,
        latent_std: Sequence[float] | torch.Tensor | None = None,
        segment_size: int = 32,
        context: int = 14,
        lambda_prior: float = 0.02,
        lambda_prior_end: float | None = None,
        prior_ramp_start: int = 0,
        prior_ramp_end: int = 1,
    ) -> None:
        super().__init__()
        self.tts = tts
        self.feats_extract = feats_extract
        channels = tts.generator.posterior_encoder.proj.out_channels // 2
        mean = torch.zeros(channels) if latent_mean is None else torch.as_tensor(latent_mean, dtype=torch.float32)
        std = torch.ones(channels) if latent_std is None else torch.as_tensor(latent_std, dtype=torch.float32)
        # Not saved: the file they come from is given at every start, and a phase's checkpoint stays a plain VITS.
        self.register_buffer("latent_mean", mean[None, :, None], persistent=False)
        self.register_buffer("latent_std", std[None, :, None], persistent=False)
        self.segment_size = segment_size
        self.context = context
        self.lambda_prior = lambda_prior
        self.lambda_prior_end = lambda_prior if lambda_prior_end is None else lambda_prior_end
        self.prior_ramp_start = prior_ramp_start
        self.prior_ramp_end = prior_ramp_end
        # ESPnet's resume restores it with the weights; ``load_vits`` reads a phase's result without it.
        self.register_buffer("num_batches", torch.zeros((), dtype=torch.long))
        self._waves: dict[str, torch.Tensor] | None = None

    @property
    def trained(self) -> list[torch.nn.Module]:
        """The modules that the generator's turn trains."""
        return [self.tts.generator.posterior_encoder, self.tts.generator.decoder]

    def prior_weight(self) -> float:
        """Weight of the divergence at this step."""
        step, start, end = int(self.num_batches), self.prior_ramp_start, self.prior_ramp_end
        share = min(1.0, max(0.0, (step - start) / max(1, end - start)))
        return self.lambda_prior + share * (self.lambda_prior_end - self.lambda_prior)

    def reconstruct(self, speech: torch.Tensor, speech_lengths: torch.Tensor) -> dict[str, torch.Tensor]:
        """A segment of each recording through posterior encoder and decoder.

        Args:
            speech: Waveform (B, T_wav), float32.
            speech_lengths: Samples (B,).

        Returns:
            Dict of ``speech`` and ``wav`` (B, 1, segment_size * hop) and of the segment's ``m_q``, ``logs_q``
            (B, H, segment_size).
        """
        generator = self.tts.generator
        hop = generator.upsample_factor
        with torch.no_grad():
            feats, _ = self.feats_extract(speech, speech_lengths)
        starts = random_crops(speech_lengths // hop, self.segment_size)
        x = crop(feats.transpose(1, 2), starts, self.segment_size, self.context)
        lengths = torch.full_like(speech_lengths, x.shape[2])
        z, m_q, logs_q, _ = generator.posterior_encoder(x, lengths)
        inner = slice(self.context, self.context + self.segment_size)
        target = torch.nn.functional.pad(speech, (0, self.segment_size * hop))[:, None]
        return {
            "speech": get_segments(target, starts * hop, self.segment_size * hop),
            "wav": generator.decoder(z[:, :, inner]),
            "m_q": m_q[:, :, inner],
            "logs_q": logs_q[:, :, inner],
        }

    def forward(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor, forward_generator: bool = True, **kwargs: object
    ) -> dict[str, object]:
        """Losses of one turn.

        Args:
            speech: Waveform (B, T_wav), float32.
            speech_lengths: Samples (B,).
            forward_generator: True for the generator's turn, False for the discriminator's, which comes first.
            kwargs: What else a data loader gives is not needed.

        Returns:
            Dict of ``loss``, ``stats``, ``weight`` and ``optim_idx`` (0 generator, 1 discriminator).
        """
        # The discriminator's turn comes first and changes nothing of the generator: it hands its waves on.
        out, self._waves = self._waves, None
        if not forward_generator or out is None:
            out = self.reconstruct(speech, speech_lengths)
        if forward_generator:
            loss, stats = self._generator_losses(out)
            if self.training:
                self.num_batches += 1
        else:
            self._waves = out
            loss, stats = self._discriminator_losses(out)
        loss, stats, weight = force_gatherable((loss, stats, speech.shape[0]), loss.device)
        return {"loss": loss, "stats": stats, "weight": weight, "optim_idx": 0 if forward_generator else 1}

    def resynthesise(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor, **kwargs: object
    ) -> dict[str, torch.Tensor]:
        """A recording (1, T_wav) through the posterior's mean and the decoder; see the function of that name."""
        return resynthesise(self.tts, self.feats_extract, speech, speech_lengths)

    def _discriminator_losses(self, out: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        real, fake = self.tts.discriminator_adv_loss(
            self.tts.discriminator(out["wav"].detach()), self.tts.discriminator(out["speech"])
        )
        loss = real + fake
        return loss, {"discriminator_loss": loss.detach()}

    def _generator_losses(self, out: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        tts = self.tts
        p_hat = tts.discriminator(out["wav"])
        with torch.no_grad():
            p = tts.discriminator(out["speech"])
        m_q, logs_q = out["m_q"], out["logs_q"]
        # KL of two Gaussians by channel, summed over channels, averaged over frames and batch
        ratio = (torch.exp(2 * logs_q) + (m_q - self.latent_mean) ** 2) / self.latent_std**2
        prior_loss = (0.5 * (ratio - 1) - logs_q + torch.log(self.latent_std)).sum(1).mean()
        stats = {
            "mel_loss": tts.mel_loss(out["wav"], out["speech"]),
            "adv_loss": tts.generator_adv_loss(p_hat),
            "feat_match_loss": tts.feat_match_loss(p_hat, p),
            "prior_loss": prior_loss,
        }
        loss = (
            tts.lambda_mel * stats["mel_loss"]
            + tts.lambda_adv * stats["adv_loss"]
            + tts.lambda_feat_match * stats["feat_match_loss"]
            + self.prior_weight() * prior_loss
        )
        stats = {name: value.detach() for name, value in stats.items()}
        stats["generator_loss"] = loss.detach()
        return loss, stats

    def collect_feats(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor, **kwargs: object
    ) -> dict[str, torch.Tensor]:
        """Linear spectrogram (B, T_feats, F) and its lengths, for ESPnet's statistics."""
        feats, feats_lengths = self.feats_extract(speech, speech_lengths)
        return {"feats": feats, "feats_lengths": feats_lengths}
