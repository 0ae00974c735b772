"""Utterances spliced at word boundaries."""

import pytest
import torch
from conftest import make_batch
from tiny_models import make_encoder_distillation, store_latents

from espnet2_nix.errors import UserError
from espnet2_nix.models.splicing import splice
from espnet2_nix.models.teacher_latents import Targets, TeacherLatents
from espnet2_nix.modules.masks import make_non_pad_mask

BOUNDARY = 99


def make_utterances(texts):
    """Utterances whose every frame, duration and pitch tells which token it is of, tokens being unique but for boundaries."""
    torch.manual_seed(0)
    durations = [torch.randint(1, 5, (len(text),)) for text in texts]
    place = [torch.arange(len(text)) + 100 * i for i, text in enumerate(texts)]
    frames = [torch.repeat_interleave(p, d).float() for p, d in zip(place, durations, strict=True)]

    def pad(rows):
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)

    lengths = torch.tensor([len(row) for row in frames])
    m_q = pad(frames)[:, None].repeat(1, 3, 1)
    pitch = pad([p.float() for p in place])[:, None].repeat(1, 2, 1)
    mask = make_non_pad_mask(lengths, m_q.shape[2])
    targets = Targets(m_q, m_q + 0.5 * mask, mask, lengths, log_mel=m_q, durations=pad(durations), pitch=pitch)
    return pad([torch.tensor(text) for text in texts]), torch.tensor([len(t) for t in texts]), targets


TEXTS = [[1, 2, BOUNDARY, 3, 4, BOUNDARY, 5], [11, BOUNDARY, 12, 13, 14, BOUNDARY, 15, 16], [21, 22, BOUNDARY, 23]]


def test_tokens_frames_durations_and_pitch_stay_together():
    text, lengths, targets = make_utterances(TEXTS)
    seen = set()
    for seed in range(20):
        torch.manual_seed(seed)
        out, out_lengths, spliced = splice(text, lengths, targets, BOUNDARY, share=1.0)
        assert spliced.log_mel is None
        for i, n in enumerate(out_lengths.tolist()):
            num_frames = int(spliced.feats_lengths[i])
            place = spliced.pitch[i, 0, :n].long()
            of = place // 100
            first = int((of == i).sum())
            assert (of[:first] == i).all()
            assert len(set(of[first:].tolist())) == 1  # one other utterance's
            assert int(of[-1]) != i
            assert out[i, first - 1] == BOUNDARY
            j = int(of[-1])
            assert TEXTS[j][int(place[first]) % 100 - 1] == BOUNDARY
            assert out[i, :n].tolist() == [TEXTS[int(k) // 100][int(k) % 100] for k in place]
            stored = torch.stack([targets.durations[int(k) // 100, int(k) % 100] for k in place])
            assert torch.equal(spliced.durations[i, :n], stored)
            expected = torch.repeat_interleave(place, stored).float()
            assert torch.equal(spliced.m_q[i, 1, :num_frames], expected)
            assert torch.equal(spliced.logs_q[i, 2, :num_frames], expected + 0.5)
            assert not spliced.m_q[i, :, num_frames:].any()
            assert not out[i, n:].any()
            assert float(spliced.feats_mask[i].sum()) == num_frames == int(spliced.durations[i].sum())
            seen.add((i, j, first))
    assert len(seen) > 6


def test_the_cut_of_the_other_keeps_the_length_nearest():
    text, lengths, targets = make_utterances(
        [[1, BOUNDARY, *range(2, 12)], [21, BOUNDARY, 22, BOUNDARY, *range(23, 33)]]
    )
    targets.durations[:] = (text != 0).long()
    frames = targets.durations.sum(1)
    targets = Targets(
        torch.zeros(2, 3, 14), torch.zeros(2, 3, 14), make_non_pad_mask(frames, 14), frames, durations=targets.durations
    )
    _, out_lengths, _ = splice(text, lengths, targets, BOUNDARY, share=1.0)
    assert out_lengths[0] == 12  # 2 + 10, not 2 + 12


def test_no_share_no_boundary_and_no_partner_change_nothing():
    for texts, share in ((TEXTS, 0.0), ([[1, 2], [3, 4, 5]], 1.0), ([[1, BOUNDARY, 2], [3, 4, 5]], 1.0)):
        text, lengths, targets = make_utterances(texts)
        out, out_lengths, spliced = splice(text, lengths, targets, BOUNDARY, share)
        assert torch.equal(out, text)
        assert torch.equal(out_lengths, lengths)
        for name in ("m_q", "logs_q", "feats_mask", "feats_lengths", "durations", "pitch"):
            assert torch.equal(getattr(spliced, name), getattr(targets, name))


def test_the_share_is_that_of_the_batch():
    text, lengths, targets = make_utterances(TEXTS)
    torch.manual_seed(1)
    spliced = 0
    for _ in range(200):
        _, out_lengths, out = splice(text, lengths, targets, BOUNDARY, 0.3)
        last = out.pitch[torch.arange(3), 0, out_lengths - 1]
        spliced += int((last // 100 != torch.arange(3)).sum())
    assert spliced / 600 == pytest.approx(0.3, abs=0.06)


def test_training_splices_and_validation_does_not(tiny_teacher, tmp_path):
    batch = make_batch()
    batch["text"][:, 3] = 70
    store_latents(tiny_teacher, tmp_path, batch)
    latents = TeacherLatents(tmp_path, "f")
    model = make_encoder_distillation(tiny_teacher, alignment="teacher", latents=latents, splice_share=1.0, boundary=70)
    plain = make_encoder_distillation(tiny_teacher, alignment="teacher", latents=latents)
    text_only = {"text": batch["text"], "text_lengths": batch["text_lengths"], "utt_id": ["a", "b"]}
    torch.testing.assert_close(model.eval()(**text_only)[0], plain.eval()(**text_only)[0])
    out = model.train().distil(**text_only)
    stored = latents.batch(["a", "b"], batch["text_lengths"])
    assert not torch.equal(out.targets.feats_lengths, stored.feats_lengths)
    assert out.m_s.shape == out.targets.m_q.shape
    model(**text_only)[0].backward()


def test_what_cannot_be_spliced_is_refused(tiny_teacher, tmp_path):
    with pytest.raises(UserError, match=r"splice_share: .* alignment: teacher .* --dump_latents true"):
        make_encoder_distillation(tiny_teacher, alignment="teacher", splice_share=0.5, boundary=70)
    store_latents(tiny_teacher, tmp_path, make_batch())
    latents = TeacherLatents(tmp_path, "f")
    with pytest.raises(UserError, match="alignment: teacher"):
        make_encoder_distillation(tiny_teacher, latents=latents, splice_share=0.5, boundary=70)
    with pytest.raises(UserError, match="the token list has no <space>"):
        make_encoder_distillation(tiny_teacher, alignment="teacher", latents=latents, splice_share=0.5)
    with pytest.raises(UserError, match=r"expected 0 to 1, found 1\.5"):
        make_encoder_distillation(tiny_teacher, alignment="teacher", latents=latents, splice_share=1.5)
    text, lengths, targets = make_utterances(TEXTS)
    without = Targets(targets.m_q, targets.logs_q, targets.feats_mask, targets.feats_lengths)
    with pytest.raises(ValueError, match="expected targets with durations"):
        splice(text, lengths, without, BOUNDARY, 1.0)
