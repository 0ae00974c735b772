"""The student put together from a distilled encoder and a distilled decoder."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from espnet2.tasks.tts import TTSTask
from espnet2.tts.espnet_model import ESPnetTTSModel

from espnet2_nix.errors import UserError
from espnet2_nix.models.checkpoint import load_strictly, part_of, read_config, read_state_dict
from espnet2_nix.models.load_encoder import encoder_kwargs, load_encoder
from espnet2_nix.models.load_teacher import load_teacher
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.nix_tts import NixTTS
from espnet2_nix.version import __version__


def student_config(
    encoder_args: argparse.Namespace,
    decoder_args: argparse.Namespace,
    fs: int,
    n_fft: int,
    hop_length: int,
    corpus: str,
    license: str,
    init_license: str = "",
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
        init_license: Licence line of the public voice that the teacher began with, if it did.
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
            # The noise that the decoder's training was told of is the one that the student speaks with.
            **({"noise_scale": decoder_args.latent_noise_scale} if "latent_noise_scale" in decoder_args else {}),
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
        **({"init_license": init_license} if init_license else {}),
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
    teachers: list[Any] = [getattr(args, "teacher_model_file", None) for args in (encoder_args, decoder_args)]
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
        init_license=""
        if from_scratch
        else getattr(read_config(encoder_args.teacher_train_config), "init_license", ""),
    )
    model = TTSTask.build_model(argparse.Namespace(**config))
    student: NixTTS = model.tts
    encoder, _ = load_encoder(encoder_train_config, encoder_model_file)
    encoder.drop_training_only()
    load_strictly(student.encoder, encoder.state_dict(), encoder_model_file)
    decoder = build_decoder(decoder_args.decoder, encoder.latent_channels, decoder_args.decoder_conf)
    load_strictly(decoder, part_of(read_state_dict(decoder_model_file), "decoder"), decoder_model_file)
    decoder.remove_weight_norm()
    load_strictly(student.decoder, decoder.state_dict(), decoder_model_file)
    return model.eval(), config
