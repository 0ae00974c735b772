"""Stage 2: audio to mono 16-bit at the model's rate, silence trimmed; a rerun makes only what is missing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.data.audio import AudioFormat
from espnet2_nix.data.format_clips import format_clips


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wav_scp", required=True, help="table of utterance id and audio path")
    parser.add_argument("--outdir", required=True, help="folder for <utt_id>.wav; several jobs may share it")
    parser.add_argument(
        "--out_prefix",
        required=True,
        help="writes PREFIX.wav.scp, PREFIX.utt2num_samples, PREFIX.sources and PREFIX.dropped.tsv",
    )
    default = AudioFormat()
    parser.add_argument("--fs", type=int, default=default.fs, help="sampling rate to write, Hz")
    parser.add_argument(
        "--trim_db",
        type=float,
        default=default.trim_db,
        help="silence is what lies so many dB under the loudest frame; 0 trims nothing",
    )
    parser.add_argument(
        "--trim_margin", type=float, default=default.trim_margin, help="seconds of silence kept on each side"
    )
    parser.add_argument(
        "--trim_frame",
        type=float,
        default=default.trim_frame,
        help="seconds whose loudness is measured at a time",
    )
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    settings = AudioFormat(fs=args.fs, trim_db=args.trim_db, trim_margin=args.trim_margin, trim_frame=args.trim_frame)
    format_clips(args.wav_scp, args.outdir, args.out_prefix, settings)


if __name__ == "__main__":
    main()
