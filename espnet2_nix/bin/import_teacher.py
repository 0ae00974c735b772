"""Stage 6: takes a finished ESPnet VITS as the teacher, after checking that it fits the data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command


def int_or_null(value: str) -> int | None:
    """An option's integer; ``null`` is None, as ESPnet writes it."""
    return None if value == "null" else int(value)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--teacher_model", required=True, help="folder of a training, its .pth, or a packed model (zip)"
    )
    parser.add_argument("--outdir", required=True, help="writes config.yaml and model.pth")
    parser.add_argument("--token_list", required=True, help="the recipe's token list")
    parser.add_argument("--fs", type=int, required=True, help="sampling rate of the data, Hz")
    parser.add_argument("--n_fft", type=int, required=True, help="points of the spectrogram")
    parser.add_argument("--n_shift", type=int, required=True, help="samples a frame")
    parser.add_argument("--win_length", type=int_or_null, default=None, help="samples of a window; null: n_fft")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.inference.finished_teacher import import_teacher

    import_teacher(**vars(args))


if __name__ == "__main__":
    main()
