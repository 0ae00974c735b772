"""Stage 6, warm start: takes the teacher out of what a phase saved, as ESPnet's own trainer would have saved it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train_config", required=True, help="config.yaml of the teacher")
    parser.add_argument("--model_file", required=True, help="weights that a phase saved")
    parser.add_argument("--out", required=True, help="weights of the teacher alone; config.yaml is put beside them")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.warm_start.teacher import take_teacher

    take_teacher(args.train_config, args.model_file, args.out)


if __name__ == "__main__":
    main()
