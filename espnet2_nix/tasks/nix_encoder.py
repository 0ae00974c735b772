"""Encoder distillation as an ESPnet2 task (stage 7)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from espnet2.tasks.abs_task import AbsTask
from espnet2.train.class_choices import ClassChoices
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.preprocessor import CommonPreprocessor
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str_or_none

from espnet2_nix.errors import UserError
from espnet2_nix.models.alignment_learner import AlignmentLearner
from espnet2_nix.models.checkpoint import fingerprint
from espnet2_nix.models.encoder_distillation import EncoderDistillation
from espnet2_nix.models.load_encoder import encoder_kwargs
from espnet2_nix.models.load_teacher import load_teacher
from espnet2_nix.models.teacher_latents import TeacherLatents
from espnet2_nix.modules.log_mel import N_MELS
from espnet2_nix.tasks.options import (
    add_teacher_arguments,
    add_text_arguments,
    duration_predictor_choices,
    encoder_choices,
    read_token_list,
)
from espnet2_nix.tasks.safe_training import SafeTraining
from espnet2_nix.tasks.trainer import NixEncoderTrainer
from espnet2_nix.text.tokens import SPACE


class NixEncoderTask(SafeTraining, AbsTask):
    """Distils a VITS teacher's posterior into a student encoder."""

    num_optimizers: int = 1
    class_choices_list: ClassVar[list[ClassChoices]] = [encoder_choices, duration_predictor_choices]
    trainer = NixEncoderTrainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the task's options."""
        group = parser.add_argument_group("Task related")
        group.add_argument(
            "--alignment",
            type=str,
            default="aligner",
            choices=["aligner", "teacher"],
            help="Where durations come from in training",
        )
        group.add_argument(
            "--alignment_conf",
            action=NestedDictAction,
            default={},
            help="Keyword arguments of the aligner and its losses: temperature, hard_alignment_start, bin_start, …",
        )
        group.add_argument(
            "--model_conf",
            action=NestedDictAction,
            default={},
            help="Keyword arguments of EncoderDistillation: latent_direction, lambda_latent, …",
        )
        add_teacher_arguments(parser)
        group.add_argument(
            "--latents_dir",
            type=str_or_none,
            default=None,
            help="The teacher's latents as bin/dump_latents.py stored them; the teacher and the recordings then rest",
        )
        add_text_arguments(parser)
        for class_choices in cls.class_choices_list:
            class_choices.add_arguments(group)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Pads text with <blank> (0) and speech with silence."""
        return CommonCollateFn(float_pad_value=0.0, int_pad_value=0)

    @classmethod
    def build_preprocess_fn(
        cls, args: argparse.Namespace, train: bool
    ) -> Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
        """Token names to ids; the tokens themselves were made in stage 2."""
        return CommonPreprocessor(train=train, token_type="phn", token_list=args.token_list, g2p_type=None)

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set must give."""
        return ("text",)

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set may give besides: speech, which only stored latents can replace."""
        return ("speech",)

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> EncoderDistillation:
        """Builds student and teacher from the options.

        Raises:
            UserError: If the token lists of student and teacher differ, a name is unknown, or stored latents are
                another teacher's.
        """
        token_list = read_token_list(args)
        teacher = load_teacher(args.teacher_train_config, args.teacher_model_file)
        if token_list != teacher.token_list:
            raise UserError(
                f"the student's token list ({len(token_list)} tokens) differs from that of the teacher in "
                f"{args.teacher_train_config} ({len(teacher.token_list)} tokens): "
                f"{sorted(set(token_list) ^ set(teacher.token_list))[:10]}; train the teacher on the same tokens"
            )
        latents = None
        if args.latents_dir is not None:
            latents = TeacherLatents(args.latents_dir, fingerprint(args.teacher_model_file))
        if args.encoder_conf.get("latent_channels") is None:
            args.encoder_conf["latent_channels"] = teacher.latent_channels  # config.yaml, written later, has the number
        encoder = encoder_choices.get_class(args.encoder)(**encoder_kwargs(args))
        learner = None
        if args.alignment == "aligner":
            learner = AlignmentLearner.from_conf(encoder.channels, N_MELS, args.alignment_conf, args.accum_grad)
        boundary = token_list.index(SPACE) if SPACE in token_list else None
        return EncoderDistillation(encoder, teacher, learner, latents, boundary=boundary, **args.model_conf)
