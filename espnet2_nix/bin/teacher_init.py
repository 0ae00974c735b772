"""Stage 6, warm start: makes a teacher of this recipe that begins with a public VITS voice."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--teacher_init",
        required=True,
        help="Piper voice of quality medium or high (.onnx or .ckpt), or ESPnet VITS (folder, .pth or zip)",
    )
    parser.add_argument(
        "--teacher_config", required=True, help="YAML of the teacher, see conf/train_vits_warm_start.yaml"
    )
    parser.add_argument("--outdir", required=True, help="writes config.yaml and model.pth")
    parser.add_argument("--token_list", required=True, help="the recipe's token list")
    parser.add_argument("--fs", type=int, required=True, help="sampling rate of the data, Hz")
    parser.add_argument("--n_fft", type=int, required=True, help="points of the spectrogram")
    parser.add_argument("--n_shift", type=int, required=True, help="samples a frame")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.warm_start.teacher import init_teacher

    init_teacher(**vars(args))


if __name__ == "__main__":
    main()
