"""Static int8 quantization of a voice's graphs, refused where it would be heard."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch

from espnet2_nix.export.errors import ExportError
from espnet2_nix.export.graphs import open_graph
from espnet2_nix.modules.log_mel import LogMel

logger = logging.getLogger(__name__)

MAX_MEL_DISTANCE = 0.15
"""Largest mean difference of log-mel amplitude (natural-log units) between int8 and fp32 with which int8 is written."""
N_FFT, HOP_LENGTH = 1024, 256  # of the spectrogram in which the two are compared
NOISE_SCALE = np.float32(0.667)
OPERATORS = ["Conv", "MatMul", "Gemm"]


@dataclass(frozen=True)
class _Utterance:
    """What the fp32 graphs make of a text: frames (1, C, T), noise and z (1, H, T), wav (T_wav,)."""

    frames: np.ndarray
    noise: np.ndarray
    z: np.ndarray
    wav: np.ndarray


class _Inputs:
    """Calibration data as onnxruntime reads it."""

    def __init__(self, name: str, values: list[np.ndarray]) -> None:
        self._values: Iterator[dict[str, np.ndarray]] = iter([{name: value} for value in values])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next input, or None."""
        return next(self._values, None)


def quantize(folder: Path, texts: list[np.ndarray], fs: int, bound: float | None = None) -> float:
    """Quantizes latent encoder and decoder in place; the text encoder is small and decides the durations: it stays.

    Static quantization (arXiv 1712.05877) of weights a channel and of activations a tensor, as pairs of quantize and
    dequantize nodes.

    Args:
        folder: A voice with fp32 graphs.
        texts: Token ids (1, T_text) to calibrate with.
        fs: Sampling rate in Hz.
        bound: Largest mean difference of log-mel amplitude that is accepted; None is ``MAX_MEL_DISTANCE``.

    Returns:
        The difference measured, in natural-log units.

    Raises:
        ExportError: If there is nothing to calibrate with, or the difference exceeds the bound.
    """
    bound = MAX_MEL_DISTANCE if bound is None else bound
    if not texts:
        raise ExportError(
            "int8 needs texts to calibrate with: give --calibration_text, a table of tokens: dump/raw/dev/text"
        )
    spoken = [_speak(folder, ids) for ids in texts]
    _quantize_graph(folder / "latent_encoder.onnx", "frames", [utterance.frames for utterance in spoken])
    _quantize_graph(folder / "decoder.onnx", "z", [utterance.z for utterance in spoken])
    latent_encoder, decoder = open_graph(folder / "latent_encoder.onnx"), open_graph(folder / "decoder.onnx")
    differences = []
    for utterance in spoken:
        m_s, logs_s = latent_encoder.run(None, {"frames": utterance.frames})
        wav = decoder.run(None, {"z": m_s + NOISE_SCALE * np.exp(logs_s) * utterance.noise})[0][0, 0]
        differences.append(float((_log_mel(wav, fs) - _log_mel(utterance.wav, fs)).abs().mean()))
    distance = float(np.mean(differences))
    logger.info("mean log-mel difference between int8 and fp32: %.3f (bound %.3f)", distance, bound)
    if distance > bound:
        raise ExportError(
            f"int8 differs from fp32 by {distance:.3f} in log-mel amplitude, more than {bound:.3f}: it is not written; "
            "use --precision fp16"
        )
    return distance


def _speak(folder: Path, ids: np.ndarray) -> _Utterance:
    hidden, log_durations = open_graph(folder / "text_encoder.onnx").run(None, {"text": ids})
    durations = np.maximum(np.ceil(np.exp(log_durations[0])), 1).astype(np.int64)
    frames = np.repeat(hidden, durations, axis=2)
    m_s, logs_s = open_graph(folder / "latent_encoder.onnx").run(None, {"frames": frames})
    noise = np.random.default_rng(ids.size).standard_normal(m_s.shape, np.float32)
    z = m_s + NOISE_SCALE * np.exp(logs_s) * noise
    return _Utterance(frames, noise, z, open_graph(folder / "decoder.onnx").run(None, {"z": z})[0][0, 0])


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
