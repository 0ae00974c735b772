"""Keeps the weights of a training in small float16 parts, to go on from them elsewhere; puts them together again.

The optimizer's state is not kept: a training goes on from the weights by --init_param with fresh moments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.errors import MissingFileError, UserError
from espnet2_nix.files import replace_file, write_text

logger = logging.getLogger(__name__)

INFO = "info.json"


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_file", required=True, help="weights to keep, e.g. exp/vits_teacher/latest.pth")
    parser.add_argument(
        "--folder", required=True, help="folder of the parts; its config.yaml and run.sh are kept beside"
    )
    parser.add_argument("--max_mib", type=float, default=15.0, help="largest size of a part, MiB")
    parser.add_argument("--restore", action="store_true", help="write --model_file (float32) from the parts instead")
    return parser


def keep(model_file: Path, folder: Path, max_mib: float) -> None:
    """Writes float16 parts of at most ``max_mib`` MiB and a description with their hashes."""
    import torch

    from espnet2_nix.models.checkpoint import read_state_dict

    weights = read_state_dict(model_file)
    halves = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    if bad := [name for name, value in halves.items() if value.is_floating_point() and not torch.isfinite(value).all()]:
        raise UserError(f"{model_file}: {', '.join(bad[:5])} do not fit float16")
    limit = int(max_mib * 2**20)
    parts: list[dict[str, torch.Tensor]] = [{}]
    filled = 0
    for name, value in halves.items():
        size = value.numel() * value.element_size() + 1024  # and its place in the archive
        if size > limit:
            raise UserError(f"{model_file}: {name} alone takes {size / 2**20:.1f} MiB; give a larger --max_mib")
        if filled + size > limit:
            parts.append({})
            filled = 0
        parts[-1][name] = value.clone()
        filled += size
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INFO).unlink(missing_ok=True)
    for path in folder.glob("part.*.pth"):
        path.unlink()
    hashes = {}
    for number, part in enumerate(parts, 1):
        path = folder / f"part.{number}.pth"
        with replace_file(path) as aside, aside.open("wb") as f:
            torch.save(part, f)  # by a name, the name would be written into the file
        hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
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


def restore(model_file: Path, folder: Path) -> None:
    """Puts the parts together as one float32 file."""
    import torch

    from espnet2_nix.models.checkpoint import read_state_dict

    if not (folder / INFO).is_file():
        raise MissingFileError(f"{folder / INFO} not found; keep_weights without --restore writes it")
    info = json.loads((folder / INFO).read_text(encoding="utf-8"))
    weights: dict[str, torch.Tensor] = {}
    for name, wanted in info["sha256"].items():
        path = folder / name
        if not path.is_file():
            raise MissingFileError(f"{path} not found, but {folder / INFO} names it")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != wanted:
            raise UserError(f"{path} is damaged: expected SHA-256 {wanted[:16]}…, found {found[:16]}…; copy it again")
        weights |= read_state_dict(path)
    with replace_file(model_file) as aside, aside.open("wb") as f:
        torch.save(
            {n: v.float() if v.is_floating_point() else v for n, v in weights.items()}, f
        )  # by a name, the name would be written into the file
    logger.info("%s: %s numbers of %s", model_file, f"{info['parameters']:,}", info["weights"])


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    if args.restore:
        restore(Path(args.model_file), Path(args.folder))
    else:
        keep(Path(args.model_file), Path(args.folder), args.max_mib)


if __name__ == "__main__":
    main()
