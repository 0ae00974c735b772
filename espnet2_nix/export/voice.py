"""Writes a voice: three ONNX graphs, checked against PyTorch, with everything that the runtime must know."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from espnet2_nix.export.errors import ExportError
from espnet2_nix.export.graphs import (
    LatentEncoderGraph,
    TextEncoderGraph,
    export_graph,
    halve_weights,
)
from espnet2_nix.export.licence import licence_text
from espnet2_nix.export.quantization import quantize
from espnet2_nix.files import replace_folder
from espnet2_nix.models.nix_tts import NixTTS
from espnet2_nix.runtime.graphs import open_session
from espnet2_nix.student.checkpoint import load_student
from espnet2_nix.version import __version__
from espnet2_nix.voice_format import DECODER, GRAPHS, INFO, LATENT_ENCODER, TEXT_ENCODER, VoiceInfo

logger = logging.getLogger(__name__)

PRECISIONS = ("fp32", "fp16", "int8")
CHECKED_LENGTHS = (3, 11, 80)  # tokens; the graphs are traced with 9
TOLERANCE = 1e-4


def write_graphs(student: NixTTS, folder: Path) -> None:
    """Exports the three graphs of a student."""
    channels, latent = student.encoder.channels, student.encoder.latent_channels
    export_graph(
        TextEncoderGraph(student.encoder),
        (torch.ones(1, 9, dtype=torch.long),),
        folder / TEXT_ENCODER,
        ["text"],
        ["hidden", "log_durations"],
        {"text": {1: "T_text"}, "hidden": {2: "T_text"}, "log_durations": {1: "T_text"}},
    )
    export_graph(
        LatentEncoderGraph(student.encoder),
        (torch.randn(1, channels, 40),),
        folder / LATENT_ENCODER,
        ["frames"],
        ["m_s", "logs_s"],
        {"frames": {2: "T_feats"}, "m_s": {2: "T_feats"}, "logs_s": {2: "T_feats"}},
    )
    export_graph(
        student.decoder,
        (torch.randn(1, latent, 40),),
        folder / DECODER,
        ["z"],
        ["wav"],
        {"z": {2: "T_feats"}, "wav": {2: "T_wav"}},
    )


@torch.no_grad()
def largest_difference(student: NixTTS, folder: Path) -> float:
    """Largest absolute difference between PyTorch and onnxruntime, over the graphs' outputs at three text lengths."""
    rng = np.random.default_rng(0)
    encoder = student.encoder
    modules = {
        TEXT_ENCODER: TextEncoderGraph(encoder).eval(),
        LATENT_ENCODER: LatentEncoderGraph(encoder).eval(),
        DECODER: student.decoder.eval(),
    }
    worst = 0.0
    for length in CHECKED_LENGTHS:
        frames = 5 * length
        values = {
            TEXT_ENCODER: rng.integers(2, encoder.num_tokens, (1, length)),
            LATENT_ENCODER: rng.standard_normal((1, encoder.channels, frames), np.float32),
            DECODER: rng.standard_normal((1, encoder.latent_channels, frames), np.float32),
        }
        for name, module in modules.items():
            expected = module(torch.from_numpy(values[name]))
            expected = expected if isinstance(expected, tuple) else (expected,)
            session = open_session(folder / name)
            found = session.run(None, {session.get_inputs()[0].name: values[name]})
            for ours, theirs in zip(found, expected, strict=True):
                worst = max(worst, float(np.abs(ours - theirs.numpy()).max()))
    return worst


@dataclass(frozen=True)
class VoiceFacts:
    """What a voice knows of itself besides its graphs.

    Attributes:
        corpus: Name of the corpus that the student learnt from.
        license: Licence of that corpus, which the voice carries.
        token_list: Tokens in the order of their ids.
        frontend: ``name`` and ``version`` of the text front-end.
        init_license: Licence line of the public voice that the teacher began with, if it did.
    """

    corpus: str
    license: str
    token_list: list[str]
    frontend: dict[str, str]
    init_license: str = ""


def export_voice(
    train_config: str | Path,
    model_file: str | Path,
    outdir: str | Path,
    precision: str = "fp32",
    calibration: Iterable[list[str]] = (),
) -> dict[str, int]:
    """Exports a student's checkpoint as a voice; see `write_voice` for what is not named here.

    Args:
        train_config: ``config.yaml`` of the student.
        model_file: Its weights.
        outdir: See `write_voice`.
        precision: See `write_voice`.
        calibration: See `write_voice`.

    Returns:
        Size of each file in bytes.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If the student cannot be loaded or exported.
    """
    model, config = load_student(train_config, model_file)
    facts = VoiceFacts(
        config.corpus, config.license, list(config.token_list), config.frontend, getattr(config, "init_license", "")
    )
    return write_voice(model.tts, facts, outdir, precision, calibration)


def write_voice(
    student: NixTTS,
    facts: VoiceFacts,
    outdir: str | Path,
    precision: str = "fp32",
    calibration: Iterable[list[str]] = (),
) -> dict[str, int]:
    """Writes a student as a voice, checked against PyTorch, aside and then renamed.

    Args:
        student: The student, its weight norm removed.
        facts: What else the voice must know.
        outdir: The voice's folder; a voice that was there before is replaced.
        precision: ``fp32``; ``fp16``, whose weights take half the room and are cast back at loading; or ``int8``, static
            quantization of the latent encoder and most of the decoder, the rest fp16, and with it the text encoder, which decides the
            durations.
        calibration: For int8, texts as tokens.

    Returns:
        Size of each file in bytes.

    Raises:
        ExportError: If the folder holds something else than a voice, a graph differs from PyTorch, or int8 from fp32, by
            more than the stated bound.
    """
    if precision not in PRECISIONS:
        raise ExportError(f"precision: expected one of {', '.join(PRECISIONS)}, found {precision!r}")
    outdir = Path(outdir)
    if outdir.exists() and not (outdir / INFO).is_file() and (not outdir.is_dir() or any(outdir.iterdir())):
        raise ExportError(f"{outdir} is there and is no voice: it is not replaced; give another folder")
    with replace_folder(outdir) as aside:
        write_graphs(student, aside)
        difference = largest_difference(student, aside)
        if not difference < TOLERANCE:
            raise ExportError(f"the graphs differ from PyTorch by {difference:.2g}, expected less than {TOLERANCE:g}")
        logger.info("largest difference between PyTorch and onnxruntime: %.2g", difference)
        info = describe(student, facts, precision)
        if precision == "fp16":
            for name in GRAPHS:
                halve_weights(aside / name)
        elif precision == "int8":
            quantize(aside, info, list(calibration))
            halve_weights(aside / TEXT_ENCODER)
        (aside / "LICENSE").write_text(
            licence_text("voice", facts.corpus, facts.license, facts.init_license), encoding="utf-8"
        )
        info.with_hashes(aside, (*GRAPHS, "LICENSE")).write(aside)
    return {path.name: path.stat().st_size for path in sorted(outdir.iterdir())}


def describe(student: NixTTS, facts: VoiceFacts, precision: str) -> VoiceInfo:
    """What voice.json tells of a student, without the hashes of its files."""
    return VoiceInfo(
        sample_rate=student.fs,
        hop_length=student.decoder.upsample_factor,
        token_list=tuple(facts.token_list),
        frontend=facts.frontend,
        receptive_field={
            "latent_encoder": student.encoder.latent_encoder.receptive_field,
            "decoder": student.decoder.receptive_field,
        },
        noise_scale=student.noise_scale,
        name=f"nix_tts_{facts.corpus}",
        espnet2_nix=__version__,
        precision=precision,
        corpus=facts.corpus,
        license=facts.license,
        facts={"init_license": facts.init_license} if facts.init_license else {},
    )
