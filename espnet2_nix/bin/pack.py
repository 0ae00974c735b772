"""Stage 11: packs the student for the ESPnet model zoo, with its licence; no path of this machine goes in."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_dir", required=True, help="folder of the student: config.yaml and weights")
    parser.add_argument("--model_file", default="model.pth", help="name of the weights in it")
    parser.add_argument("--outpath", required=True, help="the zip file to write")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.export.pack import pack_student

    outpath = Path(args.outpath)
    pack_student(Path(args.model_dir), args.model_file, outpath)
    logger.info("%s: %.1f MB", outpath, outpath.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
