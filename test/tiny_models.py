"""Tiny models with random weights that the tests of models share."""

import torch
from conftest import ISTFT_DECODER, TINY_DISCRIMINATOR, make_encoder_conf

from espnet2_nix.losses.ged_loss import GEDLoss
from espnet2_nix.models.alignment_learner import AlignmentLearner
from espnet2_nix.models.decoder_distillation import DecoderDistillation
from espnet2_nix.models.encoder_distillation import EncoderDistillation
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.teacher_latents import write_latents
from espnet2_nix.modules.log_mel import N_MELS


def make_encoder_distillation(teacher, seed=0, **kwargs):
    """A tiny student encoder under a teacher."""
    torch.manual_seed(seed)
    encoder = NixEncoder(75, **make_encoder_conf())
    own = {
        name: kwargs.pop(name)
        for name in ("latents", "lambda_latent", "lambda_dur", "splice_share", "boundary")
        if name in kwargs
    }
    steps_per_update = kwargs.pop("steps_per_update", 1)
    learner = None
    if kwargs.pop("alignment", "aligner") == "aligner":
        learner = AlignmentLearner.from_conf(encoder.channels, N_MELS, kwargs, steps_per_update)
    return EncoderDistillation(encoder, teacher, learner, **own)


def make_decoder_distillation(teacher, spectral_loss=None, seed=0, **kwargs):
    """A tiny student decoder and discriminators under a teacher."""
    from espnet2.gan_tts.hifigan.hifigan import HiFiGANMultiScaleMultiPeriodDiscriminator

    torch.manual_seed(seed)
    return DecoderDistillation(
        decoder=build_decoder("istft", 8, ISTFT_DECODER),
        features=teacher,
        teacher=teacher,
        discriminator=HiFiGANMultiScaleMultiPeriodDiscriminator(**TINY_DISCRIMINATOR),
        spectral_loss=spectral_loss or GEDLoss(window_sizes=(256,), n_mels=32),
        **{"segment_size": 8, **kwargs},
    )


def gradient_norm(module):
    """Sum of the absolute gradients of a module's parameters."""
    return sum(float(p.grad.abs().sum()) for p in module.parameters() if p.grad is not None)


def store_latents(teacher, folder, batch, names=("a", "b"), fingerprint="f"):
    """Stores a batch's recordings as stage 7 does."""
    write_latents(
        folder,
        teacher,
        fingerprint,
        [
            (name, batch["text"][i, : batch["text_lengths"][i]], batch["speech"][i, : batch["speech_lengths"][i]])
            for i, name in enumerate(names)
        ],
    )
