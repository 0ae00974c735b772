"""A finished ESPnet VITS taken as the teacher, after checking that it fits the data."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

from espnet2_nix.errors import UserError
from espnet2_nix.files import replace_file
from espnet2_nix.inference.text2speech import unpack_model
from espnet2_nix.models.load_teacher import load_teacher
from espnet2_nix.models.vits_teacher import VITSTeacher

logger = logging.getLogger(__name__)
AVERAGE = "train.total_count.ave.pth"


def import_teacher(
    teacher_model: str,
    outdir: str,
    token_list: str,
    fs: int,
    n_fft: int,
    n_shift: int,
    win_length: int | None = None,
) -> None:
    """Writes ``config.yaml`` and ``model.pth`` of a finished teacher.

    Args:
        teacher_model: Folder of a training, or a packed model (zip).
        outdir: Where the files go.
        token_list: The recipe's token list, one a line.
        fs: Sampling rate of the data in Hz.
        n_fft: Points of the spectrogram.
        n_shift: Samples a frame.
        win_length: Samples of a window; None is ``n_fft``.

    Raises:
        UserError: If there is no teacher, it is not clear which weights are meant, or the teacher does not fit the data.
    """
    tokens = Path(token_list).read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        config, weights = find_files(Path(teacher_model), folder)
        teacher = load_teacher(config, weights)
        _check_spectrogram(teacher, teacher_model, fs=fs, n_fft=n_fft, hop=n_shift, win_length=win_length or n_fft)
        if teacher.token_list != tokens:
            difference = sorted(set(tokens) ^ set(teacher.token_list))[:10]
            raise UserError(
                f"{teacher_model} has {len(teacher.token_list)} tokens, {token_list} has {len(tokens)}; "
                f"they must be the same in the same order (differing: {' '.join(difference) or 'the order'})"
            )
        for source, name in ((config, "config.yaml"), (weights, "model.pth")):
            with replace_file(Path(outdir) / name) as aside:
                shutil.copyfile(source, aside)
    logger.info(
        "%s: a VITS of %d Hz, hop %d, %d latent channels",
        outdir,
        teacher.fs,
        teacher.hop_length,
        teacher.latent_channels,
    )


def find_files(teacher_model: Path, folder: str) -> tuple[Path, Path]:
    """Returns configuration and weights of a teacher; a pack is unpacked into ``folder``.

    Raises:
        UserError: There are none, or it is not clear which weights are meant.
    """
    if teacher_model.is_file():
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


def _check_spectrogram(teacher: VITSTeacher, where: str, **wanted: int) -> None:
    """Compares the numbers that decide a spectrogram with those of the data."""
    found = {
        "fs": teacher.fs,
        "n_fft": teacher.n_fft,
        "hop": teacher.hop_length,
        "win_length": teacher.win_length,
    }
    for name, value in wanted.items():
        if found[name] != value:
            raise UserError(f"{where} has {name} {found[name]}, the data have {value}")
