"""Decoder distillation as an ESPnet2 task (stage 8)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import ClassVar

import torch
from espnet2.gan_tts.hifigan.hifigan import HiFiGANMultiScaleMultiPeriodDiscriminator
from espnet2.tasks.abs_task import AbsTask, optim_classes
from espnet2.train.class_choices import ClassChoices
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.utils.nested_dict_action import NestedDictAction

from espnet2_nix.losses.ged_loss import GEDLoss
from espnet2_nix.losses.mr_stft_loss import MRSTFTLoss
from espnet2_nix.models.decoder_distillation import DecoderDistillation
from espnet2_nix.models.nix_decoder import DECODERS, build_decoder
from espnet2_nix.tasks.nix_encoder import add_teacher_arguments
from espnet2_nix.tasks.register import register
from espnet2_nix.tasks.teacher import load_teacher
from espnet2_nix.tasks.trainer import NixDecoderTrainer

register()

decoder_choices = ClassChoices("decoder", classes=DECODERS, default="hifigan")
discriminator_choices = ClassChoices(
    "discriminator",
    classes={"hifigan_multi_scale_multi_period_discriminator": HiFiGANMultiScaleMultiPeriodDiscriminator},
    default="hifigan_multi_scale_multi_period_discriminator",
)
spectral_loss_choices = ClassChoices("spectral_loss", classes={"ged": GEDLoss, "mr_stft": MRSTFTLoss}, default="ged")


class NixDecoderTask(AbsTask):
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
        for class_choices in cls.class_choices_list:
            class_choices.add_arguments(group)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Pads speech with silence."""
        return CommonCollateFn(float_pad_value=0.0, int_pad_value=0)

    @classmethod
    def build_preprocess_fn(cls, args: argparse.Namespace, train: bool) -> None:
        """Nothing: the decoder needs no text."""
        return

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set must give."""
        return ("speech",)

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set may give besides."""
        return ()

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> DecoderDistillation:
        """Builds student decoder, discriminators and teacher from the options.

        Raises:
            ValueError: If the decoder's hop differs from the teacher's, or a name is unknown.
        """
        teacher = load_teacher(args.teacher_train_config, args.teacher_model_file)
        spectral_conf = dict(args.spectral_loss_conf)
        if args.spectral_loss == "ged":
            spectral_conf["fs"] = teacher.fs
        return DecoderDistillation(
            decoder=build_decoder(args.decoder, teacher.latent_channels, args.decoder_conf),
            teacher=teacher,
            discriminator=discriminator_choices.get_class(args.discriminator)(**args.discriminator_conf),
            spectral_loss=spectral_loss_choices.get_class(args.spectral_loss)(**spectral_conf),
            **args.model_conf,
        )

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: DecoderDistillation) -> list[torch.optim.Optimizer]:
        """Optimizer 0 holds the decoder, optimizer 1 the discriminators."""
        return [
            optim_classes[args.optim](model.decoder.parameters(), **args.optim_conf),
            optim_classes[args.optim2](model.discriminator.parameters(), **args.optim2_conf),
        ]
