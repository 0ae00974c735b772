"""Makes a synthetic corpus in KSS's layout: 44.1 kHz, some clips stereo, transcript.v.1.4.txt."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.data.toy_kss import make


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outdir", required=True, help="folder of the corpus; clips that are there are kept")
    parser.add_argument("--num_clips", type=int, default=120, help="clips to make")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    make(args.outdir, args.num_clips)


if __name__ == "__main__":
    main()
