"""The student encoder that ships: text to the teacher's latent space."""

from __future__ import annotations

from typing import Any

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.modules.duration_predictor import DeterministicDurationPredictor, StochasticDurationPredictor
from espnet2_nix.modules.latent_encoder import LatentEncoder
from espnet2_nix.modules.length_regulator import durations_from_log, durations_to_attn, expand
from espnet2_nix.modules.pitch_predictor import PitchPredictor
from espnet2_nix.modules.text_encoder import TextEncoder

DURATION_PREDICTORS = {
    "deterministic": DeterministicDurationPredictor,
    "stochastic": StochasticDurationPredictor,
}


class NixEncoder(torch.nn.Module):
    """Nix-TTS encoder (arXiv 2203.15643): text encoder, duration predictor, length regulator and latent encoder.

    Args:
        num_tokens: Size of the token list.
        latent_channels: Channels H of the teacher's latent.
        channels: Channels of the student's hidden representation.
        text_encoder_conf: Further arguments of ``TextEncoder``.
        duration_predictor: ``deterministic`` or ``stochastic``.
        duration_predictor_conf: Further arguments of the duration predictor.
        latent_encoder_conf: Further arguments of ``LatentEncoder``.
        pitch_predictor_conf: Further arguments of ``PitchPredictor``; None: the encoder knows of no pitch, as published.

    Raises:
        UserError: If the duration predictor is unknown.
    """

    def __init__(
        self,
        num_tokens: int,
        latent_channels: int = 192,
        channels: int = 192,
        text_encoder_conf: dict[str, Any] | None = None,
        duration_predictor: str = "deterministic",
        duration_predictor_conf: dict[str, Any] | None = None,
        latent_encoder_conf: dict[str, Any] | None = None,
        pitch_predictor_conf: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if duration_predictor not in DURATION_PREDICTORS:
            raise UserError(
                f"duration_predictor must be one of {sorted(DURATION_PREDICTORS)}, found {duration_predictor!r}"
            )
        self.num_tokens = num_tokens
        self.channels = channels
        self.latent_channels = latent_channels
        self.text_encoder = TextEncoder(num_tokens, channels=channels, **(text_encoder_conf or {}))
        conf = {**(duration_predictor_conf or {}), "channels": channels}
        self.duration_predictor = DURATION_PREDICTORS[duration_predictor](**conf)
        self.latent_encoder = LatentEncoder(
            channels=channels, latent_channels=latent_channels, **(latent_encoder_conf or {})
        )
        self.pitch_predictor = (
            None if pitch_predictor_conf is None else PitchPredictor(channels=channels, **pitch_predictor_conf)
        )

    def drop_training_only(self) -> None:
        """Removes what only training needs: the posterior half of a stochastic duration predictor."""
        self.duration_predictor.drop_training_only()

    def predict_durations(
        self,
        hidden: torch.Tensor,
        text_mask: torch.Tensor,
        alpha: float = 1.0,
        noise_scale_dur: float = 0.8,
    ) -> torch.Tensor:
        """Frames of each token.

        Args:
            hidden: Hidden text representation (B, C, T_text).
            text_mask: (B, 1, T_text).
            alpha: Factor on the durations; above 1 is slower.
            noise_scale_dur: Noise of the stochastic predictor; the deterministic one has none.

        Returns:
            durations (B, T_text), int64, at least 1 on real tokens and 0 on padding.
        """
        log_durations = self.duration_predictor.predict(hidden, text_mask, noise_scale_dur)
        return durations_from_log(log_durations, text_mask, alpha)

    def forward(
        self,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        durations: torch.Tensor | None = None,
        alpha: float = 1.0,
        noise_scale_dur: float = 0.8,
        pitch: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Latent distribution of a text.

        Args:
            text: Token ids (B, T_text).
            text_lengths: Tokens (B,).
            durations: Frames of each token (B, T_text) to use instead of predicted ones.
            alpha: Factor on the predicted durations.
            noise_scale_dur: Noise of the stochastic duration predictor.
            pitch: Of each token (B, 2, T_text) to use instead of predicted ones; an encoder that knows of no pitch leaves it.

        Returns:
            Dict of ``m_s`` and ``logs_s`` (B, H, T_feats), ``durations`` (B, T_text) and ``feats_mask``
            (B, 1, T_feats).
        """
        hidden, text_mask = self.text_encoder(text, text_lengths)
        if durations is None:
            durations = self.predict_durations(hidden, text_mask, alpha, noise_scale_dur)
        if self.pitch_predictor is not None:
            if pitch is None:
                pitch = self.pitch_predictor(hidden, text_mask)
            hidden = self.pitch_predictor.add(hidden, pitch, text_mask)
        feats_lengths = durations.sum(1)
        attn = durations_to_attn(durations, int(feats_lengths.max()))
        feats_mask = attn.sum(2)[:, None].to(hidden.dtype)  # each real frame has one token: (B, 1, T_feats)
        m_s, logs_s = self.latent_encoder(expand(hidden, attn.to(hidden.dtype)), feats_mask)
        return {"m_s": m_s, "logs_s": logs_s, "durations": durations, "feats_mask": feats_mask}
