"""Files of a training: its configuration and its weights, loaded strictly and named by their content."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import yaml
from espnet2.torch_utils.safe_torch_load import safe_torch_load

from espnet2_nix.errors import MissingFileError, UserError
from espnet2_nix.files import digest_of_file


def load_strictly(module: torch.nn.Module, state_dict: dict[str, torch.Tensor], where: str | Path) -> None:
    """Loads weights, every key of both sides accounted for.

    Args:
        module: What to load into.
        state_dict: Weights by name.
        where: The file they come from, for the message.

    Raises:
        UserError: Naming up to five missing, unexpected or wrongly shaped keys.
    """
    own = module.state_dict()
    missing = sorted(own.keys() - state_dict.keys())
    unexpected = sorted(state_dict.keys() - own.keys())
    shapes = sorted(k for k in own.keys() & state_dict.keys() if own[k].shape != state_dict[k].shape)
    problems = [
        f"{len(keys)} {what} ({', '.join(keys[:5])}{', …' if len(keys) > 5 else ''})"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
        if keys
    ]
    if problems:
        raise UserError(f"{where} does not fit its configuration: keys {'; '.join(problems)}")
    module.load_state_dict(state_dict, strict=True)


def part_of(state_dict: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """The weights under ``name.``, without that prefix."""
    return {key[len(name) + 1 :]: value for key, value in state_dict.items() if key.startswith(f"{name}.")}


def read_config(config_file: str | Path) -> argparse.Namespace:
    """The configuration that a training wrote.

    Raises:
        MissingFileError: If there is none.
        UserError: If it is no YAML mapping.
    """
    config_file = Path(config_file)
    if not config_file.is_file():
        raise MissingFileError(f"{config_file} not found; a finished training writes it into its folder")
    with config_file.open(encoding="utf-8") as f:
        try:
            config = yaml.safe_load(f)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"{config_file} cannot be read as YAML: {error}") from error
    if not isinstance(config, dict):
        raise UserError(f"{config_file}: expected a mapping of options, found {type(config).__name__}")
    return argparse.Namespace(**config)


def read_state_dict(model_file: str | Path) -> dict[str, torch.Tensor]:
    """Weights of a checkpoint, tensors only.

    Raises:
        MissingFileError: If there is none.
        UserError: If the file is damaged or holds something else.
    """
    model_file = Path(model_file)
    if not model_file.is_file():
        raise MissingFileError(f"{model_file} not found; a finished training writes it into its folder")
    try:
        state_dict = safe_torch_load(model_file, map_location="cpu")
    except Exception as error:  # torch raises half a dozen classes for a truncated file
        raise UserError(f"{model_file} cannot be read as a checkpoint: {' '.join(str(error).split())}") from error
    if not isinstance(state_dict, dict) or not all(isinstance(v, torch.Tensor) for v in state_dict.values()):
        raise UserError(f"{model_file}: expected weights by name; give a model file, not a training's checkpoint.pth")
    return state_dict


def fingerprint(model_file: str | Path) -> str:
    """What names a teacher's weights: the first 16 hexadecimal digits of the file's SHA-256.

    Raises:
        MissingFileError: If there is none.
    """
    model_file = Path(model_file)
    if not model_file.is_file():
        raise MissingFileError(f"{model_file} not found; a finished training writes it into its folder")
    return digest_of_file(model_file, 16)
