import pytest
import torch

from espnet2_nix.modules.multi_resolution_discriminator import MultiPeriodMultiResolutionDiscriminator, SpectrogramDiscriminator

TINY = {"periods": [2], "period_channels": 4, "max_downsample_channels": 8, "fft_sizes": [256, 128], "resolution_channels": 4}


def test_one_list_of_layers_for_each_period_and_each_spectrogram():
    outs = MultiPeriodMultiResolutionDiscriminator(**TINY)(torch.randn(2, 1, 2048))
    assert len(outs) == 3
    assert [out[-1].shape[0] for out in outs] == [2, 2, 2]
    assert outs[1][0].shape == (2, 4, 1 + 2048 // 64, 129)  # frames by bins
    assert outs[2][-1].shape == (2, 1, 1 + 2048 // 32, 9)  # three layers halved the 65 bins


def test_a_quiet_tone_is_heard_as_a_loud_one():
    torch.manual_seed(0)
    discriminator = SpectrogramDiscriminator(256)
    tone = torch.sin(torch.arange(2048) * 0.7)[None, None]
    outs = [discriminator(level * tone)[-1] for level in (0.5, 0.05, 0.0)]
    # A tenth of the amplitude is 2.3 in its logarithm, 17.9 lie between a half and silence at the floor.
    assert (outs[0] - outs[1]).abs().max() > 0.05 * (outs[0] - outs[2]).abs().max()


def test_silence_gives_finite_gradients():
    wav = torch.zeros(1, 1, 2048, requires_grad=True)
    MultiPeriodMultiResolutionDiscriminator(**TINY)(wav)[-1][-1].sum().backward()
    assert torch.isfinite(wav.grad).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_clip_is_judged_alone(seed):
    torch.manual_seed(seed)
    discriminator = SpectrogramDiscriminator(128, 4)
    wavs = torch.randn(3, 1, 1024)
    together = discriminator(wavs)[-1]
    assert torch.allclose(together[1:2], discriminator(wavs[1:2])[-1], atol=1e-5)
