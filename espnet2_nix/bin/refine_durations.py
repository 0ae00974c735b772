"""Stage 6, warm start: writes the frames of each token as the teacher's text encoder finds them on the stored latents."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher_train_config", required=True, help="config.yaml of the teacher")
    parser.add_argument("--teacher_model_file", required=True, help="its weights, text encoder trained, flow at rest")
    parser.add_argument("--latents_dir", required=True, help="stored posteriors, see dump_latents")
    parser.add_argument("--latents_model_file", required=True, help="weights of the teacher that they were stored of")
    parser.add_argument("--text", required=True, nargs="+", help="tables of utterance id and tokens")
    parser.add_argument("--out", required=True, help="table of utterance id and frames of each token")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.warm_start.durations import refine_durations

    refine_durations(
        args.teacher_train_config,
        args.teacher_model_file,
        args.latents_dir,
        args.latents_model_file,
        args.text,
        args.out,
    )


if __name__ == "__main__":
    main()
