"""Decoder distillation: turns, segments, losses."""

import pytest
import torch
from conftest import ISTFT_DECODER, make_batch
from tiny_models import gradient_norm, make_decoder_distillation

from espnet2_nix.errors import UserError
from espnet2_nix.losses.mr_stft_loss import MultiResolutionSTFTLoss
from espnet2_nix.models.decoder_distillation import DecoderDistillation, LossWeights
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.teacher_latents import TeacherLatents, write_latents
from espnet2_nix.models.teacher_speech import TeacherSpeech


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


def test_the_posterior_is_as_wide_as_the_student_will_need_it(tiny_teacher):
    speech, lengths = make_batch()["speech"], make_batch()["speech_lengths"]
    m, logs = make_decoder_distillation(tiny_teacher).latent(speech, lengths)
    half = make_decoder_distillation(tiny_teacher, posterior_noise_scale=0.5).latent(speech, lengths)
    torch.testing.assert_close(half[0], m)
    torch.testing.assert_close(torch.exp(half[1]), 0.5 * torch.exp(logs))
    none = make_decoder_distillation(tiny_teacher, posterior_noise_scale=0.0)
    out = none.distil(speech, lengths)
    assert torch.equal(out.wav, out.wav2)  # two samples of what has no deviation
    with pytest.raises(UserError, match=r"posterior_noise_scale: expected a factor of 0 or more, found -1"):
        make_decoder_distillation(tiny_teacher, posterior_noise_scale=-1)


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


# ---- the teacher's speech of further text


def further_speech(teacher, folder, **kwargs):
    """Stored latents of one recording and of two texts that the teacher reads."""
    batch = make_batch()
    rows = [("u0", batch["text"][0], batch["speech"][0])]
    rows += [(f"extra_{i}", torch.randint(2, 74, (30,)), None) for i in range(2)]
    write_latents(folder, teacher, "f", rows)
    return TeacherSpeech(teacher, TeacherLatents(folder, "f"), **kwargs)


def speech_batch():
    return {
        name: value for name, value in make_batch(samples=(12000,) * 4, tokens=(9,) * 4).items() if "speech" in name
    }


def test_a_share_of_nothing_changes_nothing(tiny_teacher, tmp_path):
    results = []
    for conf in ({}, {"teacher_speech_share": 0.0, "teacher_speech": further_speech(tiny_teacher, tmp_path)}):
        model = make_decoder_distillation(tiny_teacher, **conf)
        torch.manual_seed(1)
        for _ in range(2):
            for turn in (False, True):
                model(**speech_batch(), forward_generator=turn)["loss"].backward()
        results.append([p.grad for p in model.parameters()] + [torch.rand(1)])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_discriminators_hear_recordings_as_real_and_the_teachers_speech_never(tiny_teacher, tmp_path):
    model = make_decoder_distillation(
        tiny_teacher, teacher_speech_share=0.5, teacher_speech=further_speech(tiny_teacher, tmp_path)
    )
    ramps = torch.arange(4.0)[:, None] + torch.arange(12032.0) / 12032  # every sample tells clip and place
    heard, spoken = [], []
    model.discriminator.register_forward_pre_hook(lambda module, args: heard.append(args[0]))
    speak = model.teacher_speech.speak
    model.teacher_speech.speak = lambda z: spoken.append(speak(z)) or spoken[-1]
    model(ramps, torch.full((4,), 12032), forward_generator=False)
    fake, real = heard
    assert fake.shape == (4, 1, 8 * 256)
    assert real.shape == (2, 1, 8 * 256)
    for wave in real[:, 0]:
        start = round(float(wave[0]) * 12032)
        torch.testing.assert_close(wave, ramps.flatten()[start : start + 8 * 256])
    heard.clear()
    stats = model(ramps, torch.full((4,), 12032), forward_generator=True)["stats"]
    _, target = heard  # of feature matching
    torch.testing.assert_close(target, torch.cat([real, spoken[0]]))
    assert len(spoken) == 1  # both turns are of the same waves
    assert torch.isfinite(stats["teacher_speech_mel_loss"])


def test_the_teachers_speech_sounds_as_in_the_whole_utterance(tiny_teacher, tmp_path):
    speech = further_speech(tiny_teacher, tmp_path)
    z = torch.randn(1, 8, 60, generator=torch.Generator().manual_seed(0))
    whole = tiny_teacher.decode(z)
    torch.testing.assert_close(speech.speak(z[:, :, 10:46]), whole[:, :, 24 * 256 : 32 * 256], rtol=1e-4, atol=1e-6)


def test_segments_of_the_teachers_speech_follow_an_utterance_and_no_recording(tiny_teacher, tmp_path):
    speech = further_speech(tiny_teacher, tmp_path, noise_scale=0.5)
    frames = speech.latents.frames[:, :16].astype("float32")
    m, logs = speech.draw(50, 8, torch.device("cpu"))
    assert m.shape == logs.shape == (50, 8, 14 + 8 + 14)
    rows = torch.cat([m, logs - torch.log(torch.tensor(0.5))], dim=1)
    entries = [speech.latents.index[name] for name in ("extra_0", "extra_1")]
    used = set()
    for row in rows:
        distance = (torch.from_numpy(frames) - row[:, 14]).abs().amax(1)
        first = int(distance.argmin())
        entry = next(e for e in entries if e.start <= first < e.start + e.num_frames)
        place = (torch.arange(-14, 22) + first).clamp(entry.start, entry.start + entry.num_frames - 1)
        torch.testing.assert_close(row, torch.from_numpy(frames[place.numpy()]).T, rtol=0, atol=1e-5)
        assert first + 8 <= entry.start + entry.num_frames
        used.add(entry.start)
    assert len(used) == 2


def test_held_out_batches_are_recordings(tiny_teacher, tmp_path):
    speech = further_speech(tiny_teacher, tmp_path)
    model = make_decoder_distillation(tiny_teacher, teacher_speech_share=0.5, teacher_speech=speech).eval()
    out = model.distil(**speech_batch())
    assert out.target is out.speech
    assert len(out.speech) == 4
    assert "teacher_speech_mel_loss" not in model.generator_losses(out)[1]


def test_the_share_is_that_of_many_batches_and_one_recording_stays(tiny_teacher, tmp_path):
    model = make_decoder_distillation(
        tiny_teacher, teacher_speech_share=0.3, teacher_speech=further_speech(tiny_teacher, tmp_path)
    )
    torch.manual_seed(0)
    counts = [model._draw_num_spoken(4) for _ in range(2000)]
    assert set(counts) == {1, 2}
    assert abs(sum(counts) / 8000 - 0.3) < 0.01
    assert model._draw_num_spoken(1) == 0
    model.teacher_speech_share = 0.99
    assert model._draw_num_spoken(4) == 3
    for seed in range(4):  # whichever of clips of other lengths gives way
        torch.manual_seed(seed)
        out = model.distil(**{name: value for name, value in make_batch().items() if "speech" in name})
        assert (len(out.speech), len(out.target), len(out.wav)) == (1, 2, 2)


def test_the_teachers_speech_is_refused_where_there_is_none(tiny_teacher, tmp_path):
    with pytest.raises(
        UserError, match=r"needs a teacher that reads further text: run stages 7 and 8 with --extra_text"
    ):
        make_decoder_distillation(tiny_teacher, teacher_speech_share=0.25)
    speech = further_speech(tiny_teacher, tmp_path)
    with pytest.raises(UserError, match=r"a share from 0 to below 1, found 1.0"):
        make_decoder_distillation(tiny_teacher, teacher_speech_share=1.0, teacher_speech=speech)
    with pytest.raises(UserError, match=r"further text, 4000 frames or more each, found none; .* --extra_text FILE"):
        make_decoder_distillation(tiny_teacher, teacher_speech_share=0.25, teacher_speech=speech, segment_size=4000)
    with pytest.raises(UserError, match="noise_scale: expected a factor of 0 or more"):
        TeacherSpeech(tiny_teacher, speech.latents, noise_scale=-0.5)
