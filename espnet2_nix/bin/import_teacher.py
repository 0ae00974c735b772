"""Stage 6: takes a finished ESPnet VITS as the teacher, after checking that it fits the data."""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.errors import UserError
from espnet2_nix.files import replace_file

logger = logging.getLogger(__name__)
AVERAGE = "train.total_count.ave.pth"


def int_or_null(value: str) -> int | None:
    """An option's integer; ``null`` is None, as ESPnet writes it."""
    return None if value == "null" else int(value)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teacher_model", required=True, help="folder of a training, or a packed model (zip)")
    parser.add_argument("--outdir", required=True, help="writes config.yaml and model.pth")
    parser.add_argument("--token_list", required=True, help="the recipe's token list")
    parser.add_argument("--fs", type=int, required=True, help="sampling rate of the data, Hz")
    parser.add_argument("--n_fft", type=int, required=True, help="points of the spectrogram")
    parser.add_argument("--n_shift", type=int, required=True, help="samples a frame")
    parser.add_argument("--win_length", type=int_or_null, default=None, help="samples of a window; null: n_fft")
    return parser


def find_files(teacher_model: Path, folder: str) -> tuple[Path, Path]:
    """Returns configuration and weights of a teacher; a pack is unpacked into ``folder``.

    Raises:
        UserError: There are none, or it is not clear which weights are meant.
    """
    if teacher_model.is_file():
        from espnet2_nix.inference.text2speech import unpack_model

        files = unpack_model(teacher_model, folder)
        return Path(files["train_config"]), Path(files["model_file"])
    config = teacher_model / "config.yaml"
    if not config.is_file():
        raise UserError(f"{config} not found; --teacher_model takes the folder of an ESPnet training, or a zip file")
    for name in ("model.pth", AVERAGE):
        if (teacher_model / name).is_file():
            return config, teacher_model / name
    found = sorted(path.name for path in teacher_model.glob("*.pth"))
    weights = [name for name in found if name != "checkpoint.pth"]
    if len(weights) != 1:
        raise UserError(
            f"{teacher_model}: expected model.pth or {AVERAGE}, found {', '.join(found) or 'no weights'}; "
            "copy the wanted file to model.pth beside config.yaml"
        )
    return config, teacher_model / weights[0]


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.models.load_teacher import load_teacher

    with tempfile.TemporaryDirectory() as folder:
        config, weights = find_files(Path(args.teacher_model), folder)
        teacher = load_teacher(config, weights)
        tokens = Path(args.token_list).read_text(encoding="utf-8").splitlines()
        wanted = {
            "fs": args.fs,
            "n_fft": args.n_fft,
            "hop": args.n_shift,
            "win_length": args.win_length or args.n_fft,
            "token list": tokens,
        }
        found = {
            "fs": teacher.fs,
            "n_fft": teacher.n_fft,
            "hop": teacher.hop_length,
            "win_length": teacher.win_length,
            "token list": teacher.token_list,
        }
        for name, value in wanted.items():
            if found[name] != value:
                if name == "token list":
                    difference = sorted(set(tokens) ^ set(teacher.token_list))[:10]
                    raise UserError(
                        f"{args.teacher_model} has {len(teacher.token_list)} tokens, {args.token_list} has {len(tokens)}; "
                        f"they must be the same in the same order (differing: {' '.join(difference) or 'the order'})"
                    )
                raise UserError(f"{args.teacher_model} has {name} {found[name]}, the data have {value}")
        outdir = Path(args.outdir)
        for source, name in ((config, "config.yaml"), (weights, "model.pth")):
            with replace_file(outdir / name) as aside:
                shutil.copyfile(source, aside)
    logger.info(
        "%s: a VITS of %d Hz, hop %d, %d latent channels",
        outdir,
        teacher.fs,
        teacher.hop_length,
        teacher.latent_channels,
    )


if __name__ == "__main__":
    main()
