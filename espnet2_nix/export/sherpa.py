"""The student as one file for sherpa-onnx."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch

from espnet2_nix.export.graphs import SingleGraph, export_graph
from espnet2_nix.export.voice import VoiceFacts
from espnet2_nix.models.nix_tts import NixTTS
from espnet2_nix.student.checkpoint import load_student
from espnet2_nix.text import single_character
from espnet2_nix.version import __version__


def export_sherpa(train_config: str | Path, model_file: str | Path, outdir: str | Path) -> Path:
    """Exports a student's checkpoint for sherpa-onnx; see `write_sherpa`.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If the student cannot be loaded or exported.
    """
    model, config = load_student(train_config, model_file)
    facts = VoiceFacts(config.corpus, config.license, list(config.token_list), config.frontend)
    return write_sherpa(model.tts, facts, outdir)


def write_sherpa(student: NixTTS, facts: VoiceFacts, outdir: str | Path) -> Path:
    """Writes a student as one graph that sherpa-onnx speaks with as a VITS of characters, and tokens.txt beside it.

    sherpa-onnx knows no Korean: the text given to it must be what ``python -m espnet2_nix.bin.pronounce --sherpa`` prints.
    Its noise is a fixed table, since the graph draws none.

    Args:
        student: The student, its weight norm removed.
        facts: What else the metadata tell.
        outdir: Where model.onnx and tokens.txt go.

    Returns:
        Path of the graph.

    Raises:
        ExportError: If the student has stochastic durations.
    """
    outdir = Path(outdir)
    outdir.mkdir(parents=True, exist_ok=True)
    path = outdir / "model.onnx"
    one = torch.ones(1)
    export_graph(
        SingleGraph(student),
        (torch.arange(2, 11)[None], torch.tensor([9]), one, one, one),
        path,
        ["x", "x_length", "noise_scale", "length_scale", "noise_scale_w"],
        ["y"],
        {"x": {0: "N", 1: "T_text"}, "x_length": {0: "N"}, "y": {0: "N", 2: "T_wav"}},
    )
    graph = onnx.load(str(path))
    metadata = {
        "model_type": "vits",
        "comment": f"espnet2_nix {__version__}, {facts.corpus}, {facts.license}",
        "language": "Korean",
        "frontend": "characters",
        "add_blank": 0,
        "n_speakers": 1,
        "sample_rate": student.fs,
        "punctuation": ". , ? !",
        "blank_id": 0,
        "bos_id": 0,
        "eos_id": 0,
        "use_eos_bos": 0,
        "pad_id": 0,
        "voice": "ko",
    }
    del graph.metadata_props[:]
    for key, value in metadata.items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.save(graph, str(path))
    lines = [f"{single_character(token)} {index}\n" for index, token in enumerate(facts.token_list)]
    (outdir / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    return path
