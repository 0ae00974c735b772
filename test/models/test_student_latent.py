"""Fine-tuning of the decoder on the student's latent."""

import pytest
import torch
from conftest import make_batch, make_encoder_conf
from tiny_models import gradient_norm, make_decoder_distillation, store_latents

from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.student_latent import StudentLatent
from espnet2_nix.models.teacher_latents import TeacherLatents


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


def test_fine_tuning_needs_the_text_and_no_noise(tiny_teacher):
    encoder = NixEncoder(75, **make_encoder_conf())
    model = make_decoder_distillation(tiny_teacher, student_latent=StudentLatent(encoder))
    batch = {name: value for name, value in make_batch().items() if "speech" in name}
    with pytest.raises(ValueError, match="needs the text: give text beside speech"):
        model(**batch)
    with pytest.raises(ValueError, match="noise_scale: expected a factor of 0 or more"):
        StudentLatent(encoder, noise_scale=-1)
    source = StudentLatent(encoder, noise_scale=0)
    silent = make_decoder_distillation(tiny_teacher, student_latent=source).train()
    _, logs = silent.latent(**make_batch())
    assert torch.exp(logs).abs().max() == 0
    assert torch.isfinite(silent(**make_batch())["loss"])


def stored_model(tiny_teacher, folder, encoder, **model_conf):
    store_latents(tiny_teacher, folder, make_batch())
    return make_decoder_distillation(
        tiny_teacher,
        student_latent=StudentLatent(encoder, noise_scale=0.5),
        latents=TeacherLatents(folder, "f"),
        **model_conf,
    )


def test_fine_tuning_takes_durations_and_pitch_as_they_were_stored_and_asks_no_teacher(
    tiny_teacher, tmp_path, monkeypatch
):
    conf = make_encoder_conf() | {"pitch_predictor_conf": {"hidden_channels": 8}}
    encoder = NixEncoder(75, **conf)
    model = stored_model(tiny_teacher, tmp_path, encoder)
    monkeypatch.setattr(tiny_teacher, "posterior", None)
    monkeypatch.setattr(tiny_teacher, "alignment", None)
    batch = make_batch() | {"utt_id": ["a", "b"]}
    m, logs = model.latent(**batch)
    stored = model.latents.batch(["a", "b"], batch["text_lengths"])
    expected = encoder(batch["text"], batch["text_lengths"], durations=stored.durations, pitch=stored.pitch)
    torch.testing.assert_close(m, expected["m_s"])
    torch.testing.assert_close(torch.exp(logs), 0.5 * torch.exp(expected["logs_s"]))
    predicted = encoder(batch["text"], batch["text_lengths"], durations=stored.durations)
    assert not torch.allclose(m, predicted["m_s"])
    assert torch.isfinite(model.train()(**batch)["loss"])
    with pytest.raises(ValueError, match="expected utt_id in the batch"):
        model.latent(**make_batch())
    with pytest.raises(ValueError, match=r"expected .* frames of a, b, found .* run stage 7"):
        model.latent(**batch | {"speech_lengths": batch["speech_lengths"] - 512})
    with pytest.raises(ValueError, match=r"stored with .* tokens, its text now has"):
        model.latent(**batch | {"utt_id": ["b", "a"]})


def test_a_share_of_the_clips_gives_the_students_latent_and_the_others_the_posterior(tiny_teacher, tmp_path):
    encoder = NixEncoder(75, **make_encoder_conf())
    batch = make_batch() | {"utt_id": ["a", "b"]}
    model = stored_model(tiny_teacher, tmp_path, encoder, student_latent_share=0.5).train()
    targets = model.latents.batch(["a", "b"], batch["text_lengths"])
    m_s, _ = model.student_latent.at_targets(batch["text"], batch["text_lengths"], targets)
    seen = set()
    for seed in range(20):
        torch.manual_seed(seed)
        m, _ = model.latent(**batch)
        student = tuple(torch.equal(m[i], m_s[i]) for i in range(2))
        assert sum(student) == 1
        assert torch.equal(m[student.index(False)], targets.m_q[student.index(False)])
        seen.add(student)
    assert len(seen) == 2
    assert torch.equal(model.eval().latent(**batch)[0], m_s)  # held out: the student's alone
    none = stored_model(tiny_teacher, tmp_path, encoder, student_latent_share=0.0).train()
    assert torch.equal(none.latent(**batch)[0], targets.m_q)
    with pytest.raises(ValueError, match=r"student_latent_share: expected a share from 0 to 1, found 1\.5"):
        make_decoder_distillation(tiny_teacher, student_latent_share=1.5)


def test_the_share_holds_beside_the_teachers_speech(tiny_teacher, tmp_path):
    encoder = NixEncoder(75, **make_encoder_conf())
    model = stored_model(tiny_teacher, tmp_path, encoder).train()
    torch.manual_seed(0)
    model._draw_num_spoken = lambda batch_size: 1  # one of two clips goes, its id and its text as well
    latent = model.latent
    asked = []
    model.latent = lambda speech, lengths, text, text_lengths, utt_id: (
        asked.append((utt_id, text_lengths.tolist())) or latent(speech, lengths, text, text_lengths, utt_id)
    )
    model.segments = lambda *args: None
    for _ in range(8):
        model.distil(**make_batch() | {"utt_id": ["a", "b"]})
    lengths = dict(zip(["a", "b"], make_batch()["text_lengths"].tolist(), strict=True))
    assert {ids[0] for ids, _ in asked} == {"a", "b"}
    assert all(found == [lengths[ids[0]]] for ids, found in asked)
