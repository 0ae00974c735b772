"""Stage 7, before encoder distillation: stores the teacher's latent of every utterance, once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", required=True, nargs="+", help="tables of utterance id and tokens")
    parser.add_argument("--wav_scp", required=True, nargs="+", help="tables of their recordings, in the same order")
    parser.add_argument(
        "--extra_text", default=None, help="table of tokens without recordings, which the teacher reads"
    )
    parser.add_argument(
        "--extra_encoders",
        nargs="+",
        default=[],
        metavar="MODEL_FILE",
        help="student encoders of this teacher, config.yaml beside each, that read those texts together in its place",
    )
    parser.add_argument("--teacher_train_config", required=True, help="config.yaml of the teacher")
    parser.add_argument("--teacher_model_file", required=True, help="its weights")
    parser.add_argument(
        "--outdir", required=True, help="writes info.json, index.tsv and frames.f16; what is there is kept"
    )
    parser.add_argument(
        "--durations", default=None, help="table of frames of each token, in place of the teacher's own alignment"
    )
    parser.add_argument("--ngpu", type=int, default=0, help="0 computes on the CPU")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.inference.latents import Corpus, dump_latents

    dump_latents(
        Corpus.read(args.text, args.wav_scp, args.extra_text, args.durations),
        args.teacher_train_config,
        args.teacher_model_file,
        args.outdir,
        device="cuda" if args.ngpu > 0 else "cpu",
        extra_encoders=args.extra_encoders,
    )


if __name__ == "__main__":
    main()
