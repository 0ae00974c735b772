"""Keeps the weights of a training in small float16 parts, to go on from them elsewhere; puts them together again.

The optimizer's state is not kept: a training goes on from the weights by --init_param with fresh moments.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_file", required=True, help="weights to keep, e.g. exp/vits_teacher/latest.pth")
    parser.add_argument(
        "--folder", required=True, help="folder of the parts; its config.yaml and run.sh are kept beside"
    )
    parser.add_argument("--max_mib", type=float, default=15.0, help="largest size of a part, MiB")
    parser.add_argument("--restore", action="store_true", help="write --model_file (float32) from the parts instead")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.models.weight_parts import keep_parts, restore_parts

    if args.restore:
        restore_parts(Path(args.model_file), Path(args.folder))
    else:
        keep_parts(Path(args.model_file), Path(args.folder), args.max_mib)


if __name__ == "__main__":
    main()
