"""The teacher's latents, stored and read."""

import pytest
import torch
from conftest import make_batch
from tiny_models import make_encoder_distillation, store_latents

from espnet2_nix.models.teacher_latents import TeacherLatents, write_latents


@pytest.mark.parametrize("alignment", ["aligner", "teacher"])
def test_stored_latents_teach_what_the_teacher_teaches(tiny_teacher, tmp_path, alignment):
    batch = make_batch()
    store_latents(tiny_teacher, tmp_path, batch)
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
    store_latents(tiny_teacher, tmp_path, batch)
    out = TeacherLatents(tmp_path, "f").batch(["b"], batch["text_lengths"][1:])
    speech = batch["speech"][1:, : batch["speech_lengths"][1]]
    m_q, logs_q, mask = tiny_teacher.posterior(*tiny_teacher.feats(speech, batch["speech_lengths"][1:]))
    torch.testing.assert_close(out.m_q, m_q, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(out.logs_q, logs_q, rtol=1e-3, atol=1e-3)
    assert out.feats_lengths.tolist() == [10000 // 256 + 1]
    attn = tiny_teacher.alignment(batch["text"][1:, :7], batch["text_lengths"][1:], m_q, mask)
    assert torch.equal(out.durations, attn.sum(1).long())


def test_an_utterance_drawn_again_is_the_same(tiny_teacher, tmp_path):
    batch = make_batch()
    store_latents(tiny_teacher, tmp_path, batch, names=("a@b", "b"))
    latents = TeacherLatents(tmp_path, "f")
    once, again = (latents.batch(names, batch["text_lengths"]) for names in (["a@b", "b"], ["a@b@2", "b@13"]))
    assert torch.equal(once.m_q, again.m_q)
    assert torch.equal(once.durations, again.durations)


def test_wrong_or_damaged_latents_are_refused(tiny_teacher, tmp_path):
    batch = make_batch()
    with pytest.raises(FileNotFoundError, match="--dump_latents true"):
        TeacherLatents(tmp_path, "f")
    store_latents(tiny_teacher, tmp_path, batch)
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
    assert out.durations.min() >= 1
    assert out.feats_lengths.tolist() == out.durations.sum(1).tolist()
    assert out.log_mel is None
    taught = make_encoder_distillation(tiny_teacher, alignment="teacher", latents=latents)
    loss, _, _ = taught(text=text, text_lengths=lengths, utt_id=["a"])
    assert torch.isfinite(loss)
    with pytest.raises(ValueError, match="give alignment: teacher with --extra_text"):
        make_encoder_distillation(tiny_teacher, latents=latents)(text=text, text_lengths=lengths, utt_id=["a"])


def test_an_interrupted_dump_leaves_nothing_that_looks_whole(tiny_teacher, tmp_path):
    batch = make_batch(samples=(12000, 1024), tokens=(9, 7))  # the second has fewer frames than tokens
    with pytest.raises(ValueError, match="7 tokens"):
        store_latents(tiny_teacher, tmp_path, batch)
    assert list(tmp_path.iterdir()) == []
