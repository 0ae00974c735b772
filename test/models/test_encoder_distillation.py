"""Encoder distillation: losses, schedules, alignment."""

import math

import pytest
import torch
from conftest import make_batch, make_encoder_conf
from tiny_models import gradient_norm, make_encoder_distillation

from espnet2_nix.models.encoder_distillation import EncoderDistillation
from espnet2_nix.models.nix_encoder import NixEncoder


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
    assert (model.learner is None) == (alignment == "teacher")


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
        "aligner": model.learner.aligner,
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
    model.learner.num_batches.fill_(3)
    hard = model.distil(**batch)
    assert not torch.allclose(soft.m_s, hard.m_s)
    frames = torch.matmul(hard.hidden, hard.alignment.attn.transpose(1, 2))
    torch.testing.assert_close(hard.m_s, model.encoder.latent_encoder(frames, hard.targets.feats_mask)[0])
    assert set(hard.alignment.attn.unique().tolist()) == {0, 1}


def test_held_out_losses_do_not_change_with_the_schedules(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher, hard_alignment_start=3, bin_start=3, bin_ramp=2).eval()
    model.encoder.latent_encoder.proj.weight.data.normal_()
    early, stats, _ = model(**make_batch())
    assert float(stats["bin_weight"]) == 1
    model.learner.num_batches.fill_(9)
    late, _, _ = model(**make_batch())
    torch.testing.assert_close(early, late)
    model.train()
    model.learner.num_batches.zero_()
    assert float(model(**make_batch())[1]["bin_weight"]) == 0


def test_the_prior_bends_the_alignment_from_the_start(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher).eval()
    soft = model.distil(**make_batch()).alignment.attn_soft[0]
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
    frames = alone.m_s.shape[2]
    torch.testing.assert_close(together.m_s[1:, :, :frames], alone.m_s, atol=1e-4, rtol=0)
    assert torch.equal(together.alignment.durations[1:, :7], alone.alignment.durations)


def test_the_step_is_saved_and_counts_training_only(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher, steps_per_update=2)
    for _ in range(4):
        model(**make_batch())
    model.eval()
    model(**make_batch())
    assert model.learner.step == 2
    resumed = make_encoder_distillation(tiny_teacher, steps_per_update=2)
    resumed.load_state_dict(model.state_dict())
    assert resumed.learner.step == 2


def test_a_wrong_encoder_is_refused(tiny_teacher):
    with pytest.raises(ValueError, match="latent channels"):
        EncoderDistillation(NixEncoder(75, **make_encoder_conf(latent_channels=6)), tiny_teacher)
    with pytest.raises(ValueError, match="tokens"):
        EncoderDistillation(NixEncoder(70, **make_encoder_conf()), tiny_teacher)
    with pytest.raises(ValueError, match="duration_predictor"):
        NixEncoder(75, duration_predictor="guess")


def test_more_tokens_than_frames_names_the_utterance(tiny_teacher):
    model = make_encoder_distillation(tiny_teacher)
    with pytest.raises(ValueError, match="1"):
        model(**make_batch(samples=(12000, 1024), tokens=(9, 7)))
