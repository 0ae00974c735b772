"""VITS with the decoder that public voices have: residual blocks of HiFi-GAN's second type."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from espnet2.gan_tts.hifigan import HiFiGANGenerator
from espnet2.gan_tts.vits.generator import VITSGenerator


class VITSResBlock2Generator(VITSGenerator):
    """ESPnet's ``VITSGenerator`` whose decoder has one convolution a dilation in a residual block, not two.

    HiFi-GAN's V3 (arXiv 2010.05646, appendix A) and Piper's voices of quality *medium* are built so. ESPnet's generator does not
    pass the choice on. Registered as ``generator_type: vits_resblock2_generator``; ESPnet gives tokens and spectrogram
    bins only to its own generator, so ``generator_params`` names them.

    Args:
        vocabs: Tokens.
        aux_channels: Bins F of the linear spectrogram.
        kwargs: As for ``VITSGenerator``.
    """

    def __init__(self, vocabs: int, aux_channels: int = 513, **kwargs: Any) -> None:
        super().__init__(vocabs=vocabs, aux_channels=aux_channels, **kwargs)
        use_weight_norm = kwargs.get("use_weight_norm_in_decoder", True)
        self.decoder = HiFiGANGenerator(
            in_channels=kwargs.get("hidden_channels", 192),
            out_channels=1,
            channels=kwargs.get("decoder_channels", 512),
            global_channels=kwargs.get("global_channels", -1),
            kernel_size=kwargs.get("decoder_kernel_size", 7),
            upsample_scales=kwargs.get("decoder_upsample_scales", [8, 8, 2, 2]),
            upsample_kernel_sizes=kwargs.get("decoder_upsample_kernel_sizes", [16, 16, 4, 4]),
            resblock_kernel_sizes=kwargs.get("decoder_resblock_kernel_sizes", [3, 7, 11]),
            resblock_dilations=kwargs.get("decoder_resblock_dilations", [[1, 3, 5], [1, 3, 5], [1, 3, 5]]),
            use_additional_convs=False,
            use_weight_norm=use_weight_norm,
        )


def set_folded_weights(module: torch.nn.Module, state: dict[str, np.ndarray]) -> None:
    """Loads weights without weight norm into a module that may have it: direction = weight, gain = its norm.

    Args:
        module: Every parameter of it must be in ``state``, under its name without weight norm.
        state: Arrays by name.
    """
    own = module.state_dict()
    filled: dict[str, torch.Tensor] = {}
    for name in own:
        if name.endswith(("weight_v", "weight_g")):
            weight = torch.from_numpy(np.array(state[name[:-2]]))
            filled[name] = weight if name.endswith("v") else weight.flatten(1).norm(dim=1).reshape(own[name].shape)
        else:
            filled[name] = torch.from_numpy(np.array(state[name]))
    module.load_state_dict(filled, strict=True)


def folded_names(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A module's state dict as it would be without weight norm: names to tensors of the right shape."""
    return {
        name[:-2] if name.endswith("weight_v") else name: tensor
        for name, tensor in module.state_dict().items()
        if not name.endswith("weight_g")
    }
