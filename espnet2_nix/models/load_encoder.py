"""Loading of a trained student encoder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from espnet2_nix.errors import UserError
from espnet2_nix.models.checkpoint import load_strictly, part_of, read_config, read_state_dict
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.vits_teacher import VITSTeacher


def encoder_kwargs(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments of ``NixEncoder`` as an encoder training's options give them."""
    return {
        **args.encoder_conf,
        "num_tokens": len(args.token_list),
        "duration_predictor": args.duration_predictor,
        "duration_predictor_conf": args.duration_predictor_conf,
    }


def load_encoder(train_config: str | Path, model_file: str | Path) -> tuple[NixEncoder, argparse.Namespace]:
    """Builds a student encoder from the configuration of its distillation and loads its weights strictly.

    Args:
        train_config: ``config.yaml`` of the encoder's training.
        model_file: A checkpoint of it.

    Returns:
        The encoder, in evaluation mode, and the training's options.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If a weight is missing, unexpected or of another shape.
    """
    args = read_config(train_config)
    encoder = NixEncoder(**encoder_kwargs(args))
    load_strictly(encoder, part_of(read_state_dict(model_file), "encoder"), model_file)
    return encoder.eval(), args


def load_encoder_of(teacher: VITSTeacher, train_config: str | Path, model_file: str | Path) -> NixEncoder:
    """Loads a student encoder that speaks this teacher's latent; arguments as in ``load_encoder``.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If its weights do not fit its configuration, or its latent channels or tokens are not the teacher's.
    """
    encoder, args = load_encoder(train_config, model_file)
    if encoder.latent_channels != teacher.latent_channels or list(args.token_list) != teacher.token_list:
        raise UserError(
            f"{train_config}: expected a student of this teacher ({teacher.latent_channels} latent channels, "
            f"{len(teacher.token_list)} tokens), found {encoder.latent_channels} and {len(args.token_list)}"
        )
    return encoder
