"""Static int8 quantization of a voice's graphs, refused where it would be heard."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch

from espnet2_nix.export.errors import ExportError
from espnet2_nix.export.graphs import halve_weights
from espnet2_nix.modules.log_mel import LogMel
from espnet2_nix.runtime import SpeakOptions, Voice, VoiceInfo
from espnet2_nix.runtime.graphs import PORTS, Graphs
from espnet2_nix.voice_format import DECODER, GRAPHS, LATENT_ENCODER

logger = logging.getLogger(__name__)

MAX_MEL_DISTANCE = 0.15
"""Largest mean difference of log-mel amplitude (natural-log units) between int8 and fp32 with which int8 is written."""
N_FFT, HOP_LENGTH = 1024, 256  # of the spectrogram in which the two are compared
OPERATORS = ["Conv", "MatMul", "Gemm"]


class _Recorder(Graphs):
    """Runs the graphs and keeps what each was given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.inputs: dict[str, list[np.ndarray]] = {name: [] for name in GRAPHS}

    def run(self, graph: str, value: np.ndarray) -> list[np.ndarray]:
        """Outputs of a graph for its one input."""
        self.inputs[graph].append(np.ascontiguousarray(value))
        return super().run(graph, value)


class _Inputs:
    """Calibration data as onnxruntime reads it."""

    def __init__(self, name: str, values: list[np.ndarray]) -> None:
        self._values: Iterator[dict[str, np.ndarray]] = iter([{name: value} for value in values])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next input, or None."""
        return next(self._values, None)


def quantize(folder: Path, info: VoiceInfo, texts: list[list[str]], bound: float | None = None) -> float:
    """Quantizes latent encoder and decoder in place; the text encoder is small and decides the durations: it stays.

    Static quantization (arXiv 1712.05877) of weights a channel and of activations a tensor, as pairs of quantize and
    dequantize nodes. What runs at the rate of the samples stays in float: it has few weights, and the step of an eight-bit number is a
    noise that the pauses do not hide. The runtime speaks the texts, at the voice's own noise scale: what its graphs are given then calibrates.

    Args:
        folder: A voice with fp32 graphs.
        info: What is known of it.
        texts: Texts to calibrate with, as tokens.
        bound: Largest mean difference of log-mel amplitude that is accepted; None is ``MAX_MEL_DISTANCE``.

    Returns:
        The difference measured, in natural-log units.

    Raises:
        ExportError: If there is nothing to calibrate with, or the difference exceeds the bound.
        UserError: If the voice does not know a token.
    """
    bound = MAX_MEL_DISTANCE if bound is None else bound
    if not texts:
        raise ExportError(
            "int8 needs texts to calibrate with: give --calibration_text, a table of tokens: dump/raw/dev/text"
        )
    recorder = _Recorder(folder)
    expected = _speak(Voice(info, recorder), texts)
    for graph in (LATENT_ENCODER, DECODER):
        _quantize_graph(folder / graph, PORTS[graph][0][0], recorder.inputs[graph])
        halve_weights(folder / graph)  # what stayed in float; before the difference is measured
    found = _speak(Voice(info, Graphs(folder)), texts)
    differences = [
        float((_log_mel(ours, info.sample_rate) - _log_mel(theirs, info.sample_rate)).abs().mean())
        for ours, theirs in zip(found, expected, strict=True)
    ]
    distance = float(np.mean(differences))
    logger.info("mean log-mel difference between int8 and fp32: %.3f (bound %.3f)", distance, bound)
    if distance > bound:
        raise ExportError(
            f"int8 differs from fp32 by {distance:.3f} in log-mel amplitude, more than {bound:.3f}: it is not written; "
            "use --precision fp16"
        )
    return distance


def _speak(voice: Voice, texts: list[list[str]]) -> list[np.ndarray]:
    """Each text with noise of its own."""
    return [voice.speak_tokens(tokens, SpeakOptions(seed=seed)) for seed, tokens in enumerate(texts)]


def _quantize_graph(path: Path, name: str, values: list[np.ndarray]) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_suffix(".prepared.onnx")
    with _quiet_root_logger():
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(path),
            _Inputs(name, values),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=OPERATORS,
            nodes_to_exclude=at_sample_rate(onnx.load(str(prepared)).graph),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    prepared.unlink()
    # The optimizer stamps every domain that it knows at its newest version, which an older onnxruntime refuses.
    model = onnx.load(str(path))
    used = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def at_sample_rate(graph: onnx.GraphProto) -> list[str]:
    """Names of the convolutions and products after a graph's last transposed convolution; none where there is no such one."""
    nodes = [node for node in graph.node if node.op_type == "ConvTranspose" or node.op_type in OPERATORS]
    last = max((i for i, node in enumerate(nodes) if node.op_type == "ConvTranspose"), default=len(nodes))
    return [node.name for node in nodes[last + 1 :]]


@contextlib.contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """onnxruntime's quantizer logs every node through the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(level)


def _log_mel(wav: np.ndarray, fs: int) -> torch.Tensor:
    """(T_wav,) to (1, 80, T_feats)."""
    window = torch.hann_window(N_FFT)
    stft = torch.stft(torch.from_numpy(wav)[None], N_FFT, HOP_LENGTH, window=window, return_complex=True)
    return LogMel(fs, N_FFT)(stft.abs())
