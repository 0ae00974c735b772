"""Decoder distillation: turns, segments, losses."""

import pytest
import torch
from conftest import ISTFT_DECODER, make_batch
from tiny_models import gradient_norm, make_decoder_distillation

from espnet2_nix.errors import UserError
from espnet2_nix.losses.mr_stft_loss import MultiResolutionSTFTLoss
from espnet2_nix.models.decoder_distillation import DecoderDistillation, LossWeights
from espnet2_nix.models.nix_decoder import build_decoder


def test_each_turn_trains_its_own_part_and_the_wave_is_made_once(tiny_teacher):
    model = make_decoder_distillation(tiny_teacher)
    batch = {name: value for name, value in make_batch().items() if "speech" in name}
    calls = []
    model.decoder.register_forward_hook(lambda *args: calls.append(1))
    out = model(**batch, forward_generator=False)
    assert out["optim_idx"] == 1
    out["loss"].backward()
    assert gradient_norm(model.discriminator) > 0
    assert gradient_norm(model.decoder) == 0
    model.zero_grad()
    out = model(**batch, forward_generator=True)
    assert out["optim_idx"] == 0
    out["loss"].backward()
    assert gradient_norm(model.decoder) > 0
    assert len(calls) == 2  # two samples of one posterior, for both turns
    assert {"adv_loss", "feat_match_loss", "mel_loss", "spectral_loss", "generator_loss"} == set(out["stats"])


def test_the_target_is_the_recording_at_the_same_frames(tiny_teacher):
    model = make_decoder_distillation(tiny_teacher)
    ramp = torch.arange(12032.0)[None] / 12032
    out = model.distil(ramp, torch.tensor([12032]))
    start = out.speech[0, 0, 0] * 12032
    assert start % 256 == 0
    torch.testing.assert_close(out.speech[0, 0], ramp[0, int(start) : int(start) + 8 * 256])
    assert out.wav.shape == out.wav2.shape == out.speech.shape == (1, 1, 8 * 256)
    assert not torch.equal(out.wav, out.wav2)


def test_waves_serve_the_other_turn_of_the_same_batch_only(tiny_teacher):
    model = make_decoder_distillation(tiny_teacher)
    calls = []
    model.decoder.register_forward_hook(lambda *args: calls.append(1))
    first, second = ({n: v for n, v in make_batch(seed).items() if "speech" in n} for seed in (0, 1))
    model(**first, forward_generator=False)
    model(**second, forward_generator=True)
    assert len(calls) == 4  # another batch: waves of its own
    model(**first, forward_generator=True)
    assert len(calls) == 6  # nothing was left
    model(**first, forward_generator=False)
    model(**first, forward_generator=False)
    assert len(calls) == 10
    model.eval()(**first, forward_generator=True)
    assert len(calls) == 12  # made in training


def test_the_teachers_wave_counts_by_its_weight(tiny_teacher):
    batch = {name: value for name, value in make_batch().items() if "speech" in name}
    model = make_decoder_distillation(
        tiny_teacher, spectral_loss=MultiResolutionSTFTLoss([256], [64]), lambda_spectral_teacher=1.0
    )
    out = model.distil(**batch)
    assert out.wav2 is None
    model.eval()  # a spectral norm changes with every call in training
    # Untrained discriminators give losses beside which any other is lost in rounding: they are left out.
    model.weights = LossWeights(lambda_adv=0.0, lambda_feat_match=0.0, lambda_spectral_teacher=1.0)
    loss, stats = model.generator_losses(out)
    model.weights = LossWeights(lambda_adv=0.0, lambda_feat_match=0.0)
    without, _ = model.generator_losses(out)
    torch.testing.assert_close(loss - without, stats["spectral_teacher_loss"], rtol=1e-3, atol=1e-3)


def test_an_unknown_weight_is_refused_by_name(tiny_teacher):
    with pytest.raises(UserError, match=r"lambda_adv, .*lambda_mel, .*found lambda_mels, lambda_nothing$"):
        make_decoder_distillation(tiny_teacher, lambda_mels=45.0, lambda_adv=0.5, lambda_nothing=1.0)
    model = make_decoder_distillation(tiny_teacher, lambda_adv=0.5)
    assert model.weights == LossWeights(lambda_adv=0.5)


def test_a_clip_shorter_than_a_segment_is_refused(tiny_teacher):
    model = make_decoder_distillation(tiny_teacher)
    speech = torch.zeros(2, 4096)
    with pytest.raises(ValueError, match="clip 1 of the batch has 7 whole frames"):
        model.distil(speech, torch.tensor([4096, 2047]))


def test_a_decoder_with_another_hop_is_refused(tiny_teacher):
    with pytest.raises(ValueError, match="hop"):
        DecoderDistillation(
            build_decoder("istft", 8, {**ISTFT_DECODER, "hop_length": 128}),
            tiny_teacher,
            tiny_teacher,
            torch.nn.Identity(),
            MultiResolutionSTFTLoss(),
        )
    with pytest.raises(ValueError, match="decoder must be one of"):
        build_decoder("wavenet", 8)


def test_resynthesis_is_as_long_as_the_recording(tiny_teacher):
    waves = make_decoder_distillation(tiny_teacher).eval().resynthesise(torch.zeros(1, 5000), torch.tensor([5000]))
    assert {name: wav.shape for name, wav in waves.items()} == dict.fromkeys(
        ("recording", "teacher", "student"), (1, 5000)
    )
