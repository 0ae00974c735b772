"""Options that several trainings share, and what they stand for."""

from __future__ import annotations

import argparse

import torch
from espnet2.gan_tts.hifigan.hifigan import (
    HiFiGANMultiPeriodDiscriminator,
    HiFiGANMultiScaleMultiPeriodDiscriminator,
)
from espnet2.train.class_choices import ClassChoices
from espnet2.utils.types import str_or_none

from espnet2_nix.losses.ged_loss import GEDLoss
from espnet2_nix.losses.mr_stft_loss import MultiResolutionSTFTLoss
from espnet2_nix.models.nix_decoder import DECODERS
from espnet2_nix.models.nix_encoder import DURATION_PREDICTORS, NixEncoder
from espnet2_nix.modules.multi_resolution_discriminator import MultiPeriodMultiResolutionDiscriminator
from espnet2_nix.modules.vits_discriminator import VITSDiscriminator, VITSPeriodDiscriminator
from espnet2_nix.text import frontend_info
from espnet2_nix.text.frontend import DEFAULT_FRONTEND

encoder_choices = ClassChoices("encoder", classes={"nix": NixEncoder}, default="nix")
duration_predictor_choices = ClassChoices("duration_predictor", classes=DURATION_PREDICTORS, default="deterministic")
decoder_choices = ClassChoices("decoder", classes=DECODERS, default="hifigan")
discriminator_choices = ClassChoices(
    "discriminator",
    classes={
        "vits": VITSDiscriminator,
        "vits_period": VITSPeriodDiscriminator,  # a third of the cost on a CPU
        "multi_period_multi_resolution": MultiPeriodMultiResolutionDiscriminator,
        # ESPnet's own, every size given by the configuration.
        "hifigan_multi_scale_multi_period_discriminator": HiFiGANMultiScaleMultiPeriodDiscriminator,
        "hifigan_multi_period_discriminator": HiFiGANMultiPeriodDiscriminator,
    },
    default="vits",
)
spectral_loss_choices = ClassChoices(
    "spectral_loss", classes={"ged": GEDLoss, "mr_stft": MultiResolutionSTFTLoss}, default="ged"
)


def add_teacher_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that name the teacher; both distillations need them."""
    parser.get_default("required").extend(["teacher_train_config", "teacher_model_file"])
    group = parser.add_argument_group("Teacher related")
    group.add_argument("--teacher_train_config", type=str_or_none, default=None, help="config.yaml of the VITS teacher")
    group.add_argument("--teacher_model_file", type=str_or_none, default=None, help="Weights of the VITS teacher")


def add_text_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the text; the required one goes through ESPnet's list, so that --print_config works."""
    parser.get_default("required").extend(["token_list"])
    group = parser.add_argument_group("Preprocess related")
    group.add_argument("--token_list", type=str_or_none, default=None, help="A text mapping int-id to token")
    group.add_argument(
        "--frontend",
        type=str,
        default=DEFAULT_FRONTEND,
        help="Front-end of espnet2_nix.text that made the tokens; it travels with the model",
    )


def read_token_list(args: argparse.Namespace) -> list[str]:
    """The token list of ``--token_list``, put into ``args`` in place of its path, as is what ``--frontend`` stands for.

    ESPnet writes ``args`` to config.yaml afterwards, so the configuration stays portable.
    """
    if isinstance(args.frontend, str):
        args.frontend = frontend_info(args.frontend)
    if isinstance(args.token_list, str):
        with open(args.token_list, encoding="utf-8") as f:
            args.token_list = [line.rstrip("\n") for line in f]
    return list(args.token_list)


def build_spectral_loss(args: argparse.Namespace, fs: int) -> torch.nn.Module:
    """The spectral loss that the options name, at a sampling rate in Hz."""
    conf = dict(args.spectral_loss_conf)
    if args.spectral_loss == "ged":
        conf["fs"] = fs
    return spectral_loss_choices.get_class(args.spectral_loss)(**conf)
