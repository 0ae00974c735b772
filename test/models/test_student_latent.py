"""Fine-tuning of the decoder on the student's latent."""

import pytest
import torch
from conftest import make_batch, make_encoder_conf
from tiny_models import gradient_norm, make_decoder_distillation

from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.student_latent import StudentLatent


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


def test_fine_tuning_takes_durations_from_outside_and_asks_no_teacher(tiny_teacher, monkeypatch):
    encoder = NixEncoder(75, **make_encoder_conf())
    model = make_decoder_distillation(tiny_teacher, student_latent=StudentLatent(encoder, noise_scale=0.5))
    batch = make_batch()
    feats_lengths = batch["speech_lengths"] // tiny_teacher.hop_length + 1
    durations = torch.zeros_like(batch["text"])
    for row, (num_tokens, num_frames) in enumerate(zip(batch["text_lengths"], feats_lengths, strict=True)):
        durations[row, :num_tokens] = 1
        durations[row, 0] += num_frames - num_tokens
    monkeypatch.setattr(tiny_teacher, "posterior", None)
    monkeypatch.setattr(tiny_teacher, "alignment", None)
    m, logs = model.latent(**batch, durations=durations)
    expected = encoder(batch["text"], batch["text_lengths"], durations=durations)
    torch.testing.assert_close(m, expected["m_s"])
    torch.testing.assert_close(torch.exp(logs), 0.5 * torch.exp(expected["logs_s"]))
    assert torch.isfinite(model.train()(**batch, durations=durations)["loss"])


def test_durations_of_another_recording_are_refused(tiny_teacher):
    encoder = NixEncoder(75, **make_encoder_conf())
    model = make_decoder_distillation(tiny_teacher, student_latent=StudentLatent(encoder))
    batch = make_batch()
    with pytest.raises(ValueError, match=r"durations: expected .* tokens and .* frames in the batch, found"):
        model.latent(**batch, durations=torch.ones_like(batch["text"]))
