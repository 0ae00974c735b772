"""The phases of a teacher from a public voice as ESPnet2 tasks (stage 6)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from espnet2.tasks.abs_task import AbsTask, optim_classes
from espnet2.train.class_choices import ClassChoices
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.preprocessor import CommonPreprocessor
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str_or_none

from espnet2_nix.models.checkpoint import fingerprint, load_strictly, read_state_dict
from espnet2_nix.models.load_teacher import load_vits
from espnet2_nix.models.teacher_latents import TeacherLatents
from espnet2_nix.models.teacher_phases import PosteriorPretraining, VITSAutoencoder
from espnet2_nix.models.text_side import TextAligner, TextSide
from espnet2_nix.tasks.options import add_teacher_arguments, add_text_arguments, read_token_list
from espnet2_nix.tasks.safe_training import SafeTraining
from espnet2_nix.tasks.trainer import TeacherPhaseGANTrainer, TeacherPhaseTrainer, TextAlignerTrainer


class TeacherPhaseTask(SafeTraining, AbsTask):
    """What the phases share: the teacher so far, read from its files, and options of the phase's model."""

    num_optimizers: int = 1
    class_choices_list: ClassVar[list[ClassChoices]] = []
    trainer = TeacherPhaseTrainer
    data_names: ClassVar[tuple[str, ...]] = ("speech",)

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the task's options."""
        group = parser.add_argument_group("Task related")
        group.add_argument(
            "--model_conf", action=NestedDictAction, default={}, help="Keyword arguments of the phase's model"
        )
        add_teacher_arguments(parser)

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Pads with zeros."""
        return CommonCollateFn(float_pad_value=0.0, int_pad_value=0)

    @classmethod
    def build_preprocess_fn(
        cls, args: argparse.Namespace, train: bool
    ) -> Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]] | None:
        """Nothing to do: no text."""
        return None

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """What a data set must give."""
        return cls.data_names

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """Nothing besides."""
        return ()


class PosteriorPretrainingTask(TeacherPhaseTask):
    """Phase 1: the posterior encoder on the start voice's own speech."""

    data_names: ClassVar[tuple[str, ...]] = ("speech", "latent")

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> PosteriorPretraining:
        """Reads the teacher so far; everything but its posterior encoder is frozen."""
        vits = load_phase(args.teacher_train_config, args.teacher_model_file)
        model = PosteriorPretraining(vits.tts, vits.feats_extract, **args.model_conf)
        return freeze_all_but(model, model.trained)


class VITSAutoencoderTask(TeacherPhaseTask):
    """Phase 2: posterior encoder and decoder on the corpus, adversarially, without text."""

    num_optimizers: int = 2
    trainer = TeacherPhaseGANTrainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the task's options."""
        super().add_task_arguments(parser)
        parser.add_argument(
            "--latent_stats",
            type=str_or_none,
            default=None,
            help="Mean and deviation of the start voice's latent (.npz); none: 0 and 1",
        )

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> VITSAutoencoder:
        """Reads the teacher so far; its text side is frozen."""
        vits = load_phase(args.teacher_train_config, args.teacher_model_file)
        stats = {}
        if args.latent_stats is not None:
            with np.load(args.latent_stats) as arrays:
                stats = {"latent_mean": torch.from_numpy(arrays["mean"]), "latent_std": torch.from_numpy(arrays["std"])}
        model = VITSAutoencoder(vits.tts, vits.feats_extract, **stats, **args.model_conf)
        return freeze_all_but(model, [*model.trained, model.tts.discriminator])

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: VITSAutoencoder) -> list[torch.optim.Optimizer]:
        """Optimizer 0 holds posterior encoder and decoder, optimizer 1 the discriminators."""
        generator = [p for module in model.trained for p in module.parameters()]
        return [
            optim_classes[args.optim](generator, **args.optim_conf),
            optim_classes[args.optim2](model.tts.discriminator.parameters(), **args.optim2_conf),
        ]


class TextPhaseTask(TeacherPhaseTask):
    """What the phases with text share."""

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the task's options."""
        super().add_task_arguments(parser)
        add_text_arguments(parser)

    @classmethod
    def build_preprocess_fn(
        cls, args: argparse.Namespace, train: bool
    ) -> Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
        """Token names to ids; the tokens themselves were made in stage 2."""
        return CommonPreprocessor(train=train, token_type="phn", token_list=args.token_list, g2p_type=None)


class TextAlignerTask(TextPhaseTask):
    """The alignment of corpus and text, learnt from the spectrogram alone."""

    trainer = TextAlignerTrainer
    data_names: ClassVar[tuple[str, ...]] = ("text", "speech")

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> TextAligner:
        """Builds the aligner; of the teacher it takes the features alone."""
        token_list = read_token_list(args)
        vits, _ = load_vits(args.teacher_train_config, None)
        return TextAligner(len(token_list), int(vits.tts.fs), vits.feats_extract, **args.model_conf)


class TextSideTask(TextPhaseTask):
    """Phase 3: text encoder, flow and duration predictor on stored posteriors."""

    data_names: ClassVar[tuple[str, ...]] = ("text",)

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Adds the task's options."""
        super().add_task_arguments(parser)
        parser.get_default("required").extend(["latents_dir"])
        parser.add_argument(
            "--latents_dir", type=str_or_none, default=None, help="Posteriors and durations, see bin/dump_latents.py"
        )

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> TextSide:
        """Reads the teacher so far; posterior encoder and decoder are frozen."""
        read_token_list(args)
        vits = load_phase(args.teacher_train_config, args.teacher_model_file)
        latents = TeacherLatents(args.latents_dir, fingerprint(args.teacher_model_file))
        model = TextSide(vits.tts, latents, **args.model_conf)
        return freeze_all_but(model, model.trained)


def freeze_all_but(model: torch.nn.Module, trained: list[torch.nn.Module]) -> torch.nn.Module:
    """Leaves gradients to some modules only; returns the model."""
    model.requires_grad_(False)
    for module in trained:
        module.requires_grad_(True)
    return model


def load_phase(train_config: str, model_file: str | None) -> torch.nn.Module:
    """The teacher that a phase left: ESPnet's VITS, strictly; what the phase's own model held besides is left out.

    Args:
        train_config: ``config.yaml`` of the teacher.
        model_file: Weights that the phase saved; None leaves them random.
    """
    vits, _ = load_vits(train_config, None)
    if model_file is None:
        return vits
    own = vits.state_dict().keys()
    state = read_state_dict(model_file)
    extra = [name for name in state if name not in own and name.startswith("tts.")]
    load_strictly(vits, {name: value for name, value in state.items() if name in own or name in extra}, model_file)
    return vits
