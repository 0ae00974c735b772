"""What a student is: parameters by module, rates, receptive fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from espnet2_nix.errors import UserError
from espnet2_nix.models.checkpoint import read_config
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.nix_tts import NixTTS
from espnet2_nix.text import frontend_info, token_list


def describe(student: NixTTS, training_only: dict[str, int] | None = None, **facts: Any) -> dict[str, Any]:
    """What a student is, as plain values.

    Args:
        student: The assembled student.
        training_only: Parameters by name of what only training uses, where that is known.
        facts: Further entries, such as the front-end.

    Returns:
        ``parameters`` (what ships, by module and in total), ``training_only`` parameters, ``fs`` in Hz, ``hop_length``
        in samples, ``receptive_field`` in frames to the left and to the right, and the facts.
    """
    encoder, decoder = student.encoder, student.decoder
    modules = {
        "text_encoder": encoder.text_encoder,
        "duration_predictor": encoder.duration_predictor,
        "latent_encoder": encoder.latent_encoder,
        "decoder": decoder,
    }
    parameters = {name: sum(p.numel() for p in module.parameters()) for name, module in modules.items()}
    return {
        "parameters": {**parameters, "total": sum(p.numel() for p in student.parameters())},
        "training_only": training_only,
        "fs": student.fs,
        "hop_length": decoder.upsample_factor,
        "latent_channels": encoder.latent_channels,
        "receptive_field": {
            "latent_encoder": list(encoder.latent_encoder.receptive_field),
            "decoder": list(decoder.receptive_field),
        },
        **facts,
    }


def describe_configs(encoder_config: str | Path, decoder_config: str | Path, fs: int = 22050) -> dict[str, Any]:
    """What two training configurations would give, without a teacher or data.

    Args:
        encoder_config: YAML of an encoder distillation.
        decoder_config: YAML of a decoder distillation.
        fs: Sampling rate in Hz, which the teacher decides.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If an option is missing or wrong.
    """
    from espnet2_nix.aligner.alignment_module import AlignmentModule
    from espnet2_nix.tasks.options import discriminator_choices

    encoder_args, decoder_args = read_config(encoder_config), read_config(decoder_config)
    for name, args, where in (("encoder", encoder_args, encoder_config), ("decoder", decoder_args, decoder_config)):
        if not hasattr(args, f"{name}_conf"):
            raise UserError(f"{where}: expected the options of {name} distillation, found no {name}_conf")
    conf = {
        "duration_predictor": getattr(encoder_args, "duration_predictor", "deterministic"),
        "duration_predictor_conf": getattr(encoder_args, "duration_predictor_conf", {}),
        **encoder_args.encoder_conf,
    }
    tokens = token_list()
    trained = count(NixEncoder(len(tokens), **conf))
    student = NixTTS(
        idim=len(tokens), fs=fs, encoder_conf=conf, decoder=decoder_args.decoder, decoder_conf=decoder_args.decoder_conf
    )
    training_only = {
        "duration_predictor_posterior": trained - count(student.encoder),
        "discriminator": count(
            discriminator_choices.get_class(decoder_args.discriminator)(
                **getattr(decoder_args, "discriminator_conf", {})
            )
        ),
    }
    if getattr(encoder_args, "alignment", "aligner") == "aligner":
        channels = encoder_args.alignment_conf.get("attention_channels", 80)
        training_only["aligner"] = count(
            AlignmentModule(text_channels=student.encoder.channels, feats_channels=80, attention_channels=channels)
        )
    return describe(student, training_only=training_only, frontend=frontend_info())


def count(module: torch.nn.Module) -> int:
    """Parameters of a module."""
    return sum(parameter.numel() for parameter in module.parameters())
