"""A teacher whose decoder, and what else the file has, begins with the weights of a public voice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from espnet2.gan_tts.vits import VITS

from espnet2_nix.modules.vits_generator import folded_names, set_folded_weights
from espnet2_nix.warm_start.errors import TeacherInitError
from espnet2_nix.warm_start.espnet_model import module_of
from espnet2_nix.warm_start.piper import FITS, PiperVoice, decoder_state, wavenet_module_state

MAX_DIFFERENCE = 1e-4


def follow_voice(tts_conf: dict[str, Any], generator_type: str, generator_params: Mapping[str, Any]) -> list[str]:
    """Lets a teacher's configuration take on what a start voice decides: no size of a decoder can be chosen that was trained.

    Args:
        tts_conf: ``tts_conf`` of the configuration; changed in place.
        generator_type: The generator that has the voice's decoder.
        generator_params: The values that the voice decides.

    Returns:
        What was changed, each as ``name: VALUE instead of VALUE``.
    """
    wanted = {"generator_type": generator_type, **generator_params}
    changed = []
    for name, value in wanted.items():
        place = tts_conf if name == "generator_type" else tts_conf["generator_params"]
        if place.get(name) != value:
            changed.append(f"{name}: {value} instead of {place.get(name)}")
            place[name] = value
    return changed


def import_weights(generator: torch.nn.Module, voice: PiperVoice) -> list[str]:
    """Fills a VITS generator with what a Piper voice has.

    Args:
        generator: ESPnet's generator whose decoder is built as the voice's.
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


def describe(tts: VITS, filled: list[str]) -> str:
    """One line: what came from the start voice and what begins anew, with parameter counts."""
    kept: list[str] = []
    new: list[str] = []
    for name in [*(name for name, _ in tts.generator.named_children()), "discriminator"]:
        count = sum(p.numel() for p in module_of(tts, name).parameters())
        if count:
            (kept if name in filled else new).append(f"{name} {count:,}")
    return f"from the start voice: {', '.join(kept)}; begins anew: {', '.join(new)}"
