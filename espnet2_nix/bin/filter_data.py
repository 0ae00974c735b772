"""Stage 3: keeps the clips that can be trained on, and reports the others with their reason."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.data.filter import Limits, filter_data

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--srcdir", required=True, help="wav.scp, utt2num_samples, text, text.raw and utt2spk")
    parser.add_argument("--dstdir", required=True, help="the same tables for what is kept, and dropped.tsv")
    default = Limits()
    parser.add_argument("--fs", type=int, default=default.fs, help="sampling rate of the clips, Hz")
    parser.add_argument("--n_shift", type=int, default=default.n_shift, help="samples a frame")
    parser.add_argument("--min_frames", type=int, default=default.min_frames, help="shorter clips are dropped")
    parser.add_argument("--max_seconds", type=float, default=default.max_seconds, help="longer clips are dropped")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    limits = Limits(fs=args.fs, n_shift=args.n_shift, min_frames=args.min_frames, max_seconds=args.max_seconds)
    kept, dropped = filter_data(Path(args.srcdir), Path(args.dstdir), limits)
    logger.info("%s: %d clips kept, %d dropped", args.dstdir, kept, dropped)


if __name__ == "__main__":
    main()
