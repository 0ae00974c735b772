import pytest
import torch

from espnet2_nix.errors import UserError
from espnet2_nix.modules.multi_resolution_discriminator import (
    MultiPeriodMultiResolutionDiscriminator,
    SpectrogramDiscriminator,
)
from espnet2_nix.modules.vits_discriminator import VITSPeriodDiscriminator

TINY = {
    "periods": [2],
    "period_channels": 4,
    "max_downsample_channels": 8,
    "fft_sizes": [256, 128],
    "resolution_channels": 4,
}


def test_one_list_of_layers_for_each_period_and_each_spectrogram():
    outs = MultiPeriodMultiResolutionDiscriminator(**TINY)(torch.randn(2, 1, 2048))
    assert len(outs) == 3
    assert [out[-1].shape[0] for out in outs] == [2, 2, 2]
    assert outs[1][0].shape == (2, 4, 1 + 2048 // 64, 65)  # frames by bins, of which the layer halved the 129
    assert outs[2][-1].shape == (2, 1, 1 + 2048 // 32, 5)  # four layers halved the 65 bins


def test_a_quiet_tone_is_heard_as_a_loud_one():
    torch.manual_seed(0)
    discriminator = SpectrogramDiscriminator(256)
    tone = torch.sin(torch.arange(2048) * 0.7)[None, None]
    loud, quiet, silent = (discriminator(level * tone)[-1] for level in (0.5, 0.05, 0.0))
    # Of linear amplitudes a tenth would be heard as a tenth; of their logarithms it is some eight tenths of the way from silence.
    assert (quiet - silent).abs().max() > 0.5 * (loud - silent).abs().max()


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


def test_it_begins_with_the_period_discriminators_of_a_teacher():
    from espnet2_nix.tasks.nix_decoder import begin_discriminator

    periods = {name: TINY[name] for name in ("periods", "period_channels", "max_downsample_channels")}
    teacher, student = VITSPeriodDiscriminator(**periods), MultiPeriodMultiResolutionDiscriminator(**TINY)
    own = {name: value.clone() for name, value in student.state_dict().items()}
    begin_discriminator(student, teacher.state_dict(), "teacher.pth")
    for name, value in student.state_dict().items():
        torch.testing.assert_close(value, teacher.state_dict().get(name, own[name]), rtol=0, atol=0)
    # A teacher that has discriminators of spectrograms gives them as well.
    other = MultiPeriodMultiResolutionDiscriminator(**TINY)
    begin_discriminator(student, other.state_dict(), "teacher.pth")
    torch.testing.assert_close(dict(student.state_dict()), dict(other.state_dict()), rtol=0, atol=0)
    with pytest.raises(UserError, match=r"teacher\.pth"):
        begin_discriminator(student, VITSPeriodDiscriminator([2, 3], 4, 8).state_dict(), "teacher.pth")
    with pytest.raises(UserError, match=r"teacher\.pth"):
        begin_discriminator(VITSPeriodDiscriminator(**periods), student.state_dict(), "teacher.pth")
