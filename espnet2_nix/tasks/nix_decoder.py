"""Decoder distillation as an ESPnet2 task (stage 8)."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from espnet2.tasks.abs_task import AbsTask, optim_classes
from espnet2.train.class_choices import ClassChoices
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.preprocessor import CommonPreprocessor
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str2bool, str_or_none

from espnet2_nix.errors import UserError
from espnet2_nix.models.checkpoint import fingerprint, load_strictly, part_of, read_config, read_state_dict
from espnet2_nix.models.decoder_distillation import DecoderDistillation
from espnet2_nix.models.load_encoder import load_encoder_of
from espnet2_nix.models.load_teacher import load_teacher
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.student_latent import StudentLatent
from espnet2_nix.models.teacher_latents import TeacherLatents
from espnet2_nix.models.teacher_speech import TeacherSpeech
from espnet2_nix.models.vits_teacher import VITSTeacher
from espnet2_nix.modules.multi_resolution_discriminator import RESOLUTIONS
from espnet2_nix.tasks.options import (
    add_teacher_arguments,
    build_spectral_loss,
    decoder_choices,
    discriminator_choices,
    spectral_loss_choices,
)
from espnet2_nix.tasks.safe_training import SafeTraining
from espnet2_nix.tasks.trainer import NixDecoderTrainer


class NixDecoderTask(SafeTraining, AbsTask):
    """Distils a VITS teacher's latent and the recordings into a student decoder."""

    num_optimizers: int = 2
    class_choices_list: ClassVar[list[ClassChoices]] = [decoder_choices, discriminator_choices, spectral_loss_choices]
    trainer = NixDecoderTrainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the task's options; the required ones go through ESPnet's list, so that --print_config works."""
        group = parser.add_argument_group("Task related")
        group.add_argument(
            "--model_conf",
            action=NestedDictAction,
            default={},
            help="Keyword arguments of DecoderDistillation: segment_size, lambda_mel, …",
        )
        add_teacher_arguments(parser)
        group.add_argument(
            "--latents_dir",
            type=str_or_none,
            default=None,
            help="The teacher's latents as bin/dump_latents.py stored them, of further text as well; read where "
            "model_conf.teacher_speech_share is above 0, and by fine-tuning for posterior, durations and pitch",
        )
        group.add_argument(
            "--latent_noise_scale",
            type=float,
            default=0.667,
            help="Noise with which the student will speak; the teacher's speech and fine-tuning have it too",
        )
        group = parser.add_argument_group("Fine-tuning related")
        group.add_argument(
            "--encoder_train_config", type=str_or_none, default=None, help="config.yaml of the student encoder"
        )
        group.add_argument(
            "--encoder_model_file",
            type=str_or_none,
            default=None,
            help="Its weights; the decoder then learns from this encoder's latent in place of the teacher's posterior",
        )
        group.add_argument(
            "--init_model_file",
            type=str_or_none,
            default=None,
            help="Weights of a decoder distillation to begin with, discriminators included; every one must fit",
        )
        group.add_argument(
            "--init_from_teacher",
            type=str2bool,
            default=False,
            help="Begin with the teacher's decoder (decoder: resblock2) and its discriminators; every weight must fit",
        )
        for class_choices in cls.class_choices_list:
            class_choices.add_arguments(group)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Pads speech with silence."""
        return CommonCollateFn(float_pad_value=0.0, int_pad_value=0)

    @classmethod
    def build_preprocess_fn(
        cls, args: argparse.Namespace, train: bool
    ) -> Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]] | None:
        """Token names to ids for fine-tuning; otherwise the decoder needs no text."""
        if args.encoder_train_config is None:
            return None
        token_list = read_config(args.encoder_train_config).token_list
        return CommonPreprocessor(train=train, token_type="phn", token_list=token_list, g2p_type=None)

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set must give."""
        return ("speech",)

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set may give besides: fine-tuning needs the text."""
        return ("text",)

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> DecoderDistillation:
        """Builds student decoder, discriminators and teacher from the options.

        Raises:
            MissingFileError: If the teacher's speech has a share and its latents are not stored.
            UserError: If the decoder's hop differs from the teacher's, a name is unknown, or the stored latents are another
                teacher's or of recordings only.
        """
        teacher = load_teacher(args.teacher_train_config, args.teacher_model_file)
        student_latent = build_student_latent(args, teacher)
        latents = build_latents(args, student_latent)
        teacher_speech = None
        if latents is not None and args.model_conf.get("teacher_speech_share"):
            teacher_speech = TeacherSpeech(teacher, latents, args.latent_noise_scale)
        model = DecoderDistillation(
            student_latent=student_latent,
            latents=latents,
            teacher_speech=teacher_speech,
            decoder=build_decoder(args.decoder, teacher.latent_channels, args.decoder_conf),
            features=teacher,
            teacher=teacher,
            discriminator=discriminator_choices.get_class(args.discriminator)(**args.discriminator_conf),
            spectral_loss=build_spectral_loss(args, teacher.fs),
            **args.model_conf,
        )
        if args.init_from_teacher:
            where = f"{args.teacher_model_file} (--init_from_teacher)"
            state = read_state_dict(args.teacher_model_file)
            load_strictly(model.decoder, part_of(state, "tts.generator.decoder"), where)
            begin_discriminator(model.discriminator, part_of(state, "tts.discriminator"), where)
        if args.init_model_file is not None:
            load_strictly(model, read_state_dict(args.init_model_file), args.init_model_file)
        return model

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: DecoderDistillation) -> list[torch.optim.Optimizer]:
        """Optimizer 0 holds the decoder, optimizer 1 the discriminators."""
        return [
            optim_classes[args.optim](model.decoder.parameters(), **args.optim_conf),
            optim_classes[args.optim2](model.discriminator.parameters(), **args.optim2_conf),
        ]


def begin_discriminator(discriminator: torch.nn.Module, state: dict[str, torch.Tensor], where: str) -> None:
    """Begins with a teacher's discriminators; those of spectrograms, which a VITS has not, keep their own beginning.

    Args:
        discriminator: Is changed.
        state: Weights of the teacher's discriminators.
        where: Where they are from, for the message.

    Raises:
        UserError: If any other does not fit.
    """
    own = {name: value for name, value in discriminator.state_dict().items() if name.split(".")[0] == RESOLUTIONS}
    if own and not any(name in state for name in own):
        state = {**state, **own}
        count = sum(value.numel() for value in own.values())
        logging.info("discriminators of spectrograms begin anew: %.2f million parameters", count / 1e6)
    load_strictly(discriminator, state, where)


def build_latents(args: argparse.Namespace, student_latent: StudentLatent | None) -> TeacherLatents | None:
    """The teacher's stored latents; None where none are given, or neither its speech nor a fine-tuning asks for them.

    Raises:
        MissingFileError: If they are given and not there.
        UserError: If they are another teacher's.
    """
    if args.latents_dir is None or (student_latent is None and not args.model_conf.get("teacher_speech_share")):
        return None
    return TeacherLatents(args.latents_dir, fingerprint(args.teacher_model_file))


def build_student_latent(args: argparse.Namespace, teacher: VITSTeacher) -> StudentLatent | None:
    """The frozen student encoder of a fine-tuning; None without one.

    Raises:
        MissingFileError: If a file is missing.
        UserError: If only one of the encoder's files is given, its weights do not fit, or it is not this teacher's.
    """
    if (args.encoder_train_config is None) != (args.encoder_model_file is None):
        raise UserError("fine-tuning needs both --encoder_train_config and --encoder_model_file, found one of them")
    if args.encoder_train_config is None:
        return None
    encoder = load_encoder_of(teacher, args.encoder_train_config, args.encoder_model_file)
    return StudentLatent(encoder, args.latent_noise_scale)
