"""Stage 12: exports the student as a voice that speaks without PyTorch, and checks it."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.data.kaldi_io import read_table

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train_config", required=True, help="config.yaml of the student")
    parser.add_argument("--model_file", required=True, help="its weights")
    parser.add_argument("--outdir", required=True, help="the voice's folder; one that is there is replaced")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "fp16", "int8"], help="of the stored weights")
    parser.add_argument("--calibration_text", default=None, help="table of tokens for int8, e.g. dump/raw/dev/text")
    parser.add_argument("--calibration_size", type=int, default=20, help="texts to take of it")
    parser.add_argument("--sherpa_dir", default=None, help="also one graph for sherpa-onnx, into this folder")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.export.sherpa import export_sherpa
    from espnet2_nix.export.voice import export_voice
    from espnet2_nix.runtime import Voice

    calibration = []
    if args.precision == "int8" and args.calibration_text:
        calibration = [text.split() for text in read_table(args.calibration_text).values()][: args.calibration_size]
    sizes = export_voice(args.train_config, args.model_file, args.outdir, args.precision, calibration)
    audio = Voice.load(args.outdir).synthesize("안녕하세요.")
    if args.sherpa_dir:
        path = export_sherpa(args.train_config, args.model_file, args.sherpa_dir)
        logger.info("%s: %.2f MB, for sherpa-onnx", path, path.stat().st_size / 1e6)
    for name, size in sizes.items():
        logger.info("%s/%s: %.2f MB", args.outdir, name, size / 1e6)
    logger.info(
        "%s: %.2f MB in all, %s, speaks %.2f s for one greeting",
        args.outdir,
        sum(sizes.values()) / 1e6,
        args.precision,
        len(audio.samples) / audio.sample_rate,
    )


if __name__ == "__main__":
    main()
