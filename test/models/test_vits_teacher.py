"""The frozen teacher and what is taken from it."""

import torch
from conftest import make_batch
from tiny_models import make_decoder_distillation, make_encoder_distillation

from espnet2_nix.aligner.monotonic_alignment import durations_from_path


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


def test_the_posterior_of_a_segment_is_that_of_the_whole_utterance(tiny_teacher):
    torch.manual_seed(0)
    size, lengths = 4, torch.tensor([120, 90, 5])
    feats = torch.rand(3, 513, 120)
    m_q, logs_q, _ = tiny_teacher.posterior(feats, lengths)
    assert 0 < tiny_teacher.posterior_context < 30  # so that the middle is out of reach of both ends
    for starts in ([0, 0, 0], [1, 2, 1], [60, 45, 1], [116, 86, 1]):
        m, logs = tiny_teacher.posterior_segments(feats, lengths, torch.tensor(starts), size)
        for i, start in enumerate(starts):
            torch.testing.assert_close(m[i], m_q[i, :, start : start + size], atol=1e-5, rtol=0)
            torch.testing.assert_close(logs[i], logs_q[i, :, start : start + size], atol=1e-5, rtol=0)


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
