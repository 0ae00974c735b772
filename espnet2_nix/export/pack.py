"""A student packed for the ESPnet model zoo."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from espnet2.main_funcs.pack_funcs import pack

from espnet2_nix.export.licence import licence_text
from espnet2_nix.files import folder_beside, replace_file
from espnet2_nix.student.checkpoint import load_student
from espnet2_nix.version import __version__

CARD = """\
---
tags: [espnet, audio, text-to-speech, korean]
language: ko
license: {license_id}
datasets: [{corpus}]
---
# Nix-TTS, Korean, {corpus}

A student of {parameters:,} parameters, distilled from an ESPnet VITS by espnet2_nix {version}.
Trained on {corpus}, so the licence of that corpus holds for this model: **{license}**.

    pip install "espnet2_nix[train]"
    nix-tts "안녕하세요." --model {zip_name} -o hello.wav
"""


def pack_student(model_dir: Path, model_file: str, outpath: Path) -> None:
    """Packs a student with its card and its licence; no path of this machine goes in.

    Args:
        model_dir: Folder of the student: ``config.yaml`` and weights, and ``RESULTS.md`` where there is one.
        model_file: Name of the weights in it.
        outpath: The zip file to write.

    Raises:
        UserError: If it is no student, or its weights do not fit.
    """
    outpath = outpath.resolve()
    # A pack that does not load is worth nothing: this also refuses a teacher and half-written weights.
    model, config = load_student(model_dir / "config.yaml", model_dir / model_file)
    with folder_beside(outpath) as staging:
        folder = staging / "exp" / "nix_tts"
        folder.mkdir(parents=True)
        shutil.copyfile(model_dir / "config.yaml", folder / "config.yaml")
        shutil.copyfile(model_dir / model_file, folder / "model.pth")
        option = []
        if (model_dir / "RESULTS.md").is_file():
            shutil.copyfile(model_dir / "RESULTS.md", folder / "RESULTS.md")
            option.append("exp/nix_tts/RESULTS.md")
        card = CARD.format(
            license=config.license,
            license_id=config.license.lower(),
            corpus=config.corpus,
            parameters=sum(parameter.numel() for parameter in model.tts.parameters()),
            version=__version__,
            zip_name=outpath.name,
        )
        (staging / "README.md").write_text(card, encoding="utf-8")
        licence = licence_text("model", config.corpus, config.license, getattr(config, "init_license", ""))
        licence += "The software that made it, espnet2_nix, has a licence of its own: Apache-2.0.\n"
        (staging / "LICENSE").write_text(licence, encoding="utf-8")
        option += ["README.md", "LICENSE"]
        # ESPnet writes paths relative to the working folder into the pack, and absolute ones for what lies outside.
        with contextlib.chdir(staging):
            pack(
                files={"model_file": "exp/nix_tts/model.pth"},
                yaml_files={"train_config": "exp/nix_tts/config.yaml"},
                option=option,
                outpath="pack.zip",
            )
        with replace_file(outpath) as aside:
            shutil.copyfile(staging / "pack.zip", aside)
