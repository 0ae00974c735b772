"""Loading a finished ESPnet VITS as the teacher."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from espnet2.gan_tts.vits import VITS
from espnet2.tasks.gan_tts import GANTTSTask
from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram

from espnet2_nix.errors import UserError
from espnet2_nix.models.checkpoint import load_strictly, read_config, read_state_dict
from espnet2_nix.models.vits_teacher import VITSTeacher


def load_vits(train_config: str | Path, model_file: str | Path | None) -> tuple[torch.nn.Module, argparse.Namespace]:
    """Builds an ESPnet VITS from its own configuration and loads its weights strictly.

    Args:
        train_config: ``config.yaml`` of an ESPnet GAN-TTS training.
        model_file: Its weights; None leaves them random (statistics, tests).

    Returns:
        ESPnet's model, in evaluation mode, and its options.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If it is no VITS on linear spectrograms, or if a weight is missing, unexpected or of another shape.
    """
    args = read_config(train_config)
    if getattr(args, "tts", None) != "vits":
        raise UserError(f"{train_config}: expected tts: vits, found tts: {getattr(args, 'tts', None)}")
    model = GANTTSTask.build_model(args)
    if not isinstance(model.tts, VITS) or not isinstance(model.feats_extract, LinearSpectrogram):
        raise UserError(
            f"{train_config}: expected VITS on a linear_spectrogram, found {type(model.tts).__name__} on "
            f"{type(model.feats_extract).__name__}"
        )
    if model_file is not None:
        load_strictly(model, read_state_dict(model_file), model_file)
    return model.eval(), args


def load_teacher(train_config: str | Path, model_file: str | Path | None) -> VITSTeacher:
    """Loads an ESPnet VITS as the teacher; arguments and errors as in ``load_vits``."""
    model, args = load_vits(train_config, model_file)
    return VITSTeacher(model.tts, model.feats_extract, fs=int(model.tts.fs), token_list=args.token_list)
