"""The teacher's text side on a finished autoencoder: an alignment first, then text encoder, flow and durations on it.

Learnt together, as VITS learns them, text encoder and flow collapse here: the flow predicts each half of the latent from
the other, so the divergence falls without any text, and the search then gives one token most of the frames. An alignment
that is learnt before from the spectrogram alone (One TTS Alignment, arXiv 2108.10447) leaves no such way out.
"""

from __future__ import annotations

import torch
from espnet2.gan_tts.vits import VITS
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram

from espnet2_nix.aligner.alignment_module import AlignmentModule
from espnet2_nix.aligner.beta_binomial_prior import BetaBinomialPrior
from espnet2_nix.aligner.monotonic_alignment import durations_from_path, maximum_path
from espnet2_nix.losses.alignment_schedule import bin_weight
from espnet2_nix.losses.bin_loss import BinarizationLoss
from espnet2_nix.losses.forward_sum_loss import ForwardSumLoss
from espnet2_nix.models.teacher_latents import TeacherLatents
from espnet2_nix.modules.length_regulator import expand_by_durations
from espnet2_nix.modules.log_mel import LogMel


def alignment_health(durations: torch.Tensor, text_lengths: torch.Tensor) -> dict[str, torch.Tensor]:
    """What shows a collapsed alignment within minutes.

    Args:
        durations: Frames of each token (B, T_text).
        text_lengths: Tokens (B,).

    Returns:
        Dict of ``longest_token`` (frames, mean over the batch) and ``one_frame_share`` (share of tokens with one frame).
    """
    mask = torch.arange(durations.shape[1], device=durations.device)[None] < text_lengths[:, None]
    return {
        "longest_token": durations.amax(1).float().mean(),
        "one_frame_share": ((durations == 1) & mask).sum() / mask.sum(),
    }


class TextAligner(AbsESPnetModel):
    """An aligner of its own: tokens and log-mel spectrogram, neither teacher nor decoder.

    Args:
        num_tokens: Tokens.
        fs: Sampling rate in Hz.
        feats_extract: Linear spectrogram.
        channels: Channels of the token embedding.
        attention_channels: Channels in which distances are measured.
        temperature: Factor on the squared distance.
        prior_scaling: w of the beta-binomial prior; lower is wider.
        blank_log_prob: Log-probability of CTC's blank.
        bin_start, bin_ramp: Step at which the binarization loss begins, and steps over which its weight rises to 1.
    """

    def __init__(
        self,
        num_tokens: int,
        fs: int,
        feats_extract: LinearSpectrogram,
        channels: int = 128,
        attention_channels: int = 80,
        temperature: float = 0.0005,
        prior_scaling: float = 1.0,
        blank_log_prob: float = -1.0,
        bin_start: int = 400,
        bin_ramp: int = 300,
    ) -> None:
        super().__init__()
        n_fft = int(feats_extract.get_parameters()["n_fft"])
        self.feats_extract = feats_extract
        self.log_mel = LogMel(fs=fs, n_fft=n_fft)
        self.embedding = torch.nn.Embedding(num_tokens, channels)
        self.aligner = AlignmentModule(channels, self.log_mel.basis.shape[0], attention_channels, temperature)
        self.prior = BetaBinomialPrior(scaling=prior_scaling)
        self.forward_sum_loss = ForwardSumLoss(blank_log_prob=blank_log_prob)
        self.bin_loss = BinarizationLoss()
        self.bin_start = bin_start
        self.bin_ramp = bin_ramp
        self.register_buffer("num_batches", torch.zeros((), dtype=torch.long))

    def align(
        self, text: torch.Tensor, text_lengths: torch.Tensor, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Soft and hard alignment.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            speech: Waveform (B, T_wav), float32.
            speech_lengths: Samples (B,).

        Returns:
            log_p_attn and attn (B, T_feats, T_text), and feats_lengths (B,).

        Raises:
            ValueError: If an utterance has more tokens than frames.
        """
        text = text[:, : int(text_lengths.max())]
        with torch.no_grad():
            feats, feats_lengths = self.feats_extract(speech, speech_lengths)
            mel = self._normalise(self.log_mel(feats.transpose(1, 2)), feats_lengths)
        hidden = self.embedding(text).transpose(1, 2)
        log_prior = self.prior(text_lengths, feats_lengths).to(hidden.device)
        log_p_attn = self.aligner(hidden, mel, text_lengths, feats_lengths, log_prior)
        attn = maximum_path(log_p_attn.detach().float(), text_lengths, feats_lengths)
        return log_p_attn, attn, feats_lengths

    @staticmethod
    def _normalise(mel: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        # By band and utterance, so that no statistics of the corpus are needed.
        mask = (torch.arange(mel.shape[2], device=mel.device)[None] < lengths[:, None])[:, None].to(mel.dtype)
        count = mask.sum(2, keepdim=True)
        mean = (mel * mask).sum(2, keepdim=True) / count
        std = (((mel - mean) * mask).square().sum(2, keepdim=True) / count).sqrt().clamp(min=1e-3)
        return (mel - mean) / std * mask

    def forward(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        **kwargs: object,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """Losses of one batch; arguments as for ``align``. Returns loss, stats and weight (the batch size)."""
        log_p_attn, attn, feats_lengths = self.align(text, text_lengths, speech, speech_lengths)
        forward_sum = self.forward_sum_loss(log_p_attn, text_lengths, feats_lengths)
        binarization = self.bin_loss(attn, torch.softmax(log_p_attn.float(), dim=2))
        share = bin_weight(int(self.num_batches), self.bin_start, self.bin_ramp) if self.training else 1.0
        loss = forward_sum + share * binarization
        if self.training:
            self.num_batches += 1
        stats = {
            "forward_sum_loss": forward_sum.detach(),
            "bin_loss": binarization.detach(),
            **alignment_health(durations_from_path(attn), text_lengths),
            "loss": loss.detach(),
        }
        return force_gatherable((loss, stats, text.shape[0]), loss.device)

    def alignments(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        **kwargs: object,
    ) -> dict[str, torch.Tensor]:
        """Alignments of one utterance (T_feats, T_text), ``soft`` and ``hard``, to look at; arguments as in ``align``."""
        log_p_attn, attn, _ = self.align(text, text_lengths, speech, speech_lengths)
        return {"soft": log_p_attn.softmax(dim=2)[0], "hard": attn[0]}

    def collect_feats(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor, **kwargs: object
    ) -> dict[str, torch.Tensor]:
        """Linear spectrogram (B, T_feats, F) and its lengths, for ESPnet's statistics."""
        feats, feats_lengths = self.feats_extract(speech, speech_lengths)
        return {"feats": feats, "feats_lengths": feats_lengths}


class TextSide(AbsESPnetModel):
    """Phase 3: text encoder, flow and duration predictor on stored posteriors and a fixed alignment.

    The loss is VITS's divergence of the posterior from the prior behind the flow (arXiv 2106.06103, equation 3) and its
    likelihood of durations.

    Args:
        tts: The teacher; text encoder, flow and duration predictor are trained.
        latents: Its posteriors with the frames of each token.
        flow_start: Step at which the flow begins to learn; before, it is the identity that it begins as, and the text
            encoder has the latent to itself. None: it rests throughout.
        duration_interval: The duration predictor, the dearest module, learns at every so manieth step.
        lambda_kl, lambda_dur: Loss weights.
    """

    def __init__(
        self,
        tts: VITS,
        latents: TeacherLatents,
        flow_start: int | None = 400,
        duration_interval: int = 4,
        lambda_kl: float = 1.0,
        lambda_dur: float = 1.0,
    ) -> None:
        super().__init__()
        self.tts = tts
        self.latents = latents
        self.flow_start = flow_start
        self.duration_interval = duration_interval
        self.lambda_kl = lambda_kl
        self.lambda_dur = lambda_dur
        self.register_buffer("num_batches", torch.zeros((), dtype=torch.long))

    @property
    def trained(self) -> list[torch.nn.Module]:
        """The modules that this phase trains."""
        generator = self.tts.generator
        return [generator.text_encoder, generator.flow, generator.duration_predictor]

    def forward(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        utt_id: list[str],
        **kwargs: object,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """Losses of one batch.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            utt_id: Ids, by which posteriors and durations are found.
            kwargs: What else a data loader gives is not needed.

        Returns:
            loss (scalar), stats and weight (the batch size).
        """
        generator, step = self.tts.generator, int(self.num_batches)
        text = text[:, : int(text_lengths.max())]
        stored = self.latents.batch(utt_id, text_lengths)
        m_q, logs_q, durations = stored.m_q, stored.logs_q, stored.durations
        assert durations is not None
        feats_mask = stored.feats_mask.to(m_q.dtype)
        hidden, m_p, logs_p, text_mask = generator.text_encoder(text, text_lengths)
        z = (m_q + torch.randn_like(m_q) * torch.exp(logs_q)) * feats_mask
        at_rest = self.flow_start is None or (self.training and step < self.flow_start)
        z_p = z if at_rest else generator.flow(z, feats_mask, g=None)
        m, logs = expand_by_durations(m_p, durations, z.shape[2]), expand_by_durations(logs_p, durations, z.shape[2])
        kl = logs - logs_q - 0.5 + 0.5 * (z_p - m) ** 2 * torch.exp(-2 * logs)
        kl_loss = (kl * feats_mask).sum() / feats_mask.sum()
        loss = self.lambda_kl * kl_loss
        stats = {"kl_loss": kl_loss.detach(), **alignment_health(durations, text_lengths)}
        spread = m_p.transpose(1, 2)[text_mask[:, 0] > 0].std(0)  # (H,)
        # The flow empties half of the channels of what text could tell: the other half shows whether the text speaks.
        stats["prior_mean_deviation"] = spread.topk(len(spread) // 2).values.mean().detach()
        if not self.training or step % self.duration_interval == 0:
            nll = generator.duration_predictor(hidden, text_mask, w=durations[:, None].to(z.dtype), g=None)
            stats["dur_loss"] = (nll.sum() / text_mask.sum()).detach()
            loss = loss + self.lambda_dur * nll.sum() / text_mask.sum()
        if self.training:
            self.num_batches += 1
        stats["loss"] = kl_loss.detach()
        return force_gatherable((loss, stats, text.shape[0]), loss.device)

    @torch.no_grad()
    def resynthesise(
        self, text: torch.Tensor, text_lengths: torch.Tensor, utt_id: list[str], **kwargs: object
    ) -> dict[str, torch.Tensor]:
        """A text at the recording's durations, to look at and to listen to; ``posterior`` is what it can come to at best.

        Args:
            text: Token ids (1, T_text).
            text_lengths: Tokens (1,).
            utt_id: Its id.
            kwargs: What else a data loader gives is not needed.

        Returns:
            Dict of ``posterior`` and ``prior`` (1, T_wav), decoded from the means of both.
        """
        generator = self.tts.generator
        stored = self.latents.batch(utt_id, text_lengths)
        assert stored.durations is not None
        _, m_p, _, _ = generator.text_encoder(text, text_lengths)
        m_p = expand_by_durations(m_p, stored.durations, stored.m_q.shape[2])
        m = generator.flow(m_p, stored.feats_mask.to(m_p.dtype), g=None, inverse=True)
        return {"posterior": generator.decoder(stored.m_q)[:, 0], "prior": generator.decoder(m)[:, 0]}

    def collect_feats(self, **kwargs: object) -> dict[str, torch.Tensor]:
        """Nothing: the posteriors are stored."""
        return {}
