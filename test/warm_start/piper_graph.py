"""A graph with the names and the structure of a Piper voice, and random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from espnet2_nix.warm_start.piper import HIGH, MEDIUM

PHONEMES = {symbol: [i] for i, symbol in enumerate("_^$ ,.aəlmnoɪv")}


def write_voice(
    folder: Path,
    *,
    sample_rate: int = 22050,
    num_speakers: int = 1,
    leave_out: str = "",
    misshape: str = "",
    quality: str = "medium",
    post_bias: bool = False,
    frames_per_symbol: int = 2,
) -> Path:
    """Writes ``tiny.onnx`` and ``tiny.onnx.json``; returns the former."""
    rng = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights: dict[str, np.ndarray] = {}

    def weight(name: str, *shape: int) -> str:
        array = rng.normal(0, 0.4 / np.sqrt(np.prod(shape[1:]) or 1), shape).astype(np.float32)
        if name == misshape:
            array = array[:-1]
        weights[name] = array
        return name

    def node(op: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(op, inputs, [output], name=f"/{output}", **attributes))
        return output

    sizes = {"medium": MEDIUM, "high": HIGH}[quality]
    hidden, channels = sizes["hidden_channels"], sizes["decoder_channels"]
    weights["enc_p.emb.weight"] = rng.normal(0, 1, (len(PHONEMES), hidden)).astype(np.float32)
    # A text encoder of the simplest kind: each symbol's row, some frames long; the scales are read and make no difference.
    weights["repeats"] = np.array([1, 1, frames_per_symbol], np.int64)
    weights["flat"] = np.array([1, hidden, -1], np.int64)
    x = node("Gather", ["enc_p.emb.weight", "input"], "rows")
    x = node("Transpose", [x], "columns", perm=[0, 2, 1])
    x = node("Unsqueeze", [x, "axis3"], "column4")
    weights["axis3"] = np.array([3], np.int64)
    weights["repeats"] = np.array([1, 1, 1, frames_per_symbol], np.int64)
    x = node("Tile", [x, "repeats"], "tiled")
    x = node("Reshape", [x, "flat"], "z")
    latent = x
    x = node(
        "Conv",
        [x, weight("dec.conv_pre.weight", channels, hidden, 7), weight("dec.conv_pre.bias", channels)],
        "pre",
        pads=[3, 3],
    )
    for i, (scale, kernel) in enumerate(
        zip(sizes["decoder_upsample_scales"], sizes["decoder_upsample_kernel_sizes"], strict=True)
    ):
        inner = channels // 2 ** (i + 1)
        x = node("LeakyRelu", [x], f"up{i}_act", alpha=0.1)
        x = node(
            "ConvTranspose",
            [x, weight(f"dec.ups.{i}.weight", 2 * inner, inner, kernel), weight(f"dec.ups.{i}.bias", inner)],
            f"up{i}",
            strides=[scale],
            pads=[(kernel - scale) // 2] * 2,
        )
        outputs = []
        blocks = zip(sizes["decoder_resblock_kernel_sizes"], sizes["decoder_resblock_dilations"], strict=True)
        for j, (size, dilations) in enumerate(blocks):
            index, y = 3 * i + j, x
            for k, dilation in enumerate(dilations):
                conv = y
                for convs, step in {"medium": [("convs", dilation)], "high": [("convs1", dilation), ("convs2", 1)]}[
                    quality
                ]:
                    name, output = f"dec.resblocks.{index}.{convs}.{k}", f"b{index}_{convs}_{k}"
                    act = node("LeakyRelu", [conv], f"{output}_act", alpha=0.1)
                    conv = node(
                        "Conv",
                        [act, weight(f"{name}.weight", inner, inner, size), weight(f"{name}.bias", inner)],
                        f"{output}_conv",
                        dilations=[step],
                        pads=[(size - 1) // 2 * step] * 2,
                    )
                y = node("Add", [conv, y], f"b{index}_{k}")
            outputs.append(y)
        x = node("Sum", outputs, f"sum{i}")
        x = node("Mul", [x, "third"], f"mean{i}")
    weights["third"] = np.array(1 / 3, np.float32)
    x = node("LeakyRelu", [x], "post_act", alpha=0.01)
    post = [x, weight("dec.conv_post.weight", 1, inner, 7)]
    if post_bias:
        post.append(weight("dec.conv_post.bias", 1))
    x = node("Conv", post, "post", pads=[3, 3])
    x = node("Tanh", [x], "wav")
    x = node("Unsqueeze", [x, "axis1"], "output")
    weights["axis1"] = np.array([1], np.int64)
    weights.pop(leave_out, None)
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, ["batch", "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    assert latent == "z"
    path = folder / "tiny.onnx"
    onnx.save(model, str(path))
    info = {
        "audio": {"sample_rate": sample_rate, "quality": quality},
        "espeak": {"voice": "en-us"},
        "num_speakers": num_speakers,
        "phoneme_id_map": PHONEMES,
    }
    path.with_name("tiny.onnx.json").write_text(json.dumps(info), encoding="utf-8")
    return path
