"""Student encoders that read further text together."""

import pytest
import torch
from conftest import make_encoder_conf

from espnet2_nix.models.encoder_ensemble import EncoderEnsemble
from espnet2_nix.models.nix_encoder import NixEncoder


def make_encoders(number=3, **changes):
    encoders = []
    for seed in range(number):
        torch.manual_seed(seed)
        encoders.append(NixEncoder(75, **make_encoder_conf() | changes).eval())
    return encoders


TEXT = torch.arange(2, 12)[None]


def test_the_common_latent_has_the_moments_of_the_mixture():
    encoders = make_encoders()
    mean, log_std, durations, _ = EncoderEnsemble(encoders).prior(TEXT)
    assert mean.shape == log_std.shape == (1, 8, int(durations.sum()))
    with torch.no_grad():
        latents = [encoder(TEXT, torch.tensor([10]), durations) for encoder in encoders]
    torch.manual_seed(0)
    samples = torch.cat(
        [out["m_s"] + torch.exp(out["logs_s"]) * torch.randn(20000, *mean.shape[1:]) for out in latents]
    )
    assert (samples.mean(0) - mean[0]).abs().max() < 0.06
    assert (torch.log(samples.std(0)) - log_std[0]).abs().max() < 0.06
    single = torch.stack([torch.exp(out["logs_s"]) for out in latents])
    assert (torch.exp(log_std) >= single.square().mean(0).sqrt() - 1e-6).all()  # what they disagree in makes it wider


def test_equal_encoders_are_one():
    encoder = make_encoders(1)[0]
    mean, log_std, durations, _ = EncoderEnsemble([encoder, encoder]).prior(TEXT)
    with torch.no_grad():
        out = encoder(TEXT, torch.tensor([10]), durations)
    torch.testing.assert_close(mean, out["m_s"])
    torch.testing.assert_close(log_std, out["logs_s"], rtol=1e-4, atol=1e-4)


def test_durations_are_the_geometric_mean_rounded_to_the_nearest_frame():
    encoders = make_encoders(2)
    for encoder, frames in zip(encoders, (2.0, 4.0), strict=True):  # 2.83 together
        encoder.duration_predictor.proj.weight.data.zero_()
        encoder.duration_predictor.proj.bias.data.fill_(float(torch.log(torch.tensor(frames))))
    assert EncoderEnsemble(encoders).prior(TEXT)[2].tolist() == [[3] * 10]
    for encoder in encoders:
        encoder.duration_predictor.proj.bias.data.fill_(float(torch.log(torch.tensor(2.2))))  # 3 where rounded up
    assert EncoderEnsemble(encoders).prior(TEXT)[2].tolist() == [[2] * 10]
    for encoder in encoders:
        encoder.duration_predictor.proj.bias.data.fill_(-5.0)
    assert EncoderEnsemble(encoders).prior(TEXT)[2].tolist() == [[1] * 10]


def test_encoders_with_pitch_speak_at_their_common_pitch():
    encoders = make_encoders(2, pitch_predictor_conf={"hidden_channels": 16})
    mean, _, durations, pitch = EncoderEnsemble(encoders).prior(TEXT)
    lengths = torch.tensor([10])
    with torch.no_grad():
        own = [encoder.pitch_predictor(*encoder.text_encoder(TEXT, lengths)) for encoder in encoders]
        latents = [encoder(TEXT, lengths, durations, pitch=pitch)["m_s"] for encoder in encoders]
    torch.testing.assert_close(pitch, (own[0] + own[1]) / 2)
    assert not torch.allclose(own[0], own[1], atol=1e-3)
    torch.testing.assert_close(mean, (latents[0] + latents[1]) / 2)
    assert EncoderEnsemble([encoders[0], *make_encoders(1)]).prior(TEXT)[3] is None


def test_what_is_no_ensemble_is_refused():
    with pytest.raises(ValueError, match="two encoders or more, found 1"):
        EncoderEnsemble(make_encoders(1))
    with pytest.raises(ValueError, match="one latent and token list"):
        EncoderEnsemble([*make_encoders(1), *make_encoders(1, latent_channels=4)])
