import pytest
import torch
from conftest import ISTFT_DECODER, RESBLOCK2_DECODER
from espnet2.gan_tts.hifigan import HiFiGANGenerator

from espnet2_nix.modules.depthwise_separable_conv import ResidualStack, SeparableLayer
from espnet2_nix.modules.duration_predictor import DeterministicDurationPredictor, StochasticDurationPredictor
from espnet2_nix.modules.hifigan_decoder import HiFiGANDecoder
from espnet2_nix.modules.istft_decoder import InverseSTFT, ISTFTDecoder, bin_order
from espnet2_nix.modules.latent_encoder import LatentEncoder
from espnet2_nix.modules.length_regulator import durations_from_log, durations_to_attn, expand, expand_by_durations
from espnet2_nix.modules.log_mel import LogMel
from espnet2_nix.modules.masks import make_non_pad_mask
from espnet2_nix.modules.resblock2_decoder import ResBlock2Decoder
from espnet2_nix.modules.text_encoder import TextEncoder

HIFIGAN = {
    "channels": 32,
    "upsample_channels": [16, 8, 4, 4],
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilations": [[1, 3], [1, 2]],
}


def decoders():
    return [HiFiGANDecoder(8, **HIFIGAN), ISTFTDecoder(8, **ISTFT_DECODER), ResBlock2Decoder(8, **RESBLOCK2_DECODER)]


def test_mask():
    assert make_non_pad_mask(torch.tensor([2, 3])).tolist() == [[[1, 1, 0]], [[1, 1, 1]]]


def test_padded_item_equals_item_alone():
    torch.manual_seed(0)
    encoder = TextEncoder(20, channels=8, dilations=[1, 2, 4]).eval()
    text = torch.randint(1, 20, (2, 11))
    lengths = torch.tensor([11, 6])
    hidden, mask = encoder(text, lengths)
    alone, _ = encoder(text[1:, :6], lengths[1:])
    torch.testing.assert_close(hidden[1:, :, :6], alone, atol=1e-5, rtol=0)
    assert (hidden[1, :, 6:] == 0).all()
    assert mask.shape == (2, 1, 11)
    latent = LatentEncoder(8, 4, dilations=[1, 3]).eval()
    torch.nn.init.normal_(latent.proj.weight)
    for padded, single in zip(latent(hidden, mask), latent(alone, mask[1:, :, :6]), strict=True):
        torch.testing.assert_close(padded[1:, :, :6], single, atol=1e-5, rtol=0)
        assert (padded[1, :, 6:] == 0).all()


def test_text_encoder_takes_any_length_and_saves_no_positions():
    encoder = TextEncoder(20, channels=8, dilations=[1]).eval()
    assert encoder(torch.ones(1, 2000, dtype=torch.long), torch.tensor([2000]))[0].shape == (1, 8, 2000)
    assert not [name for name in encoder.state_dict() if "position" in name]
    with pytest.raises(ValueError, match="even"):
        TextEncoder(20, channels=7)


def test_every_used_embedding_gets_a_gradient_and_padding_none():
    encoder = TextEncoder(10, channels=8, dilations=[1])
    hidden, _ = encoder(torch.tensor([[1, 2, 9, 0]]), torch.tensor([3]))
    hidden.square().sum().backward()
    touched = encoder.embedding.weight.grad.abs().sum(1) > 0
    assert touched.nonzero()[:, 0].tolist() == [1, 2, 9]


@pytest.mark.parametrize("dilations", [[1, 2, 4], [3, 1]])
def test_receptive_field_of_the_blocks_is_what_gradients_say(dilations):
    torch.manual_seed(0)
    stack = ResidualStack(4, 5, dilations).double()
    left, right = stack.receptive_field
    x = torch.randn(1, 4, 121, dtype=torch.float64, requires_grad=True)
    # Weighted: the plain sum over channels of a layer norm is constant.
    out = stack(x, torch.ones(1, 1, 121, dtype=torch.float64))[0, :, 60]
    (out * torch.randn(4, dtype=torch.float64)).sum().backward()
    reached = x.grad.abs().sum((0, 1)).nonzero()[:, 0]
    assert (60 - int(reached.min()), int(reached.max()) - 60) == (left, right)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_receptive_field_of_the_decoders_is_what_gradients_say(index):
    torch.manual_seed(0)
    decoder = decoders()[index].double()
    left, right = decoder.receptive_field
    frames, middle = 2 * max(left, right) + 21, max(left, right) + 10
    z = torch.randn(1, 8, frames, dtype=torch.float64, requires_grad=True)
    wav = decoder(z)
    assert wav.shape == (1, 1, 256 * frames)
    weight = torch.randn(256, dtype=torch.float64)
    (wav[0, 0, 256 * middle : 256 * (middle + 1)] * weight).sum().backward()
    reached = z.grad.abs().sum((0, 1)).nonzero()[:, 0]
    assert (middle - int(reached.min()), int(reached.max()) - middle) == (left, right)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_window_of_frames_decodes_as_the_whole(index):
    torch.manual_seed(0)
    decoder = decoders()[index].eval()
    left, right = decoder.receptive_field
    z = torch.randn(1, 8, left + right + 40)
    start, stop = left + 5, left + 15
    whole = decoder(z)[..., 256 * start : 256 * stop]
    window = decoder(z[..., start - left : stop + right])[..., 256 * left : 256 * (left + stop - start)]
    torch.testing.assert_close(window, whole, atol=1e-5, rtol=0)


def test_copies_of_tokens_are_what_the_hard_path_gives():
    torch.manual_seed(0)
    hidden = torch.randn(2, 3, 4, requires_grad=True)
    durations = torch.tensor([[2, 0, 1, 4], [1, 3, 1, 0]])
    expected = expand(hidden, durations_to_attn(durations, 9))
    found = expand_by_durations(hidden, durations, 9)
    torch.testing.assert_close(found, expected)
    weight = torch.randn_like(found)
    grads = [torch.autograd.grad((x * weight).sum(), hidden)[0] for x in (found, expected)]
    torch.testing.assert_close(*grads)


def test_resblock2_is_the_teachers_decoder():
    teacher = HiFiGANGenerator(
        in_channels=8,
        channels=32,
        upsample_scales=[8, 8, 4],
        upsample_kernel_sizes=[16, 16, 8],
        resblock_kernel_sizes=[3, 5],
        resblock_dilations=[[1, 2], [2, 6]],
        use_additional_convs=False,
    ).eval()
    decoder = ResBlock2Decoder(8, **RESBLOCK2_DECODER).eval()
    decoder.load_state_dict(teacher.state_dict(), strict=True)
    z = torch.randn(1, 8, 5)
    before = teacher(z)
    torch.testing.assert_close(decoder(z), before, atol=0, rtol=0)
    decoder.remove_weight_norm()
    torch.testing.assert_close(decoder(z), before, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="even factors"):
        ResBlock2Decoder(upsample_scales=[5, 2])
    with pytest.raises(ValueError, match="residual blocks"):
        ResBlock2Decoder(resblock_kernel_sizes=[3])


def test_hifigan_without_weight_norm_gives_the_same_wave():
    torch.manual_seed(0)
    decoder = HiFiGANDecoder(8, **HIFIGAN).eval()
    z = torch.randn(1, 8, 12)
    before = decoder(z)
    decoder.remove_weight_norm()
    torch.testing.assert_close(decoder(z), before, atol=1e-5, rtol=0)
    assert not [name for name in decoder.state_dict() if "weight_g" in name or "parametrizations" in name]
    assert all(isinstance(p, torch.nn.Parameter) for p in decoder.parameters())


def test_hifigan_is_separable_and_has_no_norm_over_channels():
    decoder = HiFiGANDecoder()
    for module in decoder.modules():
        if isinstance(module, (torch.nn.Conv1d, torch.nn.ConvTranspose1d)):
            assert module.groups == module.in_channels or module.kernel_size == (1,)
        assert not isinstance(module, (torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.BatchNorm1d))
    with pytest.raises(ValueError, match="even factors"):
        HiFiGANDecoder(upsample_scales=[5, 2])
    with pytest.raises(ValueError, match="upsamplings"):
        HiFiGANDecoder(upsample_channels=[5, 2])
    with pytest.raises(ValueError, match="residual blocks"):
        HiFiGANDecoder(resblock_kernel_sizes=[3])


@pytest.mark.parametrize("n_fft, hop", [(64, 16), (24, 6), (64, 8)])
def test_inverse_stft_equals_torch(n_fft, hop):
    torch.manual_seed(0)
    wav = torch.randn(2, hop * 20)
    spectrum = torch.stft(
        wav, n_fft, hop, window=torch.hann_window(n_fft), return_complex=True
    )  # (2, bins, 21), frame t centred on sample hop * t
    spectrum = spectrum.transpose(1, 2)[:, :, bin_order(n_fft)]
    ours = InverseSTFT(n_fft, hop)(spectrum.real, spectrum.imag)[:, 0]
    assert ours.shape == (2, hop * 21)
    # Full overlap begins half a window from either end.
    torch.testing.assert_close(
        ours[:, n_fft // 2 : -n_fft], wav[:, n_fft // 2 : ours.shape[1] - n_fft], atol=1e-5, rtol=0
    )


def test_inverse_stft_refuses_hops_that_do_not_overlap_enough():
    for n_fft, hop in ((64, 32), (64, 24), (18, 3)):
        with pytest.raises(ValueError, match="4 times or more"):
            InverseSTFT(n_fft, hop)


def test_deterministic_durations_do_not_train_the_text_encoder():
    hidden = torch.randn(1, 8, 5, requires_grad=True)
    for predictor in (DeterministicDurationPredictor(8, 16), StochasticDurationPredictor(8, n_flows=2)):
        mask = torch.ones(1, 1, 5)
        if isinstance(predictor, StochasticDurationPredictor):
            out = predictor.nll(hidden, mask, torch.ones(1, 5))
        else:
            out = predictor(hidden, mask)
        assert out.requires_grad
        out.sum().backward()
        assert hidden.grad is None


def test_the_posterior_half_of_the_stochastic_predictor_does_not_ship():
    torch.manual_seed(0)
    predictor = StochasticDurationPredictor(8, n_flows=2).eval()
    count = lambda: sum(p.numel() for p in predictor.parameters())  # noqa: E731
    hidden, mask = torch.randn(1, 8, 5), torch.ones(1, 1, 5)
    torch.manual_seed(1)
    before, size = predictor(hidden, mask), count()
    predictor.drop_training_only()
    torch.manual_seed(1)
    torch.testing.assert_close(predictor(hidden, mask), before)
    assert count() < 0.6 * size
    assert not [name for name in predictor.state_dict() if ".post_" in name]


def test_length_regulator():
    durations = torch.tensor([[2, 0, 3], [1, 1, 0]])
    attn = durations_to_attn(durations, 5)
    assert attn.sum(1).long().tolist() == durations.tolist()
    assert attn[0].argmax(1).tolist() == [0, 0, 2, 2, 2]
    assert (attn[1, 2:] == 0).all()
    hidden = torch.randn(2, 4, 3)
    torch.testing.assert_close(expand(hidden, attn)[0, :, 4], hidden[0, :, 2])
    with pytest.raises(ValueError, match="0 frames or more"):
        durations_to_attn(torch.tensor([[-1]]), 2)
    log_durations, mask = torch.tensor([[-9.0, 0.5, 7.0]]), torch.tensor([[[1.0, 1.0, 0.0]]])
    assert durations_from_log(log_durations, mask).tolist() == [[1, 2, 0]]
    assert durations_from_log(log_durations, mask, alpha=2.0).tolist() == [[1, 4, 0]]
    with pytest.raises(ValueError, match="alpha"):
        durations_from_log(log_durations, mask, alpha=0.0)


def test_log_mel_of_silence_is_its_floor():
    mel = LogMel(fs=22050, n_fft=1024)(torch.zeros(1, 513, 3))
    assert mel.shape == (1, 80, 3)
    torch.testing.assert_close(mel, torch.full_like(mel, -11.512925))
    assert LogMel(22050, 1024).state_dict() == {}


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match="odd"):
        SeparableLayer(4, 2)
