"""Stage 6, warm start: lets the start voice read phonemised sentences; keeps its waves and their latents."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", required=True, help="a Piper voice (.onnx)")
    parser.add_argument(
        "--phonemes", default=None, help="sentences in IPA, one a line; default: those at hand in the voice's language"
    )
    parser.add_argument(
        "--outdir", required=True, help="writes {train,valid}/{wav.scp,latent.scp,speech_shape}, wav/, latent/"
    )
    parser.add_argument("--fs", type=int, required=True, help="sampling rate of the data, Hz")
    parser.add_argument("--n_shift", type=int, required=True, help="samples a frame")
    parser.add_argument("--num_valid", type=int, default=12, help="sentences held out")
    parser.add_argument("--noise_scale", type=float, default=1.0, help="noise of the prior")
    parser.add_argument("--num_threads", type=int, default=0, help="threads of onnxruntime; 0: its own choice")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.warm_start.start_speech import write_start_speech

    seconds = write_start_speech(
        Path(args.voice),
        args.phonemes and Path(args.phonemes),
        Path(args.outdir),
        fs=args.fs,
        n_shift=args.n_shift,
        num_valid=args.num_valid,
        noise_scale=args.noise_scale,
        num_threads=args.num_threads,
    )
    logger.info("%s: %.1f minutes of the start voice", args.outdir, seconds / 60)


if __name__ == "__main__":
    main()
