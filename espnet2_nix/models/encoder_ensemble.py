"""Several student encoders as one teacher of a text that nobody recorded."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.models.nix_encoder import NixEncoder


class EncoderEnsemble:
    """Frozen student encoders that read a text together.

    Encoders that differ in their seed alone err in different directions where little speech was to learn from; a student
    that learns their common latent on further text has the ensemble's errors at one encoder's cost (distillation of an
    ensemble, arXiv 1503.02531, section 4). Its latents take the place of ``VITSTeacher.prior``.

    Args:
        encoders: Distilled encoders of one latent space and token list, two or more.

    Raises:
        UserError: If there are fewer, or they differ in latent channels or tokens.
    """

    def __init__(self, encoders: Sequence[NixEncoder]) -> None:
        if len(encoders) < 2:
            raise UserError(f"an ensemble: expected two encoders or more, found {len(encoders)}")
        sizes = {(encoder.latent_channels, encoder.num_tokens) for encoder in encoders}
        if len(sizes) > 1:
            raise UserError(f"an ensemble: expected encoders of one latent and token list, found {sorted(sizes)}")
        self.encoders = [encoder.eval().requires_grad_(False) for encoder in encoders]

    @torch.no_grad()
    def prior(
        self, text: torch.Tensor, seed: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """The latent with which the encoders would speak a text, as a diagonal Gaussian.

        Of the mixture of their Gaussians it has the mean and the variance: no Gaussian has a smaller divergence from it.
        Durations are the geometric mean of theirs, rounded and not rounded up: the student that learns them rounds up itself
        when it speaks, and would otherwise do it twice. Encoders that know of pitch speak at the mean of what they predict: each at its
        own, their latents would be a mean over intonations again.

        Args:
            text: Token ids (1, T_text).
            seed: Of stochastic duration predictors.

        Returns:
            Mean and log standard deviation (1, H, T_feats), durations (1, T_text), int64, at least 1, and pitch (1, 2, T_text), as
            ``PitchPredictor`` has it, or None where an encoder knows of none.
        """
        text_lengths = torch.tensor([text.shape[1]], device=text.device)
        logs, pitches = [], []
        with torch.random.fork_rng(devices=[text.device] if text.is_cuda else []):
            torch.manual_seed(seed)
            for encoder in self.encoders:
                hidden, text_mask = encoder.to(text.device).text_encoder(text, text_lengths)
                logs.append(encoder.duration_predictor.predict(hidden, text_mask))
                if encoder.pitch_predictor is not None:
                    pitches.append(encoder.pitch_predictor(hidden, text_mask))
        durations = torch.exp(torch.stack(logs).mean(0)).round().clamp(min=1).long()
        pitch = torch.stack(pitches).mean(0) if len(pitches) == len(self.encoders) else None
        latents = [encoder(text, text_lengths, durations, pitch=pitch) for encoder in self.encoders]
        means = torch.stack([latent["m_s"] for latent in latents])
        variance_of_means, mean = torch.var_mean(means, dim=0, correction=0)
        variance = torch.exp(2 * torch.stack([latent["logs_s"] for latent in latents])).mean(0) + variance_of_means
        return mean, 0.5 * torch.log(variance), durations, pitch
