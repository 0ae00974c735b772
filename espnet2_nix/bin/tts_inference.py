"""Stage 9: speech of one test set by the systems of espnet2_nix/systems.py; a rerun makes only what is missing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.spoken import TABLE
from espnet2_nix.errors import UserError
from espnet2_nix.systems import find_systems


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=None, help="YAML of options; the command line wins")
    parser.add_argument(
        "--systems", nargs="+", default=["student"], help="what to speak with, see espnet2_nix/systems.py"
    )
    parser.add_argument("--text", required=True, help="table of utterance id and tokens")
    parser.add_argument("--wav_scp", default=None, help="table of the recordings, for the systems that need them")
    parser.add_argument(
        "--durations", default=None, help="table of the frames of each token in them; default: the teacher's own path"
    )
    parser.add_argument(
        "--output_dir", required=True, help="writes SYSTEM/wav/<utt_id>.wav and SYSTEM/utterance/<utt_id>.json"
    )
    parser.add_argument("--table", default=TABLE, help="name of the table in SYSTEM/, see data/spoken.py")
    parser.add_argument("--train_config", default=None, help="config.yaml of the student")
    parser.add_argument("--model_file", default=None, help="its weights")
    parser.add_argument("--model_tag", default=None, help="a pack or a zoo tag in their place")
    parser.add_argument("--teacher_train_config", default=None, help="config.yaml of the teacher")
    parser.add_argument("--teacher_model_file", default=None, help="its weights")
    parser.add_argument("--ngpu", type=int, default=0, help="0 computes on the CPU")
    parser.add_argument("--speed", type=float, default=1.0, help="factor on the rate of speech")
    parser.add_argument("--noise_scale", type=float, default=None, help="default: the model's own")
    parser.add_argument("--noise_scale_dur", type=float, default=None, help="default: the model's own")
    parser.add_argument("--seed", type=int, default=0, help="seed of every utterance")
    return parser


def parse_args(cmd: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line over the YAML of ``--config``."""
    parser = get_parser()
    args = parser.parse_args(cmd)
    if args.config is None:
        return args
    import yaml

    with open(args.config, encoding="utf-8") as f:
        config = yaml.safe_load(f) or {}
    if unknown := sorted(set(config) - vars(args).keys()):
        raise UserError(f"{args.config}: unknown options {', '.join(unknown)}")
    parser.set_defaults(**config)
    return parser.parse_args(cmd)


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = parse_args(cmd)
    systems = find_systems(args.systems)
    from espnet2_nix.inference.synthesis import InferenceOptions, ModelFiles, synthesise

    synthesise(
        systems,
        read_table(args.text),
        args.output_dir,
        ModelFiles(
            args.train_config, args.model_file, args.model_tag, args.teacher_train_config, args.teacher_model_file
        ),
        InferenceOptions(args.speed, args.noise_scale, args.noise_scale_dur, args.seed),
        recordings=read_table(args.wav_scp) if args.wav_scp else None,
        durations=read_table(args.durations) if args.durations else None,
        table=args.table,
        device="cuda" if args.ngpu > 0 else "cpu",
    )


if __name__ == "__main__":
    main()
