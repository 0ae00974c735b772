"""What every training takes from a recording: its linear spectrogram and the numbers that decide it."""

from __future__ import annotations

import torch
from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram

from espnet2_nix.errors import UserError


class RecordingFeatures:
    """Linear spectrograms of recordings, and the tokens and channels of the models that learn from them.

    No torch.nn.Module on purpose: a model that holds it neither saves nor trains it. Weights move to the device of what
    it is given.

    Args:
        feats_extract: Feature extraction, a linear amplitude spectrogram.
        fs: Sampling rate in Hz.
        token_list: Tokens, in the order of their ids.
        latent_channels: Channels H of the latent between encoder and decoder.
    """

    def __init__(
        self,
        feats_extract: LinearSpectrogram,
        fs: int,
        token_list: list[str] | tuple[str, ...],
        latent_channels: int,
    ) -> None:
        parameters = feats_extract.get_parameters()
        self.feats_extract = feats_extract.eval().requires_grad_(False)
        self.fs = fs
        self.n_fft = int(parameters["n_fft"])
        self.hop_length = int(parameters["n_shift"])
        self.win_length = int(parameters["win_length"] or self.n_fft)
        self.latent_channels = latent_channels
        self.token_list = list(token_list)
        self._device: torch.device | None = None

    def check_encoder(self, latent_channels: int, num_tokens: int) -> None:
        """Compares a student encoder's sizes with those of what it learns from.

        Raises:
            UserError: If latent channels or tokens differ.
        """
        if latent_channels != self.latent_channels:
            raise UserError(
                f"the encoder writes {latent_channels} latent channels, the teacher has {self.latent_channels}: set "
                f"encoder_conf.latent_channels to {self.latent_channels}"
            )
        if num_tokens != len(self.token_list):
            raise UserError(
                f"the encoder knows {num_tokens} tokens, the teacher {len(self.token_list)}; both must have the same token list"
            )

    def modules(self) -> list[torch.nn.Module]:
        """What ``to`` moves."""
        return [self.feats_extract]

    def to(self, device: torch.device) -> RecordingFeatures:
        """Moves the weights to ``device`` if they are elsewhere."""
        if self._device != device:
            for module in self.modules():
                module.to(device)
            self._device = device
        return self

    @torch.no_grad()
    def feats(self, speech: torch.Tensor, speech_lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Linear amplitude spectrogram.

        Args:
            speech: Waveform (B, T_wav), float32 in [-1, 1].
            speech_lengths: Samples (B,).

        Returns:
            feats (B, F, T_feats) with F = n_fft / 2 + 1, and feats_lengths (B,) = samples // hop + 1.
        """
        self.to(speech.device)
        feats, feats_lengths = self.feats_extract(speech, speech_lengths)
        return feats.transpose(1, 2), feats_lengths  # (B, T_feats, F) -> (B, F, T_feats)
