"""Stage 6, warm start: writes the frames of each token as the trained aligner finds them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train_config", required=True, help="config.yaml of the aligner")
    parser.add_argument("--model_file", required=True, help="its weights")
    parser.add_argument("--text", required=True, nargs="+", help="tables of utterance id and tokens")
    parser.add_argument("--wav_scp", required=True, nargs="+", help="tables of their recordings, in the same order")
    parser.add_argument("--out", required=True, help="table of utterance id and frames of each token")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.warm_start.durations import write_durations

    write_durations(args.train_config, args.model_file, args.text, args.wav_scp, args.out)


if __name__ == "__main__":
    main()
