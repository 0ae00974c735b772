"""The student as ONNX graphs: what each computes, and how its weights are stored."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from espnet2_nix.export.errors import ExportError
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.nix_tts import NixTTS, latent_noise
from espnet2_nix.modules.duration_predictor import StochasticDurationPredictor
from espnet2_nix.modules.length_regulator import durations_to_attn, expand

OPSET = 17  # what onnxruntime 1.17 and every later one load


class TextEncoderGraph(torch.nn.Module):
    """Token ids (1, T_text) to hidden (1, C, T_text) and log_durations (1, T_text); no padding, so no mask."""

    def __init__(self, encoder: NixEncoder) -> None:
        super().__init__()
        if isinstance(encoder.duration_predictor, StochasticDurationPredictor):
            raise ExportError(
                "only students with deterministic durations can be exported, this one has duration_predictor: stochastic; "
                "distil the encoder with duration_predictor: deterministic"
            )
        self.text_encoder, self.duration_predictor = encoder.text_encoder, encoder.duration_predictor
        self.pitch_predictor = encoder.pitch_predictor

    def forward(self, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """text (1, T_text), int64, to hidden (1, C, T_text) and log_durations (1, T_text)."""
        hidden = self.text_encoder.blocks(self.text_encoder.embed(text), None)
        log_durations = self.duration_predictor(hidden, None)
        if self.pitch_predictor is not None:
            hidden = self.pitch_predictor.add(hidden, self.pitch_predictor(hidden, None), None)
        return hidden, log_durations


class LatentEncoderGraph(torch.nn.Module):
    """Expanded hidden (1, C, T_feats) to m_s and logs_s (1, H, T_feats)."""

    def __init__(self, encoder: NixEncoder) -> None:
        super().__init__()
        self.latent_encoder = encoder.latent_encoder

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """frames (1, C, T_feats) to m_s and logs_s (1, H, T_feats)."""
        return self.latent_encoder(frames, None)


class SingleGraph(torch.nn.Module):
    """The whole student in one graph with sherpa-onnx's inputs for VITS; its noise is a fixed table, repeated."""

    def __init__(self, student: NixTTS, noise_frames: int = 256) -> None:
        super().__init__()
        self.text, self.latent = TextEncoderGraph(student.encoder), LatentEncoderGraph(student.encoder)
        self.decoder = student.decoder
        channels = student.encoder.latent_channels
        self.register_buffer("noise", latent_noise(torch.zeros(1, channels, noise_frames), seed=0))

    def forward(
        self,
        x: torch.Tensor,
        x_length: torch.Tensor,
        noise_scale: torch.Tensor,
        length_scale: torch.Tensor,
        noise_scale_w: torch.Tensor,
    ) -> torch.Tensor:
        """Token ids (1, T_text) to wave (1, 1, T_wav)."""
        hidden, log_durations = self.text(x)
        # Inputs that a deterministic student does not need must still be inputs of the graph.
        log_durations = log_durations + 0.0 * noise_scale_w + 0.0 * x_length.float()
        durations = torch.clamp(torch.ceil(torch.exp(log_durations) * length_scale), min=1.0).long()
        num_frames = durations.sum()
        frames = expand(hidden, durations_to_attn(durations, num_frames))
        m_s, logs_s = self.latent(frames)
        repeats = num_frames // self.noise.shape[2] + 1
        noise = self.noise.repeat(1, 1, repeats)[:, :, :num_frames]
        return self.decoder(m_s + noise_scale * torch.exp(logs_s) * noise)


def export_graph(
    module: torch.nn.Module,
    inputs: tuple[torch.Tensor, ...],
    path: Path,
    input_names: list[str],
    output_names: list[str],
    dynamic_axes: dict[str, dict[int, str]],
) -> None:
    """Traces a module and writes it as ONNX, constants folded."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            input_names=input_names,
            output_names=output_names,
            dynamic_axes=dynamic_axes,
            opset_version=OPSET,
            do_constant_folding=True,
            dynamo=False,
        )
    model = onnx.load(str(path))
    random = sorted({node.op_type for node in model.graph.node if node.op_type.startswith("Random")})
    if random:
        raise AssertionError(f"{path} holds random operators: {random}")


def halve_weights(path: Path, smallest: int = 64) -> None:
    """Stores weights as fp16 and casts them back where the graph is loaded: half the file, the same arithmetic.

    Args:
        path: A graph, changed in place.
        smallest: Weights with fewer elements stay as they are, and so do the scales of int8.
    """
    model = onnx.load(str(path))
    casts = []
    quantizers = ("QuantizeLinear", "DequantizeLinear")
    # They must be constants, or no int8 kernel is taken.
    scales = {node.input[1] for node in model.graph.node if node.op_type in quantizers}
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < smallest or tensor.name in scales:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}_fp16")
        tensor.CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}_fp16"], [name], name=f"{name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def count_macs(path: Path, lengths: dict[str, int]) -> int:
    """Multiply-accumulates of the convolutions and matrix products of a graph.

    Args:
        path: The graph.
        lengths: Sizes to give the graph's symbolic dimensions.
    """
    model = onnx.load(str(path))
    for value in model.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in lengths:
                size = lengths[dim.dim_param]
                dim.Clear()
                dim.dim_value = size
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]
    }
    shapes |= {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            weight, out = shapes[node.input[1]], shapes[node.output[0]]
            total += int(np.prod(weight[1:])) * int(np.prod(out))
        elif node.op_type == "ConvTranspose":
            weight, inside = shapes[node.input[1]], shapes[node.input[0]]
            total += int(np.prod(weight[1:])) * int(np.prod(inside))
        elif node.op_type in ("MatMul", "Gemm"):
            left, out = shapes[node.input[0]], shapes[node.output[0]]
            total += left[-1] * int(np.prod(out))
    return total
