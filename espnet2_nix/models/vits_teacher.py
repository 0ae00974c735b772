"""An ESPnet VITS cut at its latent: posterior, alignment, prior, decoder; the teacher's own package is never edited."""

from __future__ import annotations

import math

import torch
from espnet2.gan_tts.utils import get_segments
from espnet2.gan_tts.vits import VITS
from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram

from espnet2_nix.aligner.monotonic_alignment import maximum_path
from espnet2_nix.errors import UserError
from espnet2_nix.models.recording_features import RecordingFeatures
from espnet2_nix.modules.length_regulator import durations_from_log, durations_to_attn, expand


class VITSTeacher(RecordingFeatures):
    """A frozen VITS (arXiv 2106.06103), cut at its latent z.

    As no torch.nn.Module it is neither saved nor trained with a student that holds it, and ``student.train()`` cannot
    switch its dropout on.

    Args:
        vits: The trained model, one speaker.
        feats_extract: Its feature extraction, a linear amplitude spectrogram.
        fs: Sampling rate in Hz.
        token_list: Its tokens, in the order of their ids.

    Raises:
        UserError: If the teacher has several speakers or languages, or if its decoder's hop differs from its features'.
    """

    def __init__(
        self, vits: VITS, feats_extract: LinearSpectrogram, fs: int, token_list: list[str] | tuple[str, ...]
    ) -> None:
        generator = vits.generator
        for name in ("spks", "langs", "spk_embed_dim"):
            if getattr(generator, name) is not None:
                raise UserError(
                    f"expected a teacher of one speaker and one language, found {name}={getattr(generator, name)}"
                )
        parameters = feats_extract.get_parameters()
        if parameters["n_shift"] != generator.upsample_factor:
            raise UserError(
                f"the teacher's features have a hop of {parameters['n_shift']} samples, "
                f"its decoder makes {generator.upsample_factor} a frame; they must be equal"
            )
        super().__init__(feats_extract, fs, token_list, int(generator.posterior_encoder.proj.out_channels // 2))
        self.generator = generator.eval().requires_grad_(False)
        # Frames on either side that decide the posterior at a frame.
        self.posterior_context = sum(
            layer.dilation[0] * (layer.kernel_size[0] - 1) // 2
            for layer in generator.posterior_encoder.modules()
            if isinstance(layer, torch.nn.Conv1d)
        )

    def modules(self) -> list[torch.nn.Module]:
        """What ``to`` moves."""
        return [self.generator, self.feats_extract]

    @torch.no_grad()
    def posterior(
        self, feats: torch.Tensor, feats_lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Posterior distribution of the latent given the recording.

        Args:
            feats: Linear spectrogram (B, F, T_feats).
            feats_lengths: Frames (B,).

        Returns:
            m_q and logs_q (B, H, T_feats), and feats_mask (B, 1, T_feats), 1 on real frames.
        """
        self.to(feats.device)
        _, m_q, logs_q, feats_mask = self.generator.posterior_encoder(feats, feats_lengths, g=None)
        return m_q, logs_q, feats_mask.to(m_q.dtype)

    @torch.no_grad()
    def posterior_segments(
        self, feats: torch.Tensor, feats_lengths: torch.Tensor, starts: torch.Tensor, size: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The posterior at one segment an utterance, as `posterior` has it there, from the frames that reach it alone.

        Args:
            feats: Linear spectrogram (B, F, T_feats).
            feats_lengths: Frames (B,).
            starts: First frames of the segments (B,).
            size: Frames of a segment, which lies within its utterance.

        Returns:
            m_q and logs_q (B, H, size).
        """
        # A window begins at the utterance's own beginning, where the encoder pads, or as far before the segment as the
        # encoder sees; it ends likewise.
        first = (starts - self.posterior_context).clamp(min=0)
        lengths = (feats_lengths - first).clamp(max=size + 2 * self.posterior_context)
        width = int(lengths.max())
        window = get_segments(torch.nn.functional.pad(feats, (0, width)), first, width)
        m_q, logs_q, _ = self.posterior(window, lengths)
        return get_segments(m_q, starts - first, size), get_segments(logs_q, starts - first, size)

    @torch.no_grad()
    def alignment(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        m_q: torch.Tensor,
        feats_mask: torch.Tensor,
    ) -> torch.Tensor:
        """The teacher's own hard alignment (VITS, equations 5 to 7).

        The posterior mean goes through the flow instead of a sample of it, so that durations repeat from call to call.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            m_q: Posterior mean (B, H, T_feats).
            feats_mask: (B, 1, T_feats).

        Returns:
            attn (B, T_feats, T_text) of 0 and 1.

        Raises:
            UserError: If an utterance has more tokens than frames.
        """
        self.to(m_q.device)
        _, m_p, logs_p, _ = self.generator.text_encoder(text, text_lengths)
        z_p = self.generator.flow(m_q, feats_mask, g=None)  # (B, H, T_feats)
        precision = torch.exp(-2 * logs_p)  # (B, H, T_text)
        constant = torch.sum(-0.5 * math.log(2 * math.pi) - logs_p - 0.5 * m_p**2 * precision, 1, keepdim=True)
        square = torch.matmul(-0.5 * (z_p**2).transpose(1, 2), precision)  # (B, T_feats, T_text)
        cross = torch.matmul(z_p.transpose(1, 2), m_p * precision)  # (B, T_feats, T_text)
        feats_lengths = feats_mask.sum(dim=(1, 2)).long()
        return maximum_path((constant + square + cross).float(), text_lengths, feats_lengths)

    @torch.no_grad()
    def prior(
        self, text: torch.Tensor, num_samples: int = 8, noise_scale_dur: float = 0.8, seed: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The latent with which the teacher would speak a text, as a diagonal Gaussian.

        The flow makes the prior (VITS, section 2.2.2) no Gaussian: its mean and variance are those of samples. For a
        student that is Gaussian itself, the expected likelihood of the samples depends on nothing else.

        Args:
            text: Token ids (1, T_text).
            num_samples: Samples of the latent, 2 or more.
            noise_scale_dur: Noise of the teacher's duration predictor.
            seed: Of durations and samples.

        Returns:
            Mean and log standard deviation (1, H, T_feats), and durations (1, T_text), int64, at least 1.
        """
        self.to(text.device)
        with torch.random.fork_rng(devices=[text.device] if text.is_cuda else []):
            torch.manual_seed(seed)
            text_lengths = torch.tensor([text.shape[1]], device=text.device)
            hidden, m_p, logs_p, text_mask = self.generator.text_encoder(text, text_lengths)
            log_durations = self.generator.duration_predictor(
                hidden, text_mask, g=None, inverse=True, noise_scale=noise_scale_dur
            )  # (1, 1, T_text)
            durations = durations_from_log(log_durations[:, 0], text_mask)
            attn = durations_to_attn(durations, int(durations.sum()))
            m_p, std_p = expand(m_p, attn), torch.exp(expand(logs_p, attn))
            z_p = m_p + std_p * torch.randn(num_samples, *m_p.shape[1:], device=text.device)
        feats_mask = torch.ones_like(z_p[:, :1])
        z = self.generator.flow(z_p, feats_mask, g=None, inverse=True)
        variance, mean = torch.var_mean(z, dim=0, keepdim=True, correction=0)
        return mean, 0.5 * torch.log(variance + 1e-8), durations

    @torch.no_grad()
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Waveform of a latent: (B, H, T_feats) -> (B, 1, hop * T_feats)."""
        self.to(z.device)
        return self.generator.decoder(z, g=None)
