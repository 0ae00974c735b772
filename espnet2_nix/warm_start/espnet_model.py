"""An ESPnet VITS of one speaker as the start of a teacher: what it decides, and its weights."""

from __future__ import annotations

import inspect
import tempfile
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from espnet2.gan_tts.vits import VITS
from espnet2.gan_tts.vits.generator import VITSGenerator

from espnet2_nix.models.load_teacher import load_vits
from espnet2_nix.models.model_files import find_files
from espnet2_nix.warm_start.errors import TeacherInitError

FITS = "what fits is an ESPnet VITS of one speaker with the sampling rate and the spectrogram of the data"
GENERATORS = ("vits_generator", "vits_resblock2_generator")
# It has no speech of its own from which a posterior encoder of another size could learn, so it brings that as well.
FOLLOWED = ("decoder_", "use_weight_norm_in_decoder", "posterior_encoder_", "use_weight_norm_in_posterior_encoder")


@dataclass(frozen=True)
class EspnetVoice:
    """An ESPnet VITS.

    Attributes:
        path: Where it was read from.
        tts: The model.
        generator_type: Its generator.
        generator_params: What it decides of a generator: latent channels, decoder and posterior encoder.
        licence: What is known of its licence, one line.
    """

    path: Path
    tts: VITS
    generator_type: str
    generator_params: Mapping[str, Any]
    licence: str


def read_espnet_voice(path: str | Path, fs: int, n_fft: int, n_shift: int) -> EspnetVoice:
    """Reads and checks an ESPnet VITS, without executing anything of it.

    Args:
        path: Folder of a training, its weights (``.pth``) with ``config.yaml`` beside them, or a zip file of the model zoo.
        fs: Sampling rate of the data in Hz.
        n_fft: Points of the data's spectrogram, which is also its window.
        n_shift: Samples a frame.

    Raises:
        UserError: If a file is missing or damaged, it is no VITS, or a weight does not fit its configuration.
        TeacherInitError: Saying what was expected, what was found and what fits.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        model, args = load_vits(*find_files(path, folder))
    tts, features = model.tts, model.feats_extract.get_parameters()
    generator = tts.generator
    if (rate := int(tts.fs)) != fs:
        raise TeacherInitError(f"{path}: expected a VITS of {fs} Hz, found {rate} Hz; {FITS}")
    found = {
        "a hop": (generator.upsample_factor, n_shift, "n_shift"),
        "a spectrogram": (int(features["n_fft"]), n_fft, "n_fft"),
        "a window": (int(features["win_length"] or features["n_fft"]), n_fft, "n_fft"),
    }
    for what, (value, wanted, option) in found.items():
        if value != wanted:
            raise TeacherInitError(
                f"{path}: expected {what} of {wanted} samples, as the data have it (--{option}), found {value}; {FITS}"
            )
    for name in ("spks", "langs", "spk_embed_dim"):
        if getattr(generator, name) is not None:
            raise TeacherInitError(
                f"{path}: expected one speaker and one language, found {name}={getattr(generator, name)}; {FITS}"
            )
    generator_type = args.tts_conf.get("generator_type", "vits_generator")
    if generator_type not in GENERATORS:
        raise TeacherInitError(
            f"{path}: expected a generator {' or '.join(GENERATORS)}, found {generator_type}; {FITS}"
        )
    return EspnetVoice(path, tts, generator_type, _settings(args), _licence(path, args))


def _settings(args: Namespace) -> dict[str, Any]:
    """The values of a training's generator that the teacher takes over; what its configuration leaves out is ESPnet's default."""
    given = args.tts_conf.get("generator_params")
    if given is None:
        given = inspect.signature(VITS.__init__).parameters["generator_params"].default
    defaults = inspect.signature(VITSGenerator.__init__).parameters
    return {
        name: given.get(name, parameter.default)
        for name, parameter in defaults.items()
        if name == "hidden_channels" or name.startswith(FOLLOWED)
    }


def _licence(path: Path, args: Namespace) -> str:
    licence = getattr(args, "license", None) or getattr(args, "init_license", None)
    return f"{path.name} (ESPnet): {licence or 'licence not stated in the file; see where the model came from'}"


def import_espnet_weights(tts: VITS, voice: EspnetVoice) -> list[str]:
    """Fills a VITS with what an ESPnet voice has in the same shapes; its text side begins anew, for other tokens.

    Args:
        tts: The teacher, whose decoder and posterior encoder are built as the voice's.
        voice: The voice.

    Returns:
        Names of the modules that were filled.

    Raises:
        TeacherInitError: If the decoder or the posterior encoder does not fit.
    """
    filled = []
    for name in ("decoder", "posterior_encoder", "flow", "discriminator"):
        source, target = (module_of(model, name) for model in (voice.tts, tts))
        state = source.state_dict()
        own = target.state_dict()
        if {n: v.shape for n, v in own.items()} == {n: v.shape for n, v in state.items()}:
            target.load_state_dict(state, strict=True)
            filled.append(name)
    if missing := {"decoder", "posterior_encoder"}.difference(filled):
        raise TeacherInitError(
            f"{voice.path}: {' and '.join(sorted(missing))} do not fit the teacher's configuration; {FITS}"
        )
    return filled


def module_of(tts: VITS, name: str) -> torch.nn.Module:
    """A module of a VITS: the discriminator, or a part of the generator."""
    return tts.discriminator if name == "discriminator" else getattr(tts.generator, name)


def difference_of_decoders(tts: VITS, voice: EspnetVoice, num_frames: int = 40) -> float:
    """The largest difference between the samples of a teacher's decoder and those of the voice's, of the same random latent."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(1, int(voice.generator_params["hidden_channels"]), num_frames, generator=generator)
    with torch.no_grad():
        return float((tts.generator.decoder(z) - voice.tts.generator.decoder(z)).abs().max())
