import math

import pytest
import torch
from conftest import TINY_DISCRIMINATOR, make_batch, make_encoder_conf

from espnet2_nix.aligner.monotonic_alignment import durations_from_path
from espnet2_nix.losses.ged_loss import GEDLoss
from espnet2_nix.losses.mr_stft_loss import MRSTFTLoss
from espnet2_nix.models.decoder_distillation import DecoderDistillation
from espnet2_nix.models.encoder_distillation import EncoderDistillation
from espnet2_nix.models.from_scratch import FromScratch
from espnet2_nix.models.nix_decoder import build_decoder
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.recording_features import RecordingFeatures
from espnet2_nix.models.student_latent import StudentLatent
from espnet2_nix.models.teacher_latents import TeacherLatents, write_latents

DECODER = {"channels": 16, "num_blocks": 1, "expansion": 16}


def make_encoder_distillation(teacher, seed=0, **kwargs):
    torch.manual_seed(seed)
    return EncoderDistillation(NixEncoder(75, **make_encoder_conf()), teacher, **kwargs)


def make_decoder_distillation(teacher, spectral_loss=None, seed=0, **kwargs):
    from espnet2.gan_tts.hifigan.hifigan import HiFiGANMultiScaleMultiPeriodDiscriminator

    torch.manual_seed(seed)
    return DecoderDistillation(
        decoder=build_decoder("istft", 8, DECODER),
        teacher=teacher,
        discriminator=HiFiGANMultiScaleMultiPeriodDiscriminator(**TINY_DISCRIMINATOR),
        spectral_loss=spectral_loss or GEDLoss(window_sizes=(256,), n_mels=32),
        **{"segment_size": 8, **kwargs},
    )


def gradient_norm(module):
    return sum(float(p.grad.abs().sum()) for p in module.parameters() if p.grad is not None)


# ---- the teacher


def test_the_teacher_is_neither_saved_nor_trained_nor_shared(tiny_teacher):
    for model in (make_encoder_distillation(tiny_teacher), make_decoder_distillation(tiny_teacher)):
        assert not [name for name in model.state_dict() if "teacher" in name or "posterior" in name]
        owned = {p.data_ptr() for p in model.parameters()}
        assert not owned & {p.data_ptr() for p in tiny_teacher.generator.parameters()}
        model.train()
        assert not tiny_teacher.generator.training
        assert not any(p.requires_grad for p in tiny_teacher.generator.parameters())


def test_training_leaves_the_teacher_as_it_was(tiny_teacher):
    before = {name: value.clone() for name, value in tiny_teacher.generator.state_dict().items()}
    model = make_encoder_distillation(tiny_teacher)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(**make_batch())[0].backward()
    optimizer.step()
    for name, value in tiny_teacher.generator.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_teachers_taps_are_masked_and_repeatable(tiny_teacher):
    batch = make_batch()
    feats, feats_lengths = tiny_teacher.feats(batch["speech"], batch["speech_lengths"])
    assert feats_lengths.tolist() == [n // 256 + 1 for n in batch["speech_lengths"].tolist()]
    m_q, logs_q, mask = tiny_teacher.posterior(feats, feats_lengths)
    assert m_q.shape == logs_q.shape == (2, 8, int(feats_lengths.max()))
    assert (m_q * (1 - mask) == 0).all()
    alone = tiny_teacher.posterior(feats[1:, :, : feats_lengths[1]], feats_lengths[1:])[0]
    torch.testing.assert_close(m_q[1:, :, : feats_lengths[1]], alone, atol=1e-4, rtol=0)
    attn = tiny_teacher.alignment(batch["text"], batch["text_lengths"], m_q, mask)
    again = tiny_teacher.alignment(batch["text"], batch["text_lengths"], m_q, mask)
    assert torch.equal(attn, again)
    durations = durations_from_path(attn)
    assert durations.sum(1).tolist() == feats_lengths.tolist()
    assert (durations[0] >= 1).all()
    assert (durations[1, 7:] == 0).all()


# ---- the encoder


@pytest.mark.parametrize("alignment", ["aligner", "teacher"])
def test_encoder_losses_are_finite_and_named(tiny_teacher, alignment):
    model = make_encoder_distillation(tiny_teacher, alignment=alignment)
    loss, stats, weight = model(**make_batch())
    assert torch.isfinite(loss)
    assert weight == 2
    wanted = {"loss", "latent_loss", "dur_loss"}
    if alignment == "aligner":
        wanted |= {"forward_sum_loss", "bin_loss", "bin_weight"}
    assert set(stats) == wanted
    assert (model.aligner is None) == (alignment == "teacher")


@pytest.mark.parametrize(
    ("only", "reached"),
    [
        ("latent", {"text_encoder", "latent_encoder"}),
        ("dur", {"duration_predictor"}),
        ("forward_sum", {"text_encoder", "aligner"}),
        ("bin", {"text_encoder", "aligner"}),
    ],
)
def test_which_loss_reaches_what(tiny_teacher, only, reached):
    weights = {f"lambda_{name}": float(name == only) for name in ("latent", "dur", "forward_sum", "bin")}
    model = make_encoder_distillation(tiny_teacher, hard_alignment_start=0, bin_start=0, bin_ramp=0, **weights)
    model.encoder.latent_encoder.proj.weight.data.normal_()
    model(**make_batch())[0].backward()
    parts = {
        "text_encoder": model.encoder.text_encoder,
        "duration_predictor": model.encoder.duration_predictor,
        "latent_encoder": model.encoder.latent_encoder,
        "aligner": model.aligner,
    }
    assert {name for name, part in parts.items() if gradient_norm(part) > 0} == reached


def test_expansion_is_soft_before_its_step_and_hard_after(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher, hard_alignment_start=3).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.encoder.latent_encoder.proj.weight.data.normal_()
    batch = make_batch()
    soft = model.distil(**batch)
    model.num_batches.fill_(3)
    hard = model.distil(**batch)
    assert not torch.allclose(soft["m_s"], hard["m_s"])
    frames = torch.matmul(hard["hidden"], hard["attn"].transpose(1, 2))
    torch.testing.assert_close(hard["m_s"], model.encoder.latent_encoder(frames, hard["feats_mask"])[0])
    assert set(hard["attn"].unique().tolist()) == {0, 1}


def test_held_out_losses_do_not_change_with_the_schedules(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher, hard_alignment_start=3, bin_start=3, bin_ramp=2).eval()
    model.encoder.latent_encoder.proj.weight.data.normal_()
    early, stats, _ = model(**make_batch())
    assert float(stats["bin_weight"]) == 1
    model.num_batches.fill_(9)
    late, _, _ = model(**make_batch())
    torch.testing.assert_close(early, late)
    model.train()
    model.num_batches.zero_()
    assert float(model(**make_batch())[1]["bin_weight"]) == 0


def test_the_prior_bends_the_alignment_from_the_start(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher).eval()
    soft = model.distil(**make_batch())["attn_soft"][0]
    entropy = -(soft * torch.log(soft + 1e-12)).sum(1).mean()
    assert entropy < 0.9 * math.log(9)


def test_a_batch_equals_its_items(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher, hard_alignment_start=0).eval()
    model.encoder.latent_encoder.proj.weight.data.normal_()
    batch = make_batch()
    together = model.distil(**batch)
    single = {name: value[1:] for name, value in batch.items()}
    single["speech"] = single["speech"][:, : single["speech_lengths"][0]]
    alone = model.distil(**single)
    frames = alone["m_s"].shape[2]
    torch.testing.assert_close(together["m_s"][1:, :, :frames], alone["m_s"], atol=1e-4, rtol=0)
    assert torch.equal(together["durations"][1:, :7], alone["durations"])


def test_the_step_is_saved_and_counts_training_only(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher, steps_per_update=2)
    for _ in range(4):
        model(**make_batch())
    model.eval()
    model(**make_batch())
    assert model.step == 2
    resumed = make_encoder_distillation(tiny_teacher, steps_per_update=2)
    resumed.load_state_dict(model.state_dict())
    assert resumed.step == 2


def test_a_wrong_encoder_is_refused(tiny_teacher):
    with pytest.raises(ValueError, match="latent channels"):
        EncoderDistillation(NixEncoder(75, **make_encoder_conf(latent_channels=6)), tiny_teacher)
    with pytest.raises(ValueError, match="tokens"):
        EncoderDistillation(NixEncoder(70, **make_encoder_conf()), tiny_teacher)
    with pytest.raises(ValueError, match="alignment"):
        make_encoder_distillation(tiny_teacher, alignment="none")
    with pytest.raises(ValueError, match="duration_predictor"):
        NixEncoder(75, duration_predictor="guess")


def test_more_tokens_than_frames_names_the_utterance(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher)
    with pytest.raises(ValueError, match="1"):
        model(**make_batch(samples=(12000, 1024), tokens=(9, 7)))


# ---- the decoder


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
    start = out["speech"][0, 0, 0] * 12032
    assert start % 256 == 0
    torch.testing.assert_close(out["speech"][0, 0], ramp[0, int(start) : int(start) + 8 * 256])
    assert out["wav"].shape == out["wav2"].shape == out["speech"].shape == (1, 1, 8 * 256)
    assert not torch.equal(out["wav"], out["wav2"])


def test_the_teachers_wave_counts_by_its_weight(tiny_teacher):
    batch = {name: value for name, value in make_batch().items() if "speech" in name}
    model = make_decoder_distillation(tiny_teacher, spectral_loss=MRSTFTLoss([256], [64]), lambda_spectral_teacher=1.0)
    out = model.distil(**batch)
    assert "wav2" not in out
    model.eval()  # a spectral norm changes with every call in training
    # Untrained discriminators give losses beside which any other is lost in rounding: they are left out.
    model.lambda_adv = model.lambda_feat_match = 0.0
    loss, stats = model._generator_losses(out)
    model.lambda_spectral_teacher = 0.0
    without, _ = model._generator_losses(out)
    torch.testing.assert_close(loss - without, stats["spectral_teacher_loss"], rtol=1e-3, atol=1e-3)


def test_a_clip_shorter_than_a_segment_is_refused(tiny_teacher):
    model = make_decoder_distillation(tiny_teacher)
    speech = torch.zeros(2, 4096)
    with pytest.raises(ValueError, match="clip 1 of the batch has 7 whole frames"):
        model.distil(speech, torch.tensor([4096, 2047]))


def test_a_decoder_with_another_hop_is_refused(tiny_teacher):
    with pytest.raises(ValueError, match="hop"):
        DecoderDistillation(
            build_decoder("istft", 8, {**DECODER, "hop_length": 128}), tiny_teacher, torch.nn.Identity(), MRSTFTLoss()
        )
    with pytest.raises(ValueError, match="decoder must be one of"):
        build_decoder("wavenet", 8)


def test_resynthesis_is_as_long_as_the_recording(tiny_teacher):
    waves = make_decoder_distillation(tiny_teacher).eval().resynthesise(torch.zeros(1, 5000), torch.tensor([5000]))
    assert {name: wav.shape for name, wav in waves.items()} == dict.fromkeys(
        ("recording", "teacher", "student"), (1, 5000)
    )


# ---- fine-tuning on the student's latent


def test_fine_tuning_takes_the_students_latent_at_the_recordings_durations(tiny_teacher):
    encoder = NixEncoder(75, **make_encoder_conf())
    source = StudentLatent(encoder, noise_scale=0.5)
    model = make_decoder_distillation(tiny_teacher, student_latent=source)
    batch = make_batch()
    m, logs = model.latent(**batch)
    feats, feats_lengths = tiny_teacher.feats(batch["speech"], batch["speech_lengths"])
    m_q, logs_q, mask = tiny_teacher.posterior(feats, feats_lengths)
    assert m.shape == m_q.shape
    durations = tiny_teacher.alignment(batch["text"], batch["text_lengths"], m_q, mask).sum(1).long()
    expected = encoder(batch["text"], batch["text_lengths"], durations=durations)
    torch.testing.assert_close(m, expected["m_s"])
    torch.testing.assert_close(torch.exp(logs), 0.5 * torch.exp(expected["logs_s"]))
    plain = make_decoder_distillation(tiny_teacher)
    torch.testing.assert_close(plain.latent(batch["speech"], batch["speech_lengths"])[1], logs_q)


def test_fine_tuning_trains_and_saves_the_decoder_only(tiny_teacher):
    encoder = NixEncoder(75, **make_encoder_conf())
    model = make_decoder_distillation(tiny_teacher, student_latent=StudentLatent(encoder)).train()
    out = model(**make_batch())
    out["loss"].backward()
    assert gradient_norm(model.decoder) > 0
    assert all(p.grad is None for p in encoder.parameters())
    assert not encoder.training
    assert set(model.state_dict()) == set(make_decoder_distillation(tiny_teacher).state_dict())


def test_fine_tuning_needs_the_text_and_some_noise(tiny_teacher):
    encoder = NixEncoder(75, **make_encoder_conf())
    model = make_decoder_distillation(tiny_teacher, student_latent=StudentLatent(encoder))
    batch = {name: value for name, value in make_batch().items() if "speech" in name}
    with pytest.raises(ValueError, match="needs the text: give text beside speech"):
        model(**batch)
    with pytest.raises(ValueError, match="noise_scale: expected a factor above 0"):
        StudentLatent(encoder, noise_scale=0)


# ---- stored latents


def store(teacher, folder, batch, names=("a", "b"), fingerprint="f"):
    write_latents(
        folder,
        teacher,
        fingerprint,
        [
            (name, batch["text"][i, : batch["text_lengths"][i]], batch["speech"][i, : batch["speech_lengths"][i]])
            for i, name in enumerate(names)
        ],
    )


@pytest.mark.parametrize("alignment", ["aligner", "teacher"])
def test_stored_latents_teach_what_the_teacher_teaches(tiny_teacher, tmp_path, alignment):
    batch = make_batch()
    store(tiny_teacher, tmp_path, batch)
    model = make_encoder_distillation(tiny_teacher, alignment=alignment, hard_alignment_start=0).eval()
    stored = make_encoder_distillation(
        tiny_teacher, alignment=alignment, hard_alignment_start=0, latents=TeacherLatents(tmp_path, "f")
    ).eval()
    live_loss, live, _ = model(**batch)
    text_only = {"text": batch["text"], "text_lengths": batch["text_lengths"], "utt_id": ["a", "b"]}
    loss, stats, _ = stored(**text_only)
    torch.testing.assert_close(loss, live_loss, rtol=2e-3, atol=2e-3)  # float16
    assert set(stats) == set(live)
    swapped = {name: value.flip(0) for name, value in text_only.items() if name != "utt_id"} | {"utt_id": ["b", "a"]}
    torch.testing.assert_close(stored(**swapped)[0], loss, rtol=1e-4, atol=1e-4)


def test_stored_latents_are_those_of_the_alone_utterance(tiny_teacher, tmp_path):
    batch = make_batch()
    store(tiny_teacher, tmp_path, batch)
    out = TeacherLatents(tmp_path, "f").batch(["b"], batch["text_lengths"][1:])
    speech = batch["speech"][1:, : batch["speech_lengths"][1]]
    m_q, logs_q, mask = tiny_teacher.posterior(*tiny_teacher.feats(speech, batch["speech_lengths"][1:]))
    torch.testing.assert_close(out["m_q"], m_q, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(out["logs_q"], logs_q, rtol=1e-3, atol=1e-3)
    assert out["feats_lengths"].tolist() == [10000 // 256 + 1]
    attn = tiny_teacher.alignment(batch["text"][1:, :7], batch["text_lengths"][1:], m_q, mask)
    assert torch.equal(out["durations"], attn.sum(1).long())


def test_wrong_or_damaged_latents_are_refused(tiny_teacher, tmp_path):
    batch = make_batch()
    with pytest.raises(FileNotFoundError, match="--dump_latents true"):
        TeacherLatents(tmp_path, "f")
    store(tiny_teacher, tmp_path, batch)
    with pytest.raises(ValueError, match="expected latents of the teacher g, found those of f"):
        TeacherLatents(tmp_path, "g")
    latents = TeacherLatents(tmp_path, "f")
    with pytest.raises(ValueError, match="has no c"):
        latents.batch(["c"], torch.tensor([9]))
    with pytest.raises(ValueError, match="a was stored with 9 tokens, its text now has 8"):
        latents.batch(["a"], torch.tensor([8]))
    model = make_encoder_distillation(tiny_teacher, latents=latents)
    with pytest.raises(ValueError, match="expected utt_id"):
        model(**batch)
    with pytest.raises(ValueError, match="stored latents, found neither"):
        make_encoder_distillation(tiny_teacher)(text=batch["text"], text_lengths=batch["text_lengths"])
    path = tmp_path / "frames.f16"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ValueError, match="bytes, found"):
        TeacherLatents(tmp_path, "f")


def test_a_text_without_a_recording_is_stored_as_the_teacher_would_speak_it(tiny_teacher, tmp_path):
    batch = make_batch()
    text, lengths = batch["text"][:1], batch["text_lengths"][:1]
    write_latents(tmp_path, tiny_teacher, "f", [("a", text[0], None)])
    latents = TeacherLatents(tmp_path, "f")
    out = latents.batch(["a"], lengths)
    assert out["durations"].min() >= 1
    assert out["feats_lengths"].tolist() == out["durations"].sum(1).tolist()
    assert "log_mel" not in out
    taught = make_encoder_distillation(tiny_teacher, alignment="teacher", latents=latents)
    loss, _, _ = taught(text=text, text_lengths=lengths, utt_id=["a"])
    assert torch.isfinite(loss)
    with pytest.raises(ValueError, match="give alignment: teacher with --extra_text"):
        make_encoder_distillation(tiny_teacher, latents=latents)(text=text, text_lengths=lengths, utt_id=["a"])


def test_the_prior_is_that_of_espnets_inference(tiny_teacher):
    text = make_batch()["text"][:1]
    mean, log_std, durations = tiny_teacher.prior(text, num_samples=400)
    again = tiny_teacher.prior(text, num_samples=400)
    assert all(torch.equal(x, y) for x, y in zip((mean, log_std, durations), again, strict=True))
    assert not torch.equal(tiny_teacher.prior(text, seed=1)[0], mean)
    # ESPnet's own path without noise: the flow of this VITS only shifts, so near the mean of few channels it is the mean.
    wavs = []
    tiny_teacher.generator.decoder.register_forward_hook(lambda module, args, out: wavs.append(args[0]))
    samples = []
    for seed in range(400):
        torch.manual_seed(seed)
        tiny_teacher.generator.inference(text, torch.tensor([9]), dur=durations[:, None].float(), noise_scale=1.0)
        samples.append(wavs.pop())
    samples = torch.cat(samples)
    spread = samples.std(0) / 20  # standard error of a mean of 400
    assert ((samples.mean(0) - mean[0]).abs() < 6 * (spread + torch.exp(log_std[0]) / 20)).all()
    torch.testing.assert_close(samples.std(0).log(), log_std[0], atol=0.25, rtol=0)


def test_an_interrupted_dump_leaves_nothing_that_looks_whole(tiny_teacher, tmp_path):
    batch = make_batch(samples=(12000, 1024), tokens=(9, 7))  # the second has fewer frames than tokens
    with pytest.raises(ValueError, match="7 tokens"):
        store(tiny_teacher, tmp_path, batch)
    assert list(tmp_path.iterdir()) == []


# ---- from scratch


def make_from_scratch(teacher, **kwargs):
    from espnet2.gan_tts.hifigan.hifigan import HiFiGANMultiScaleMultiPeriodDiscriminator

    torch.manual_seed(0)
    features = RecordingFeatures(teacher.feats_extract, teacher.fs, teacher.token_list, 8)
    return FromScratch(
        NixEncoder(75, **make_encoder_conf()),
        features,
        decoder=build_decoder("istft", 8, DECODER),
        discriminator=HiFiGANMultiScaleMultiPeriodDiscriminator(**TINY_DISCRIMINATOR),
        spectral_loss=GEDLoss(window_sizes=(256,), n_mels=32),
        **{"model_conf": {"segment_size": 8}, **kwargs},
    )


def test_from_scratch_the_wave_teaches_the_encoder(tiny_teacher):
    model = make_from_scratch(tiny_teacher, alignment_conf={"hard_alignment_start": 0}).train()
    model.text_side.encoder.latent_encoder.proj.weight.data.normal_()
    model.text_side.lambda_forward_sum = model.text_side.lambda_bin = model.text_side.lambda_dur = 0.0
    model(**make_batch(), forward_generator=False)
    out = model(**make_batch(), forward_generator=True)
    assert {"mel_loss", "forward_sum_loss", "dur_loss", "bin_loss", "generator_loss"} <= set(out["stats"])
    assert "latent_loss" not in out["stats"]
    out["loss"].backward()
    encoder = model.text_side.encoder
    assert gradient_norm(encoder.text_encoder) > 0
    assert gradient_norm(encoder.latent_encoder) > 0
    assert gradient_norm(model.decoder) > 0
    assert gradient_norm(model.text_side.aligner) == 0
    assert gradient_norm(encoder.duration_predictor) == 0


def test_from_scratch_the_alignment_losses_count(tiny_teacher):
    model = make_from_scratch(tiny_teacher)
    model.lambda_adv = model.lambda_feat_match = model.lambda_mel = model.lambda_spectral = 0.0
    model(**make_batch(), forward_generator=False)
    loss = model(**make_batch(), forward_generator=True)["loss"]
    loss.backward()
    assert gradient_norm(model.text_side.aligner) > 0
    assert gradient_norm(model.text_side.encoder.duration_predictor) > 0
    assert gradient_norm(model.decoder) == 0
    assert model.text_side.step == 1  # a turn of each, one step


def test_from_scratch_has_no_teacher(tiny_teacher):
    model = make_from_scratch(tiny_teacher).eval()
    waves = model.resynthesise(**{n: v[:1] for n, v in make_batch().items()})
    assert {name: wav.shape for name, wav in waves.items()} == dict.fromkeys(("recording", "student"), (1, 12000))
    with pytest.raises(ValueError, match="needs a teacher's wave"):
        make_from_scratch(tiny_teacher, model_conf={"lambda_spectral_teacher": 1.0})
    with pytest.raises(ValueError, match="alignment: teacher needs a teacher"):
        make_from_scratch(tiny_teacher, alignment_conf={"alignment": "teacher"})
    with pytest.raises(ValueError, match="give text beside speech"):
        model.distil(torch.zeros(1, 12000), torch.tensor([12000]))
