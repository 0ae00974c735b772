"""A finished ESPnet VITS taken as the teacher, after checking that it fits the data."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

from espnet2_nix.errors import UserError
from espnet2_nix.files import replace_file
from espnet2_nix.models.load_teacher import load_teacher
from espnet2_nix.models.model_files import find_files
from espnet2_nix.models.vits_teacher import VITSTeacher

logger = logging.getLogger(__name__)


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
        teacher_model: Folder of a training, its weights (``.pth``) with ``config.yaml`` beside them, or a packed model (zip).
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
