"""The student decoders that ship, by the names the configurations use."""

from __future__ import annotations

from typing import Any

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.modules.hifigan_decoder import HiFiGANDecoder
from espnet2_nix.modules.istft_decoder import ISTFTDecoder
from espnet2_nix.modules.resblock2_decoder import ResBlock2Decoder

DECODERS: dict[str, type[torch.nn.Module]] = {
    "hifigan": HiFiGANDecoder,
    "istft": ISTFTDecoder,
    "resblock2": ResBlock2Decoder,  # that of a teacher from a public voice
}


def build_decoder(decoder: str, latent_channels: int, decoder_conf: dict[str, Any] | None = None) -> torch.nn.Module:
    """A decoder from latent (B, H, T_feats) to waveform (B, 1, hop * T_feats).

    Args:
        decoder: ``hifigan``, ``istft`` or ``resblock2``.
        latent_channels: Channels H of the teacher's latent.
        decoder_conf: Further arguments of the decoder's class; ``in_channels`` among them is the teacher's to decide.

    Raises:
        UserError: If the name is unknown.
    """
    if decoder not in DECODERS:
        raise UserError(f"decoder must be one of {sorted(DECODERS)}, found {decoder!r}")
    return DECODERS[decoder](**{**(decoder_conf or {}), "in_channels": latent_channels})
