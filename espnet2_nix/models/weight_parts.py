"""Weights kept in small float16 parts, and put together again."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import torch

from espnet2_nix.errors import MissingFileError, UserError
from espnet2_nix.files import digest_of_file, replace_file, write_text
from espnet2_nix.models.checkpoint import read_state_dict

logger = logging.getLogger(__name__)
INFO = "info.json"


def keep_parts(model_file: Path, folder: Path, max_mib: float) -> None:
    """Writes float16 parts and a description with their hashes; the training's config.yaml and run.sh go beside them.

    Args:
        model_file: Weights by name.
        folder: Where the parts go; those of an earlier call are removed.
        max_mib: Largest size of a part, MiB.

    Raises:
        UserError: If a value does not fit float16, or a tensor is larger than a part.
    """
    weights = read_state_dict(model_file)
    halves = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    if bad := [name for name, value in halves.items() if value.is_floating_point() and not torch.isfinite(value).all()]:
        raise UserError(f"{model_file}: {', '.join(bad[:5])} do not fit float16")
    parts = _split(halves, int(max_mib * 2**20), model_file)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INFO).unlink(missing_ok=True)
    for path in folder.glob("part.*.pth"):
        path.unlink()
    hashes = {}
    for number, part in enumerate(parts, 1):
        path = folder / f"part.{number}.pth"
        _save(part, path)
        hashes[path.name] = digest_of_file(path)
    for name in ("config.yaml", "run.sh"):
        source = model_file.with_name(name)
        if source.is_file():
            write_text(folder / name, source.read_text(encoding="utf-8"))
    info = {
        "weights": model_file.resolve().name,
        "parameters": sum(v.numel() for v in weights.values()),
        "sha256": hashes,
    }
    write_text(folder / INFO, json.dumps(info, indent=1) + "\n")
    logger.info("%s: %d parts, %s numbers", folder, len(parts), f"{info['parameters']:,}")


def restore_parts(model_file: Path, folder: Path) -> None:
    """Puts the parts together as one float32 file.

    Args:
        model_file: The file to write.
        folder: Where `keep_parts` wrote.

    Raises:
        MissingFileError: If the description or a part is missing.
        UserError: If a part is damaged.
    """
    if not (folder / INFO).is_file():
        raise MissingFileError(f"{folder / INFO} not found; keep_weights without --restore writes it")
    info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    weights: dict[str, torch.Tensor] = {}
    for name, wanted in info["sha256"].items():
        path = folder / name
        if not path.is_file():
            raise MissingFileError(f"{path} not found, but {folder / INFO} names it")
        found = digest_of_file(path)
        if found != wanted:
            raise UserError(f"{path} is damaged: expected SHA-256 {wanted[:16]}…, found {found[:16]}…; copy it again")
        weights |= read_state_dict(path)
    _save({name: v.float() if v.is_floating_point() else v for name, v in weights.items()}, model_file)
    logger.info("%s: %s numbers of %s", model_file, f"{info['parameters']:,}", info["weights"])


def _split(weights: dict[str, torch.Tensor], limit: int, where: Path) -> list[dict[str, torch.Tensor]]:
    """Fills parts of at most ``limit`` bytes, in the order of the weights."""
    parts: list[dict[str, torch.Tensor]] = [{}]
    filled = 0
    for name, value in weights.items():
        size = value.numel() * value.element_size() + 1024  # and its place in the archive
        if size > limit:
            raise UserError(f"{where}: {name} alone takes {size / 2**20:.1f} MiB; give a larger --max_mib")
        if filled + size > limit:
            parts.append({})
            filled = 0
        parts[-1][name] = value.clone()
        filled += size
    return parts


def _save(weights: dict[str, torch.Tensor], path: Path) -> None:
    with replace_file(path) as aside, aside.open("wb") as f:
        torch.save(weights, f)  # by a name, the name would be written into the file
