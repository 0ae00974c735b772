"""The assembled student's files: written whole, checked and loaded strictly."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
import yaml
from espnet2.tasks.tts import TTSTask
from espnet2.tts.espnet_model import ESPnetTTSModel

from espnet2_nix.errors import UserError
from espnet2_nix.files import replace_file, write_text
from espnet2_nix.models.checkpoint import load_strictly, read_config, read_state_dict

LARGEST_SIZE = 2**13  # channels, blocks, kernel sizes: twenty times the published student's


LARGEST_LIST = 64


def save_student(model: ESPnetTTSModel, config: dict[str, Any], output_dir: str | Path) -> None:
    """Writes config.yaml and model.pth, each aside and then renamed."""
    output_dir = Path(output_dir)
    # Into an open file: torch would write the hidden name into it, and no two runs would give the same bytes.
    with replace_file(output_dir / "model.pth") as aside, open(aside, "wb") as f:
        torch.save(model.state_dict(), f)
    write_text(output_dir / "config.yaml", yaml.safe_dump(config, allow_unicode=True, sort_keys=False))


def load_student(train_config: str | Path, model_file: str | Path) -> tuple[ESPnetTTSModel, argparse.Namespace]:
    """Builds a student from its configuration and loads its weights strictly.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If the configuration is no student's, or the weights do not fit it.
    """
    args = read_config(train_config)
    if getattr(args, "tts", None) != "nix_tts":
        raise UserError(f"{train_config}: expected a student (tts: nix_tts), found tts: {getattr(args, 'tts', None)}")
    check_sizes(vars(args), train_config)
    try:
        model = TTSTask.build_model(args)
    except UserError:
        raise
    except Exception as error:  # whatever ESPnet, typeguard and torch make of values that no student has
        raise UserError(f"{train_config} is no configuration of a student: {type(error).__name__}: {error}") from error
    load_strictly(model, read_state_dict(model_file), model_file)
    return model.eval(), args


def check_sizes(config: dict[str, Any], where: str | Path) -> None:
    """Looks at what a configuration from elsewhere would have allocated, before anything is.

    Raises:
        UserError: If an entry is missing or of another kind, or a number is beyond any student's.
    """
    kinds = {"tts_conf": dict, "frontend": dict, "token_list": list, "feats_extract_conf": dict}
    for name, kind in kinds.items():
        if not isinstance(config.get(name), kind):
            raise UserError(f"{where}: expected {name} as a {kind.__name__}, found {str(config.get(name))[:40]!r}")

    def walk(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}", inner)
        elif isinstance(value, (list, tuple)):
            if len(value) > LARGEST_LIST:
                raise UserError(f"{where}: {name} has {len(value)} entries, expected at most {LARGEST_LIST}")
            for inner in value:
                walk(name, inner)
        elif isinstance(value, (int, float)) and not abs(value) <= LARGEST_SIZE:
            raise UserError(f"{where}: {name} is {value}, expected at most {LARGEST_SIZE}")

    walk("tts_conf", {key: value for key, value in config["tts_conf"].items() if key != "fs"})
    walk("feats_extract_conf", config["feats_extract_conf"])
