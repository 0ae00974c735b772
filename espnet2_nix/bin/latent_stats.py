"""Stage 6, warm start: mean and deviation of the corpus's latents by a start voice that brings its posterior encoder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher_train_config", required=True, help="config.yaml of the teacher so far")
    parser.add_argument("--teacher_model_file", required=True, help="its weights")
    parser.add_argument("--wav_scp", required=True, help="table of the recordings")
    parser.add_argument("--out", required=True, help="the .npz to write")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.warm_start.latent_stats import write_latent_stats

    write_latent_stats(**vars(args))


if __name__ == "__main__":
    main()
