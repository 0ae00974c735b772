"""The assembled student: put together, loaded and described."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import torch
import yaml
from espnet2.tasks.tts import TTSTask
from espnet2.tts.espnet_model import ESPnetTTSModel

from espnet2_nix.errors import UserError
from espnet2_nix.files import replace_file, write_text
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.nix_tts import NixTTS
from espnet2_nix.tasks.nix_encoder import encoder_kwargs
from espnet2_nix.tasks.register import register
from espnet2_nix.tasks.teacher import load_strictly, load_teacher, part_of, read_config, read_state_dict
from espnet2_nix.text import frontend_info, token_list
from espnet2_nix.version import __version__

register()


LARGEST_SIZE = 2**13  # channels, blocks, kernel sizes: twenty times the published student's
LARGEST_LIST = 64


def student_config(
    encoder_args: argparse.Namespace,
    decoder_args: argparse.Namespace,
    fs: int,
    n_fft: int,
    hop_length: int,
    corpus: str,
    license: str,
) -> dict[str, Any]:
    """The configuration with which ESPnet's ``Text2Speech`` builds the student: no teacher, no path.

    Args:
        encoder_args: Options of the encoder distillation.
        decoder_args: Options of the decoder distillation.
        fs: Sampling rate in Hz.
        n_fft: Points of the teacher's spectrogram.
        hop_length: Samples a frame.
        corpus: Name of the corpus the student learnt from.
        license: Licence of that corpus, which the model carries.
    """
    encoder_conf = encoder_kwargs(encoder_args)
    del encoder_conf["num_tokens"]  # ESPnet gives it
    return {
        "tts": "nix_tts",
        "tts_conf": {
            "fs": fs,
            "encoder_conf": encoder_conf,
            "decoder": decoder_args.decoder,
            "decoder_conf": decoder_args.decoder_conf,
        },
        "token_list": list(encoder_args.token_list),
        "frontend": encoder_args.frontend,
        "feats_extract": "linear_spectrogram",
        "feats_extract_conf": {"n_fft": n_fft, "hop_length": hop_length},
        "normalize": None,
        "normalize_conf": {},
        "odim": None,
        "model_conf": {},
        "use_preprocessor": True,
        "token_type": "phn",
        "bpemodel": None,
        "non_linguistic_symbols": None,
        "cleaner": None,
        "g2p": None,
        "corpus": corpus,
        "license": license,
        "espnet2_nix": __version__,
    }


def assemble(
    encoder_train_config: str | Path,
    encoder_model_file: str | Path,
    decoder_train_config: str | Path,
    decoder_model_file: str | Path,
    corpus: str,
    license: str,
) -> tuple[ESPnetTTSModel, dict[str, Any]]:
    """Joins a distilled encoder and a distilled decoder into one student.

    Args:
        encoder_train_config: config.yaml of stage 7; or of a training from scratch, which both parts come from.
        encoder_model_file: Its checkpoint.
        decoder_train_config: config.yaml of stage 8.
        decoder_model_file: Its checkpoint.
        corpus: Name of the corpus.
        license: Licence of the corpus.

    Returns:
        The model and its configuration.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If encoder and decoder come from different teachers, or weights do not fit.
    """
    encoder_args, decoder_args = read_config(encoder_train_config), read_config(decoder_train_config)
    teachers = [getattr(args, "teacher_model_file", None) for args in (encoder_args, decoder_args)]
    from_scratch = teachers == [None, None]
    if from_scratch:
        together = os.path.samefile(encoder_model_file, decoder_model_file)
    else:
        together = None not in teachers and os.path.samefile(*teachers)
    if not together:
        raise UserError(
            "encoder and decoder must come from one teacher, since they meet in its latent space, or from one training from "
            f"scratch; found {encoder_model_file} (teacher: {teachers[0]}) and {decoder_model_file} (teacher: {teachers[1]})"
        )
    sizes = encoder_args if from_scratch else load_teacher(encoder_args.teacher_train_config, teachers[0])
    config = student_config(
        encoder_args,
        decoder_args,
        fs=sizes.fs,
        n_fft=sizes.n_fft,
        hop_length=sizes.hop_length,
        corpus=corpus,
        license=license,
    )
    model = TTSTask.build_model(argparse.Namespace(**config))
    student: NixTTS = model.tts
    encoder = NixEncoder(**encoder_kwargs(encoder_args))
    part = "text_side.encoder" if from_scratch else "encoder"
    load_strictly(encoder, part_of(read_state_dict(encoder_model_file), part), encoder_model_file)
    encoder.drop_training_only()
    load_strictly(student.encoder, encoder.state_dict(), encoder_model_file)
    decoder = build_decoder(decoder_args.decoder, encoder.latent_channels, decoder_args.decoder_conf)
    load_strictly(decoder, part_of(read_state_dict(decoder_model_file), "decoder"), decoder_model_file)
    decoder.remove_weight_norm()
    load_strictly(student.decoder, decoder.state_dict(), decoder_model_file)
    return model.eval(), config


def save_student(model: ESPnetTTSModel, config: dict[str, Any], output_dir: str | Path) -> None:
    """Writes config.yaml and model.pth, each aside and then renamed."""
    output_dir = Path(output_dir)
    # Into an open file: torch would write the hidden name into it, and no two runs would give the same bytes.
    with replace_file(output_dir / "model.pth") as aside, open(aside, "wb") as f:
        torch.save(model.state_dict(), f)
    write_text(output_dir / "config.yaml", yaml.safe_dump(config, allow_unicode=True, sort_keys=False))


def load_student(train_config: str | Path, model_file: str | Path) -> tuple[ESPnetTTSModel, argparse.Namespace]:
    """Builds a student from its configuration and loads its weights strictly.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If the configuration is no student's, or the weights do not fit it.
    """
    args = read_config(train_config)
    if getattr(args, "tts", None) != "nix_tts":
        raise UserError(f"{train_config}: expected a student (tts: nix_tts), found tts: {getattr(args, 'tts', None)}")
    check_sizes(vars(args), train_config)
    try:
        model = TTSTask.build_model(args)
    except (TypeError, AttributeError, KeyError, AssertionError) as error:
        raise UserError(f"{train_config} is no configuration of a student: {type(error).__name__}: {error}") from error
    load_strictly(model, read_state_dict(model_file), model_file)
    return model.eval(), args


def check_sizes(config: dict[str, Any], where: str | Path) -> None:
    """Looks at what a configuration from elsewhere would have allocated, before anything is.

    Raises:
        UserError: If an entry is missing or of another kind, or a number is beyond any student's.
    """
    kinds = {"tts_conf": dict, "frontend": dict, "token_list": list, "feats_extract_conf": dict}
    for name, kind in kinds.items():
        if not isinstance(config.get(name), kind):
            raise UserError(f"{where}: expected {name} as a {kind.__name__}, found {str(config.get(name))[:40]!r}")

    def walk(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}", inner)
        elif isinstance(value, (list, tuple)):
            if len(value) > LARGEST_LIST:
                raise UserError(f"{where}: {name} has {len(value)} entries, expected at most {LARGEST_LIST}")
            for inner in value:
                walk(name, inner)
        elif isinstance(value, (int, float)) and not abs(value) <= LARGEST_SIZE:
            raise UserError(f"{where}: {name} is {value}, expected at most {LARGEST_SIZE}")

    walk("tts_conf", {key: value for key, value in config["tts_conf"].items() if key != "fs"})
    walk("feats_extract_conf", config["feats_extract_conf"])


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
    from espnet2_nix.tasks.nix_decoder import discriminator_choices

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
