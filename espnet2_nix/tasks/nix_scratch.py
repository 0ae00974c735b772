"""The student trained from scratch, without a teacher, as an ESPnet2 task: the control of distillation."""

from __future__ import annotations

import argparse
from typing import ClassVar

import torch
from espnet2.tasks.abs_task import AbsTask, optim_classes
from espnet2.train.class_choices import ClassChoices
from espnet2.tts.feats_extract.linear_spectrogram import LinearSpectrogram
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import int_or_none

from espnet2_nix.errors import UserError
from espnet2_nix.models.alignment_learner import AlignmentLearner
from espnet2_nix.models.from_scratch import FromScratch
from espnet2_nix.models.load_encoder import encoder_kwargs
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.recording_features import RecordingFeatures
from espnet2_nix.modules.log_mel import N_MELS
from espnet2_nix.tasks.nix_encoder import NixEncoderTask
from espnet2_nix.tasks.options import (
    add_text_arguments,
    build_spectral_loss,
    decoder_choices,
    discriminator_choices,
    duration_predictor_choices,
    encoder_choices,
    read_token_list,
    spectral_loss_choices,
)
from espnet2_nix.tasks.safe_training import SafeTraining
from espnet2_nix.tasks.trainer import NixDecoderTrainer


class NixScratchTask(SafeTraining, AbsTask):
    """Trains encoder, aligner and decoder of a student together, against the recordings only."""

    num_optimizers: int = 2
    class_choices_list: ClassVar[list[ClassChoices]] = [
        encoder_choices,
        duration_predictor_choices,
        decoder_choices,
        discriminator_choices,
        spectral_loss_choices,
    ]
    trainer = NixDecoderTrainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the options of both distillations that need no teacher, and those that a teacher would decide."""
        group = parser.add_argument_group("Task related")
        group.add_argument(
            "--alignment_conf",
            action=NestedDictAction,
            default={},
            help="Keyword arguments of the alignment and its losses: temperature, hard_alignment_start, bin_start, …",
        )
        group.add_argument(
            "--model_conf",
            action=NestedDictAction,
            default={},
            help="Keyword arguments of DecoderDistillation: segment_size, lambda_mel, …",
        )
        group.add_argument("--fs", type=int, default=22050, help="Sampling rate, Hz")
        group.add_argument("--n_fft", type=int, default=1024, help="Points of the spectrogram")
        group.add_argument("--hop_length", type=int, default=256, help="Samples a frame")
        group.add_argument("--win_length", type=int_or_none, default=None, help="Samples of a window; null: n_fft")
        add_text_arguments(parser)
        for class_choices in cls.class_choices_list:
            class_choices.add_arguments(group)

    build_collate_fn = NixEncoderTask.build_collate_fn
    build_preprocess_fn = NixEncoderTask.build_preprocess_fn

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set must give."""
        return ("text", "speech")

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set may give besides."""
        return ()

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> FromScratch:
        """Builds student, aligner and discriminators from the options.

        Raises:
            UserError: If the decoder's hop is not ``--hop_length``, a name is unknown, or the encoder is to predict pitch.
        """
        token_list = read_token_list(args)
        encoder = encoder_choices.get_class(args.encoder)(**encoder_kwargs(args))
        if encoder.pitch_predictor is not None:
            raise UserError(
                "encoder_conf.pitch_predictor_conf: a student from scratch has no stored latents, where the pitch would be; "
                "leave it at null"
            )
        features = RecordingFeatures(
            LinearSpectrogram(n_fft=args.n_fft, hop_length=args.hop_length, win_length=args.win_length),
            fs=args.fs,
            token_list=token_list,
            latent_channels=encoder.latent_channels,
        )
        alignment_conf = dict(args.alignment_conf)
        lambda_dur = alignment_conf.pop("lambda_dur", 1.0)
        learner = AlignmentLearner.from_conf(encoder.channels, N_MELS, alignment_conf, args.accum_grad)
        return FromScratch(
            encoder=encoder,
            learner=learner,
            features=features,
            decoder=build_decoder(args.decoder, encoder.latent_channels, args.decoder_conf),
            discriminator=discriminator_choices.get_class(args.discriminator)(**args.discriminator_conf),
            spectral_loss=build_spectral_loss(args, args.fs),
            lambda_dur=lambda_dur,
            model_conf=args.model_conf,
        )

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: FromScratch) -> list[torch.optim.Optimizer]:
        """Optimizer 0 holds the student and its aligner, optimizer 1 the discriminators."""
        student = [*model.encoder.parameters(), *model.learner.parameters(), *model.decoder.parameters()]
        return [
            optim_classes[args.optim](student, **args.optim_conf),
            optim_classes[args.optim2](model.discriminator.parameters(), **args.optim2_conf),
        ]
