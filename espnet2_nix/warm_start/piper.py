"""Reading a Piper voice: its settings, the weights of its modules, and the graph that makes a latent audible."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_nix.warm_start.errors import TeacherInitError

# The decoder of quality "medium": HiFi-GAN with residual blocks of the second type, no second convolution in a block.
MEDIUM = {
    "hidden_channels": 192,
    "decoder_kernel_size": 7,
    "decoder_channels": 256,
    "decoder_upsample_scales": [8, 8, 4],
    "decoder_upsample_kernel_sizes": [16, 16, 8],
    "decoder_resblock_kernel_sizes": [3, 5, 7],
    "decoder_resblock_dilations": [[1, 2], [2, 6], [3, 12]],
}
# That of quality "high": HiFi-GAN V1 (arXiv 2010.05646) with two convolutions a dilation, which is ESPnet's own generator.
HIGH = {
    "hidden_channels": 192,
    "decoder_kernel_size": 7,
    "decoder_channels": 512,
    "decoder_upsample_scales": [8, 8, 2, 2],
    "decoder_upsample_kernel_sizes": [16, 16, 4, 4],
    "decoder_resblock_kernel_sizes": [3, 7, 11],
    "decoder_resblock_dilations": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
}
FITS = "what fits is a Piper voice of quality medium or high: one speaker, 22050 Hz, a hop of 256 samples"


@dataclass(frozen=True)
class PiperVoice:
    """A Piper voice of quality *medium* or *high*.

    Attributes:
        path: The file it was read from.
        sample_rate: Hz.
        phoneme_ids: Ids of each symbol, as the voice's JSON has them.
        language: Its espeak-ng voice, ``en-us``; empty where the JSON names none.
        weights: Arrays by name as in the original VITS (``dec.conv_pre.weight``), without weight norm.
        licence: What the voice says about its licence and origin, one line.
    """

    path: Path
    sample_rate: int
    phoneme_ids: Mapping[str, list[int]]
    language: str
    weights: Mapping[str, np.ndarray]
    licence: str

    @property
    def is_graph(self) -> bool:
        """Whether the voice can speak, being a graph and not a training's checkpoint."""
        return self.path.suffix == ".onnx"

    @property
    def is_high(self) -> bool:
        """Whether its residual blocks have two convolutions a dilation."""
        return "dec.resblocks.0.convs1.0.weight" in self.weights

    @property
    def generator_type(self) -> str:
        """The generator that has such a decoder."""
        return "vits_generator" if self.is_high else "vits_resblock2_generator"

    @property
    def generator_params(self) -> dict[str, Any]:
        """What the voice decides of a generator: its decoder, and of a checkpoint, which cannot speak, the posterior encoder."""
        params: dict[str, Any] = dict(HIGH if self.is_high else MEDIUM)
        layers = sum(bool(re.fullmatch(r"enc_q\.enc\.in_layers\.\d+\.weight", name)) for name in self.weights)
        if layers:
            params |= {
                "posterior_encoder_kernel_size": self.weights["enc_q.enc.in_layers.0.weight"].shape[2],
                "posterior_encoder_layers": layers,
                "posterior_encoder_stacks": 1,
                "posterior_encoder_base_dilation": 1,
            }
        return params


def read_piper_voice(path: str | Path, fs: int, n_shift: int) -> PiperVoice:
    """Reads and checks a Piper voice.

    Args:
        path: ``NAME.onnx``, with ``NAME.onnx.json`` beside it, or a training's ``.ckpt`` with ``config.json`` or
            ``NAME.ckpt.json`` beside it.
        fs: Sampling rate of the data in Hz, which the voice must have.
        n_shift: Samples a frame of the data, which must be the hop of the voice.

    Raises:
        TeacherInitError: Saying what was expected, what was found and what fits.
    """
    path = Path(path)
    info = _read_settings(path)
    audio = info.get("audio")
    rate = audio.get("sample_rate") if isinstance(audio, dict) else None
    quality = audio.get("quality") if isinstance(audio, dict) else None
    if rate != fs:
        raise TeacherInitError(
            f"{path}: expected a voice of {fs} Hz, found {rate} Hz"
            f"{f' (quality {quality})' if quality else ''}; {FITS}. Voices of quality low and x_low have 16000 Hz"
        )
    if info.get("num_speakers", 1) not in (0, 1, None):
        raise TeacherInitError(f"{path}: expected a voice of one speaker, found {info['num_speakers']}; {FITS}")
    weights = _onnx_weights(path) if path.suffix == ".onnx" else _checkpoint_weights(path)
    _check_decoder(path, weights, n_shift)
    phoneme_ids = info.get("phoneme_id_map")
    espeak = info.get("espeak")
    language = espeak.get("voice", "") if isinstance(espeak, dict) else ""
    return PiperVoice(
        path=path,
        sample_rate=rate,
        phoneme_ids=phoneme_ids if isinstance(phoneme_ids, dict) else {},
        language=str(language),
        weights=weights,
        licence=_licence(path, info),
    )


def _read_settings(path: Path) -> dict[str, Any]:
    candidates = [path.with_name(path.name + ".json")]
    if path.suffix == ".ckpt":
        candidates.append(path.with_name("config.json"))
    if not path.is_file():
        raise TeacherInitError(f"{path} not found; give the file of a voice: {FITS}")
    for candidate in candidates:
        if candidate.is_file():
            try:
                info = json.loads(candidate.read_text(encoding="utf-8"))
            except (ValueError, OSError) as error:
                raise TeacherInitError(f"{candidate} cannot be read as JSON: {error}; download it again") from error
            if not isinstance(info, dict):
                raise TeacherInitError(f"{candidate}: expected an object of settings, found {type(info).__name__}")
            return info
    raise TeacherInitError(
        f"{' or '.join(c.name for c in candidates)} not found beside {path}; "
        "a Piper voice has two files, download the second into the same folder"
    )


def _licence(path: Path, info: Mapping[str, Any]) -> str:
    """One line on the origin of the start voice: from MODEL_CARD beside it, or from the JSON's key, else unknown."""
    name = path.name.removesuffix(path.suffix)
    card = path.with_name("MODEL_CARD")
    if isinstance(info.get("license"), str) and info["license"].strip():
        return f"{name} (Piper): {info['license'].strip()}"
    if card.is_file():
        lines = card.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            if match := re.match(r"\W*licen[sc]e\W+(\S.*)", line, flags=re.IGNORECASE):
                return f"{name} (Piper): {match[1].strip()}"
    return f"{name} (Piper): licence not stated beside the file; see the voice's model card"


def _onnx_weights(path: Path) -> dict[str, np.ndarray]:
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(str(path)).graph
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    except Exception as error:  # protobuf, value and attribute errors, all of a damaged file
        raise TeacherInitError(f"{path} cannot be read as an ONNX graph: {error}; download it again") from error
    # What the exporter left without a name is the WaveNets' weights: the bias beside them tells which.
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[1].startswith("onnx::"):
            weights[node.input[2].removesuffix("bias") + "weight"] = weights[node.input[1]]
    return {name: array for name, array in weights.items() if not name.startswith("onnx::")}


def _checkpoint_weights(path: Path) -> dict[str, np.ndarray]:
    import pathlib

    import torch

    try:
        # Lightning stores the paths of its training as pathlib objects: they hold a string and run nothing.
        with torch.serialization.safe_globals([pathlib.PosixPath, pathlib.PurePosixPath, pathlib.WindowsPath]):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # half a dozen classes of torch, pickle and zipfile
        raise TeacherInitError(
            f"{path} cannot be read as weights alone: {str(error).splitlines()[0]}; "
            "give the exported .onnx of the voice instead, or download the checkpoint again"
        ) from error
    state = checkpoint.get("state_dict") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise TeacherInitError(f"{path}: expected a training checkpoint of Piper with state_dict, found none; {FITS}")
    weights = {}
    for name, value in state.items():
        name = name.removeprefix("model_g.")
        if name.endswith("weight_v"):
            gain = state["model_g." + name[:-1] + "g" if "model_g." + name in state else name[:-1] + "g"]
            norm = value.flatten(1).norm(dim=1).reshape(gain.shape)
            weights[name[:-2]] = (value * (gain / norm)).float().numpy()
        elif not name.endswith("weight_g"):
            weights[name] = value.float().numpy()
    return weights


def _check_decoder(path: Path, weights: Mapping[str, np.ndarray], n_shift: int) -> None:
    if "dec.conv_pre.weight" not in weights:
        raise TeacherInitError(f"{path}: expected a VITS with a decoder (dec.conv_pre.weight), found none; {FITS}")
    if "emb_g.weight" in weights:
        raise TeacherInitError(f"{path}: expected one speaker, found {len(weights['emb_g.weight'])}; {FITS}")
    hop = int(np.prod(np.array(MEDIUM["decoder_upsample_scales"])))
    if hop != n_shift:
        raise TeacherInitError(f"{path}: expected a hop of {n_shift} samples, found {hop}; {FITS}")


def decoder_state(voice: PiperVoice, template: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The decoder's weights by ESPnet's names (``HiFiGANGenerator``), without weight norm.

    Args:
        voice: The voice.
        template: State dict of the decoder to fill, without weight norm: names to tensors.

    Raises:
        TeacherInitError: Naming up to five weights that are missing or have another shape.
    """
    state: dict[str, np.ndarray] = {}
    problems = []
    for name, tensor in template.items():
        source = _decoder_source(name, voice.is_high)
        if source == "dec.conv_post.bias" and source not in voice.weights:
            state[name] = np.zeros(tuple(tensor.shape), np.float32)  # the original has none there
            continue
        array = voice.weights.get(source)
        if array is None:
            problems.append(f"{source} missing")
        elif array.shape != tuple(tensor.shape):
            problems.append(f"{source} {array.shape} instead of {tuple(tensor.shape)}")
        else:
            state[name] = np.asarray(array, np.float32)
    if problems:
        raise TeacherInitError(
            f"{voice.path}: {len(problems)} weights of the decoder do not fit quality {'high' if voice.is_high else 'medium'} "
            f"({'; '.join(problems[:5])}{', …' if len(problems) > 5 else ''}); {FITS}"
        )
    return state


def _decoder_source(name: str, is_high: bool) -> str:
    """ESPnet's name of a decoder weight to the original's, which knows one list of convolutions or two."""
    name = re.sub(r"^input_conv\.", "conv_pre.", name)
    name = re.sub(r"^upsamples\.(\d+)\.1\.", r"ups.\1.", name)
    name = re.sub(r"^blocks\.(\d+)\.convs([12])\.(\d+)\.1\.", r"resblocks.\1.convs\2.\3.", name)
    if not is_high:
        name = name.replace(".convs1.", ".convs.")
    name = re.sub(r"^output_conv\.1\.", "conv_post.", name)
    return f"dec.{name}"


def wavenet_module_state(
    voice: PiperVoice, source: str, template: Mapping[str, Any], layers: int
) -> dict[str, np.ndarray] | None:
    """A posterior encoder or a coupling layer of the flow by ESPnet's names, or None if the voice lacks it.

    ESPnet scales the sum of skips by sqrt(1 / layers), where the original does not: ``proj`` takes the factor. The
    original's last layer has no residual half: zeros.

    Args:
        voice: The voice.
        source: ``enc_q`` or ``flow.flows.N``.
        template: State dict of ESPnet's module without weight norm.
        layers: WaveNet layers of that module.
    """
    prefix = f"{source}."
    if not any(name.startswith(prefix) for name in voice.weights):
        return None
    state: dict[str, np.ndarray] = {}
    for name, tensor in template.items():
        shape = tuple(tensor.shape)
        array: np.ndarray | None
        if match := re.match(r"encoder\.conv_layers\.(\d+)\.(conv|conv1x1_out)\.(weight|bias)$", name):
            layer, part, kind = int(match[1]), match[2], match[3]
            if part == "conv":
                array = voice.weights.get(f"{prefix}enc.in_layers.{layer}.{kind}")
            else:
                array = voice.weights.get(f"{prefix}enc.res_skip_layers.{layer}.{kind}")
                if array is not None and layer == layers - 1 and array.shape[0] * 2 == shape[0]:
                    # residual first, then skip
                    array = np.concatenate([np.zeros_like(array), array])
        else:
            array = voice.weights.get(prefix + name.replace("input_conv", "pre"))
            if array is not None and name.startswith("proj."):
                array = array * (layers**0.5 if name == "proj.weight" else 1.0)
        if array is None or array.shape != shape:
            return None
        state[name] = np.asarray(array, np.float32)
    return state
