"""Stages 6 and 9, warm start: writes the frames of each token as the teacher's text encoder finds them on the latent."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.errors import UserError


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher_train_config", required=True, help="config.yaml of the teacher")
    parser.add_argument("--teacher_model_file", required=True, help="its weights, text encoder trained, flow at rest")
    parser.add_argument("--latents_dir", default=None, help="stored posteriors, see dump_latents")
    parser.add_argument("--latents_model_file", default=None, help="weights of the teacher that they were stored of")
    parser.add_argument("--text", required=True, nargs="+", help="tables of utterance id and tokens")
    parser.add_argument(
        "--wav_scp",
        nargs="+",
        default=None,
        help="tables of their recordings in the same order, where no latents are stored",
    )
    parser.add_argument("--out", required=True, help="table of utterance id and frames of each token")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    teacher = (args.teacher_train_config, args.teacher_model_file)
    stored = (args.latents_dir, args.latents_model_file)
    from espnet2_nix.warm_start.durations import align_recordings, refine_durations

    if args.wav_scp is not None and stored == (None, None):
        align_recordings(*teacher, args.text, args.wav_scp, args.out)
    elif args.wav_scp is None and None not in stored:
        refine_durations(*teacher, *stored, args.text, args.out)
    else:
        raise UserError("expected either --wav_scp, or --latents_dir and --latents_model_file")


if __name__ == "__main__":
    main()
