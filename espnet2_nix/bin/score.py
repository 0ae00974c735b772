"""Stage 10: measures the synthesised speech; writes RESULTS.md, pictures and the listening page index.html."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data_dir", required=True, help="folder of the sets: SET/{wav.scp,text,text.raw}")
    parser.add_argument("--inference_dir", required=True, help="folder of stage 9: SET/SYSTEM/{wav,utterances.tsv}")
    parser.add_argument("--test_sets", required=True, nargs="+", help="names of the sets")
    parser.add_argument("--model_dir", required=True, help="folder of the student")
    parser.add_argument("--teacher_train_config", default=None, help="config.yaml of the teacher")
    parser.add_argument(
        "--train_dirs", nargs="*", default=[], help="folders of the trainings, for the curves of their losses"
    )
    parser.add_argument("--fs", type=int, default=22050, help="sampling rate, Hz")
    parser.add_argument("--n_fft", type=int, default=1024, help="points of the spectrogram")
    parser.add_argument("--n_shift", type=int, default=256, help="samples a frame")
    parser.add_argument("--asr_model", default="", help="Whisper model for the character error rate; empty: none")
    parser.add_argument("--skip_measures", nargs="*", default=[], help="costly measures to leave out: dnsmos, world")
    parser.add_argument(
        "--compare_scores",
        nargs="*",
        default=[],
        metavar="LABEL=FILE",
        help="scores.json of other students, whose rows go into the tables",
    )
    parser.add_argument("--num_listening", type=int, default=20, help="utterances of each set to listen to and to draw")
    parser.add_argument("--command", default="", help="the recipe's command, for the record")
    parser.add_argument("--outdir", required=True, help="where RESULTS.md, index.html and pictures/ go")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.evaluation.report import Experiment, report
    from espnet2_nix.evaluation.scores import Scorer, Spectrogram

    experiment = Experiment(
        Path(args.data_dir),
        Path(args.inference_dir),
        Path(args.model_dir),
        Path(args.teacher_train_config) if args.teacher_train_config else None,
        [Path(folder) for folder in args.train_dirs],
        args.compare_scores,
    )
    scorer = Scorer(Spectrogram(args.fs, args.n_fft, args.n_shift), args.asr_model, skip=args.skip_measures)
    outdir = Path(args.outdir)
    made = report(experiment, args.test_sets, scorer, outdir, args.num_listening, args.command)
    made.write(outdir)
    logger.info("%s:\n%s", outdir / "RESULTS.md", made.to_markdown())


if __name__ == "__main__":
    main()
