"""A teacher whose decoder, and what else the file has, begins with the weights of a public voice."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch

from espnet2_nix.modules.vits_generator import folded_names, set_folded_weights
from espnet2_nix.warm_start.errors import TeacherInitError
from espnet2_nix.warm_start.piper import FITS, MEDIUM, PiperVoice, decoder_state, wavenet_module_state

logger = logging.getLogger(__name__)
MAX_DIFFERENCE = 1e-4


def check_decoder_params(generator_params: dict[str, object], where: str | Path) -> None:
    """Compares a configuration's decoder with that of quality medium.

    Raises:
        TeacherInitError: Naming the options that differ.
    """
    wrong = [
        f"{name}: {generator_params.get(name)} instead of {wanted}"
        for name, wanted in MEDIUM.items()
        if generator_params.get(name) != wanted
    ]
    if wrong:
        raise TeacherInitError(
            f"{where}: the start voice's decoder does not fit its generator_params ({'; '.join(wrong)}); "
            "give --teacher_config conf/train_vits_warm_start.yaml"
        )


def import_weights(generator: torch.nn.Module, voice: PiperVoice) -> list[str]:
    """Fills a VITS generator with what a Piper voice has.

    Args:
        generator: ESPnet's generator with a decoder of residual blocks of the second type.
        voice: The voice.

    Returns:
        Names of the modules that were filled.

    Raises:
        TeacherInitError: If a weight of the decoder is missing or misshapen.
    """
    set_folded_weights(generator.decoder, decoder_state(voice, folded_names(generator.decoder)))
    filled = ["decoder"]
    posterior = generator.posterior_encoder
    layers = len(posterior.encoder.conv_layers)
    state = wavenet_module_state(voice, "enc_q", folded_names(posterior), layers)
    if state is not None:
        set_folded_weights(posterior, state)
        filled.append("posterior_encoder")
    states = []
    for i, flow in enumerate(generator.flow.flows):
        if hasattr(flow, "encoder"):
            state = wavenet_module_state(voice, f"flow.flows.{i}", folded_names(flow), len(flow.encoder.conv_layers))
            states.append((flow, state))
    found = [(flow, state) for flow, state in states if state is not None]
    if states and len(found) == len(states):
        for flow, state in found:
            set_folded_weights(flow, state)
        filled.append("flow")
    return filled


def difference_from_graph(decoder: torch.nn.Module, wav: np.ndarray, latent: np.ndarray) -> float:
    """The largest difference between a decoder's samples and those that the voice's graph made of the same latent.

    Args:
        decoder: ESPnet's decoder.
        wav: What the graph spoke (T_wav,), float32.
        latent: The latent it spoke from (T_feats, H), float32.

    Raises:
        TeacherInitError: If their numbers of samples differ.
    """
    z = torch.from_numpy(np.ascontiguousarray(latent.T[None], dtype=np.float32))
    with torch.no_grad():
        found = decoder(z).reshape(-1).numpy()
    if found.shape != wav.shape:
        raise TeacherInitError(
            f"the voice's graph makes {wav.size} samples of {len(latent)} frames, the imported decoder {found.size}; {FITS}"
        )
    return float(np.abs(found - wav).max())


def describe(generator: torch.nn.Module, filled: list[str]) -> str:
    """One line: what came from the start voice and what begins anew, with parameter counts."""
    kept: list[str] = []
    new: list[str] = []
    for name, module in generator.named_children():
        count = sum(p.numel() for p in module.parameters())
        if count:
            (kept if name in filled else new).append(f"{name} {count:,}")
    return f"from the start voice: {', '.join(kept)}; begins anew: {', '.join(new)}"
