"""The assembled student, as ESPnet's text-to-speech model class."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from espnet2.tts.abs_tts import AbsTTS

from espnet2_nix.errors import UserError
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.nix_encoder import NixEncoder


class NixTTS(AbsTTS):
    """Nix-TTS (arXiv 2203.15643): student encoder and decoder. Knows no teacher, aligner or discriminator.

    Args:
        idim: Size of the token list.
        odim: Dimension of ESPnet's features; unused, since the output is a waveform.
        fs: Sampling rate in Hz.
        encoder_conf: Arguments of ``NixEncoder`` besides the number of tokens.
        decoder: ``hifigan`` or ``istft``.
        decoder_conf: Arguments of the decoder besides its input channels.
        noise_scale: Default factor on the latent's standard deviation.
        noise_scale_dur: Default noise of the stochastic duration predictor.
    """

    spks = None
    langs = None
    spk_embed_dim = None

    def __init__(
        self,
        idim: int,
        odim: int | None = None,
        fs: int = 22050,
        encoder_conf: dict[str, Any] | None = None,
        decoder: str = "hifigan",
        decoder_conf: dict[str, Any] | None = None,
        noise_scale: float = 0.667,
        noise_scale_dur: float = 0.8,
    ) -> None:
        super().__init__()
        self.encoder = NixEncoder(idim, **(encoder_conf or {}))
        self.encoder.drop_training_only()
        self.decoder = build_decoder(decoder, self.encoder.latent_channels, decoder_conf)
        self.decoder.remove_weight_norm()
        self.fs = fs
        self.noise_scale = noise_scale
        self.noise_scale_dur = noise_scale_dur

    @property
    def require_raw_speech(self) -> bool:
        """Whether training needs the waveform; this class is trained in parts, elsewhere."""
        return False

    @property
    def require_vocoder(self) -> bool:
        """Whether a vocoder must follow."""
        return False

    def forward(self, *args: object, **kwargs: object) -> None:
        """Not a training step.

        Raises:
            NotImplementedError: Always; stages 7 and 8 train the parts.
        """
        raise NotImplementedError(
            "NixTTS is assembled, not trained: train its encoder in stage 7 and its decoder in stage 8"
        )

    @torch.no_grad()
    def inference(
        self,
        text: torch.Tensor,
        durations: torch.Tensor | None = None,
        alpha: float = 1.0,
        noise_scale: float | None = None,
        noise_scale_dur: float | None = None,
        seed: int | None = None,
        use_teacher_forcing: bool = False,
        **kwargs: object,
    ) -> dict[str, torch.Tensor]:
        """Speech of one text.

        Args:
            text: Token ids (T_text,).
            durations: Frames of each token (T_text,) to use instead of predicted ones.
            alpha: Factor on the predicted durations; above 1 is slower.
            noise_scale: Factor on the latent's standard deviation; None is the model's default.
            noise_scale_dur: Noise of the stochastic duration predictor; None is the model's default.
            seed: Seed of the noise; None draws one from torch's generator.
            use_teacher_forcing: Accepted for ESPnet's call; durations are used whenever they are given.
            kwargs: What else ESPnet passes (feats) is not needed.

        Returns:
            Dict of ``wav`` (T_wav,) float32 and ``duration`` (T_text,) int64 in frames.

        Raises:
            UserError: If the text is empty or an id is outside the token list.
        """
        if text.numel() == 0:
            raise UserError("expected at least one token, found an empty text")
        if int(text.min()) < 0 or int(text.max()) >= self.encoder.num_tokens:
            raise UserError(
                f"expected token ids of 0 to {self.encoder.num_tokens - 1}, found {int(text.min())} to {int(text.max())}"
            )
        if seed is None:
            seed = int(torch.randint(2**31, ()))
        noise_scale = self.noise_scale if noise_scale is None else noise_scale
        noise_scale_dur = self.noise_scale_dur if noise_scale_dur is None else noise_scale_dur
        # The stochastic duration predictor draws from torch's generator: fork it, so that a caller's draws stay as
        # they are and the seed decides every sample.
        with torch.random.fork_rng(devices=[text.device] if text.is_cuda else []):
            torch.manual_seed(seed)
            latent = self.encoder(
                text[None],
                torch.tensor([text.numel()], device=text.device),
                durations=None if durations is None else durations[None].long(),
                alpha=alpha,
                noise_scale_dur=noise_scale_dur,
            )
        z_s = latent["m_s"] + noise_scale * torch.exp(latent["logs_s"]) * latent_noise(latent["m_s"], seed)
        wav = self.decoder(z_s * latent["feats_mask"])
        return {"wav": wav.reshape(-1), "duration": latent["durations"][0]}


def latent_noise(like: torch.Tensor, seed: int) -> torch.Tensor:
    """Standard normal noise, the same for a seed on every device and in the runtime without torch.

    Args:
        like: Latent (1, H, T_feats) whose shape, device and dtype are taken.
        seed: Non-negative seed of NumPy's PCG64. Drawn frame by frame, so that a longer text keeps the noise of its
            beginning and a stream can draw it in pieces.

    Returns:
        Noise (1, H, T_feats).
    """
    _, channels, num_frames = like.shape
    noise = np.random.default_rng(seed).standard_normal((num_frames, channels), dtype=np.float32)
    return torch.from_numpy(noise.T.copy())[None].to(like)
