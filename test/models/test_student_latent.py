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


def test_fine_tuning_needs_the_text_and_some_noise(tiny_teacher):
    encoder = NixEncoder(75, **make_encoder_conf())
    model = make_decoder_distillation(tiny_teacher, student_latent=StudentLatent(encoder))
    batch = {name: value for name, value in make_batch().items() if "speech" in name}
    with pytest.raises(ValueError, match="needs the text: give text beside speech"):
        model(**batch)
    with pytest.raises(ValueError, match="noise_scale: expected a factor above 0"):
        StudentLatent(encoder, noise_scale=0)
