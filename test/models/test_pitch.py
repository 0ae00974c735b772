"""The pitch of a recording's tokens: extracted, stored, learnt from, spoken with."""

import math

import numpy as np
import pytest
import torch
from conftest import make_batch, make_encoder_conf
from tiny_models import gradient_norm

from espnet2_nix.errors import UserError
from espnet2_nix.models.encoder_distillation import EncoderDistillation
from espnet2_nix.models.encoder_ensemble import EncoderEnsemble
from espnet2_nix.models.nix_encoder import NixEncoder
from espnet2_nix.models.teacher_latents import TeacherLatents, write_latents
from espnet2_nix.models.token_pitch import token_pitch

PITCH = {"pitch_predictor_conf": {"hidden_channels": 16}}


def tone(hertz, seconds, fs=22050):
    t = torch.arange(int(seconds * fs)) / fs
    return sum(0.2 / n * torch.sin(2 * math.pi * n * hertz * t) for n in range(1, 12))


def make_distillation(teacher, latents, **conf):
    torch.manual_seed(0)
    encoder = NixEncoder(75, **make_encoder_conf() | PITCH)
    return EncoderDistillation(encoder, teacher, None, latents, **conf)


@pytest.fixture
def stored(tiny_teacher, tmp_path):
    """Latents of two recordings and of a text alone."""
    batch = make_batch()
    speech = torch.cat([tone(200, 0.5), tone(400, 0.5)])
    rows = [
        ("a", batch["text"][0, :9], speech[:12000]),
        ("b", batch["text"][1, :7], tone(150, 1.0)[:10000]),
        ("c", batch["text"][0, :9], None),
    ]
    write_latents(tmp_path / "latents", tiny_teacher, "f", rows)
    return TeacherLatents(tmp_path / "latents", "f"), batch


def test_a_tokens_pitch_is_the_mean_of_its_voiced_frames():
    speech = torch.cat([tone(200, 0.6), torch.zeros(6615), tone(400, 0.6)])  # 51.7, 25.8, 51.7 frames
    log_f0, voicing = token_pitch(speech, [45, 18 + 22, 45, 0], 22050, 1024, 256)
    assert math.exp(log_f0[0]) == pytest.approx(200, rel=0.02)
    assert math.exp(log_f0[2]) == pytest.approx(400, rel=0.02)
    assert min(voicing[0], voicing[2]) > 0.9
    assert 0 < voicing[1] < 0.6  # silence with the tones' ends
    assert (log_f0[3], voicing[3]) == (0.0, 0.0)
    assert token_pitch(torch.zeros(8192), [20, 13], 22050, 1024, 256) == ([0.0, 0.0], [0.0, 0.0])


def test_stored_pitch_is_standardised_and_missing_where_nobody_spoke(stored):
    latents, _ = stored
    out = latents.batch(["b", "c", "a"], torch.tensor([7, 9, 9]))
    assert out.pitch.shape == (3, 2, 9)
    assert out.pitch[1].isnan().all()
    assert not out.pitch[0, :, 7:].any()  # padding
    voiced = torch.cat([latents_pitch[0][latents_pitch[1] > 0] for latents_pitch in (out.pitch[0], out.pitch[2])])
    assert float(voiced.mean()) == pytest.approx(0, abs=1e-3)
    assert float(voiced.std(correction=0)) == pytest.approx(1, abs=1e-3)
    assert out.pitch[0, 0, :7].max() < out.pitch[2, 0].max()  # 150 Hz are lower than 400


def test_the_latent_is_taught_with_the_recorded_pitch_and_spoken_with_the_predicted(stored, tiny_teacher):
    latents, batch = stored
    model = make_distillation(tiny_teacher, latents).eval()
    text, lengths = batch["text"][:1], torch.tensor([9])
    loss, stats, _ = model(text=text, text_lengths=lengths, utt_id=["a"])
    assert "pitch_loss" in stats
    loss.backward()
    predictor = model.encoder.pitch_predictor
    assert all(gradient_norm(part) > 0 for part in (predictor.log_f0, predictor.voicing, predictor.proj))
    recorded = model.distil(text, lengths, utt_id=["a"])
    # With the predicted pitch in the recorded one's place, training's latent is that of speaking.
    entry = latents.index["a"]
    hidden, mask = model.encoder.text_encoder(text, lengths)
    spoken = model.encoder(text, lengths, torch.tensor([entry.durations]))
    assert not torch.allclose(spoken["m_s"], recorded.m_s, atol=1e-4)
    latents.pitch = lambda entry: predictor(hidden, mask)[0].detach().numpy()
    torch.testing.assert_close(model.distil(text, lengths, utt_id=["a"]).m_s, spoken["m_s"])


def test_a_text_that_nobody_spoke_has_the_students_own_pitch(stored, tiny_teacher):
    latents, batch = stored
    model = make_distillation(tiny_teacher, latents).eval()
    text, lengths = batch["text"][:1], torch.tensor([9])
    out = model.distil(text, lengths, utt_id=["c"])
    spoken = model.encoder(text, lengths, torch.tensor([latents.index["c"].durations]))
    torch.testing.assert_close(out.m_s, spoken["m_s"])
    assert out.pitch_loss == 0


def test_a_text_that_encoders_read_has_the_pitch_at_which_they_spoke(tiny_teacher, tmp_path):
    batch = make_batch()
    rows = [("a", batch["text"][0, :9], tone(200, 1.0)[:12000]), ("c", batch["text"][1, :7], None)]
    encoders = []
    for seed in range(2):
        torch.manual_seed(seed)
        encoders.append(NixEncoder(75, **make_encoder_conf() | PITCH))
    reader = EncoderEnsemble(encoders)
    write_latents(tmp_path / "alone", tiny_teacher, "f", rows[:1])
    write_latents(tmp_path / "both", tiny_teacher, "f", rows, reader=reader)
    latents = TeacherLatents(tmp_path / "both", "f")
    out = latents.batch(["a", "c"], torch.tensor([9, 7]))
    torch.testing.assert_close(out.pitch[1:, :, :7], reader.prior(rows[1][1][None])[3], rtol=1e-3, atol=1e-4)
    # What nobody said does not move the recorded pitch.
    alone = TeacherLatents(tmp_path / "alone", "f").batch(["a"], torch.tensor([9]))
    torch.testing.assert_close(out.pitch[:1], alone.pitch)


def test_pitch_is_refused_where_none_is_stored(stored, tiny_teacher, tmp_path):
    latents, _ = stored
    with pytest.raises(UserError, match=r"stored with the teacher's latents: .* --dump_latents true"):
        make_distillation(tiny_teacher, None)
    index = latents.folder / "index.tsv"
    lines = [line.split("\t")[:4] for line in index.read_text(encoding="utf-8").splitlines()]
    index.write_text("\n".join("\t".join(line) for line in lines) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match="of an earlier version, without pitch"):
        TeacherLatents(latents.folder, "f")


def test_the_pitch_weight_counts(stored, tiny_teacher):
    latents, batch = stored
    values = {}
    for weight in (0.0, 2.0):
        model = make_distillation(tiny_teacher, latents, lambda_pitch=weight).eval()
        loss, stats, _ = model(text=batch["text"][:1], text_lengths=torch.tensor([9]), utt_id=["a"])
        values[weight] = float(loss.detach()), float(stats["pitch_loss"])
    assert values[2.0][0] - values[0.0][0] == pytest.approx(2 * values[0.0][1], rel=1e-4)
    assert np.isfinite(values[0.0][1])
