"""The student trained from scratch."""

import pytest
import torch
from conftest import ISTFT_DECODER, TINY_DISCRIMINATOR, make_batch, make_encoder_conf
from tiny_models import gradient_norm

from espnet2_nix.losses.ged_loss import GEDLoss
from espnet2_nix.models.alignment_learner import AlignmentLearner
from espnet2_nix.models.decoder_distillation import LossWeights
from espnet2_nix.models.from_scratch import FromScratch
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.recording_features import RecordingFeatures
from espnet2_nix.modules.log_mel import N_MELS


def make_from_scratch(teacher, **kwargs):
    from espnet2.gan_tts.hifigan.hifigan import HiFiGANMultiScaleMultiPeriodDiscriminator

    torch.manual_seed(0)
    features = RecordingFeatures(teacher.feats_extract, teacher.fs, teacher.token_list, 8)
    encoder = NixEncoder(75, **make_encoder_conf())
    learner = AlignmentLearner.from_conf(encoder.channels, N_MELS, kwargs.pop("alignment_conf", {}))
    return FromScratch(
        encoder,
        learner,
        features,
        decoder=build_decoder("istft", 8, ISTFT_DECODER),
        discriminator=HiFiGANMultiScaleMultiPeriodDiscriminator(**TINY_DISCRIMINATOR),
        spectral_loss=GEDLoss(window_sizes=(256,), n_mels=32),
        **{"model_conf": {"segment_size": 8}, **kwargs},
    )


def test_from_scratch_the_wave_teaches_the_encoder(tiny_teacher):
    model = make_from_scratch(tiny_teacher, alignment_conf={"hard_alignment_start": 0}).train()
    model.encoder.latent_encoder.proj.weight.data.normal_()
    model.learner.lambda_forward_sum = model.learner.lambda_bin = model.lambda_dur = 0.0
    batch = make_batch()
    model(**batch, forward_generator=False)
    out = model(**batch, forward_generator=True)
    assert {"mel_loss", "forward_sum_loss", "dur_loss", "bin_loss", "generator_loss"} <= set(out["stats"])
    assert "latent_loss" not in out["stats"]
    out["loss"].backward()
    encoder = model.encoder
    assert gradient_norm(encoder.text_encoder) > 0
    assert gradient_norm(encoder.latent_encoder) > 0
    assert gradient_norm(model.decoder) > 0
    assert gradient_norm(model.learner.aligner) == 0
    assert gradient_norm(encoder.duration_predictor) == 0


def test_from_scratch_the_alignment_losses_count(tiny_teacher):
    model = make_from_scratch(tiny_teacher)
    model.weights = LossWeights(lambda_adv=0.0, lambda_feat_match=0.0, lambda_mel=0.0, lambda_spectral=0.0)
    batch = make_batch()
    model(**batch, forward_generator=False)
    loss = model(**batch, forward_generator=True)["loss"]
    loss.backward()
    assert gradient_norm(model.learner.aligner) > 0
    assert gradient_norm(model.encoder.duration_predictor) > 0
    assert gradient_norm(model.decoder) == 0
    assert model.learner.step == 1  # a turn of each, one step


def test_from_scratch_has_no_teacher(tiny_teacher):
    model = make_from_scratch(tiny_teacher).eval()
    waves = model.resynthesise(**{n: v[:1] for n, v in make_batch().items()})
    assert {name: wav.shape for name, wav in waves.items()} == dict.fromkeys(("recording", "student"), (1, 12000))
    with pytest.raises(ValueError, match="needs a teacher's wave"):
        make_from_scratch(tiny_teacher, model_conf={"lambda_spectral_teacher": 1.0})
    with pytest.raises(ValueError, match="give text beside speech"):
        model.distil(torch.zeros(1, 12000), torch.tensor([12000]))
