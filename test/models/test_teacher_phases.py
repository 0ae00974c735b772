"""Phases of a teacher from a public voice: what each learns, what it leaves alone, and what it saves."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import make_batch

from espnet2_nix.data.kaldi_io import read_table, write_table
from espnet2_nix.models.checkpoint import fingerprint, read_config
from espnet2_nix.models.load_teacher import load_teacher
from espnet2_nix.models.teacher_latents import TeacherLatents, given_durations, write_latents
from espnet2_nix.models.teacher_phases import PosteriorPretraining, VITSAutoencoder
from espnet2_nix.models.text_side import TextAligner, TextSide, alignment_health
from espnet2_nix.modules.crops import crop, random_crops
from espnet2_nix.tasks.teacher_phases import freeze_all_but, load_phase
from espnet2_nix.warm_start.durations import expected_log_likelihood, refine_durations
from espnet2_nix.warm_start.teacher import take_teacher


@pytest.fixture
def vits(tiny_teacher_dir):
    return load_phase(tiny_teacher_dir / "config.yaml", tiny_teacher_dir / "model.pth").train()


def changed_modules(model: torch.nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    """Children of the generator, and the discriminator, with a changed weight."""
    names = {n for n, v in model.state_dict().items() if n.startswith("tts.") and not torch.equal(v, before[n])}
    return {n.split(".")[2] if n.startswith("tts.generator.") else n.split(".")[1] for n in names}


def copy_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def step(model: torch.nn.Module, loss: torch.Tensor, modules: list[torch.nn.Module], lr: float = 1e-3) -> None:
    parameters = [p for module in modules for p in module.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=lr)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def test_crops_lie_in_the_sequence_and_are_padded_beyond_its_ends() -> None:
    torch.manual_seed(0)
    starts = random_crops(torch.tensor([40, 10, 4]).repeat(100), 10).reshape(100, 3)
    assert starts[:, 0].min() == 0
    assert starts[:, 0].max() == 30
    assert starts[:, 1:].unique().tolist() == [0]
    x = torch.arange(1.0, 7.0)[None, None]
    assert crop(x, torch.tensor([0]), 4, context=2).tolist() == [[[0, 0, 1, 2, 3, 4, 5, 6]]]
    assert crop(x, torch.tensor([4]), 4, context=1).tolist() == [[[4, 5, 6, 0, 0, 0]]]


def test_posterior_learns_the_latent_and_nothing_else_moves(vits) -> None:
    torch.manual_seed(0)
    model = PosteriorPretraining(vits.tts, vits.feats_extract, crop_size=16, context=4)
    freeze_all_but(model, model.trained)
    batch = make_batch(samples=(256 * 40, 256 * 30))
    # A latent that the spectrogram tells: loudness of each frame
    feats, _ = vits.feats_extract(batch["speech"], batch["speech_lengths"])
    latent = (20 * feats[:, :40, :8]).contiguous()
    lengths = torch.tensor([40, 30])
    before = copy_state(model)
    losses = []
    for _ in range(60):
        loss, _, weight = model(batch["speech"], batch["speech_lengths"], latent, lengths, utt_id=["a", "b"])
        losses.append(float(loss.detach()))
        step(model, loss, model.trained, lr=3e-3)
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 1
    assert changed_modules(model, before) == {"posterior_encoder"}
    assert int(weight) == 2


def test_padding_of_the_latent_has_no_part_in_the_loss(vits) -> None:
    model = PosteriorPretraining(vits.tts, vits.feats_extract, crop_size=60, context=4).eval()
    batch = make_batch(samples=(256 * 40, 256 * 30))
    latent, lengths = torch.randn(2, 40, 8), torch.tensor([40, 30])
    losses = []
    for value in (0.0, 1e3):
        latent[1, 30:] = value
        losses.append(model(batch["speech"], batch["speech_lengths"], latent, lengths)[0])
    torch.testing.assert_close(*losses)


def test_autoencoder_trains_both_ends_in_turns_and_leaves_the_text_side(vits) -> None:
    torch.manual_seed(0)
    std = torch.full((8,), 2.0)
    model = VITSAutoencoder(
        vits.tts, vits.feats_extract, torch.zeros(8), std, segment_size=8, context=4, lambda_prior_end=0.1,
        prior_ramp_start=1, prior_ramp_end=3,
    )  # fmt: skip
    freeze_all_but(model, [*model.trained, model.tts.discriminator])
    batch = make_batch(samples=(256 * 40, 256 * 30))
    del batch["text"], batch["text_lengths"]
    before = copy_state(model)
    weights = []
    for _ in range(4):
        out = model(**batch, forward_generator=False)
        assert out["optim_idx"] == 1
        step(model, out["loss"], [model.tts.discriminator])
        weights.append(model.prior_weight())
        out = model(**batch)
        assert out["optim_idx"] == 0
        step(model, out["loss"], model.trained)
    assert weights == pytest.approx([0.02, 0.02, 0.06, 0.1])
    assert changed_modules(model, before) == {"posterior_encoder", "decoder", "discriminator"}


def test_divergence_of_the_autoencoder_is_that_of_torch(vits) -> None:
    torch.manual_seed(0)
    mean, std = torch.randn(8), torch.rand(8) + 0.5
    model = VITSAutoencoder(vits.tts, vits.feats_extract, mean, std, segment_size=8, context=4).eval()
    out = {
        "speech": torch.randn(2, 1, 2048) * 0.1,
        "wav": torch.randn(2, 1, 2048) * 0.1,
        "m_q": torch.randn(2, 8, 8),
        "logs_q": torch.randn(2, 8, 8) * 0.3,
    }
    found = model._generator_losses(out)[1]["prior_loss"]
    q = torch.distributions.Normal(out["m_q"], out["logs_q"].exp())
    p = torch.distributions.Normal(mean[None, :, None], std[None, :, None])
    torch.testing.assert_close(found, torch.distributions.kl_divergence(q, p).sum(1).mean())


def test_two_generator_turns_never_share_waves(vits) -> None:
    model = VITSAutoencoder(vits.tts, vits.feats_extract, segment_size=8, context=4).eval()
    batch = make_batch(samples=(256 * 40, 256 * 30))
    torch.manual_seed(0)
    first = model(batch["speech"], batch["speech_lengths"])["loss"]
    second = model(0.5 * batch["speech"], batch["speech_lengths"])["loss"]
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    torch.testing.assert_close(model(batch["speech"], batch["speech_lengths"])["loss"], first)


def test_aligner_learns_and_an_item_in_a_batch_is_aligned_as_alone(vits) -> None:
    torch.manual_seed(0)
    model = TextAligner(75, 22050, vits.feats_extract, channels=16, attention_channels=16, bin_start=5, bin_ramp=5)
    batch = make_batch(samples=(256 * 40, 256 * 30))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(20):
        loss, stats, _ = model(**batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(stats["forward_sum_loss"]))
    assert losses[-1] < losses[0]
    model.eval()
    log_p_attn, attn, feats_lengths = model.align(**batch)
    assert feats_lengths.tolist() == [41, 31]
    assert attn.sum((1, 2)).tolist() == [41, 31]
    # What is beyond an item's end has no part in it.
    batch["speech"][1, 256 * 33 :] = 1.0
    batch["text"][1, 7:] = 3
    again, path, _ = model.align(**batch)
    torch.testing.assert_close(again[1, :31, :7], log_p_attn[1, :31, :7])
    assert torch.equal(path[1, :31], attn[1, :31])


def test_health_of_an_alignment() -> None:
    durations = torch.tensor([[1, 1, 8, 0], [2, 3, 4, 1]])
    health = alignment_health(durations, torch.tensor([3, 4]))
    assert float(health["longest_token"]) == 6
    assert float(health["one_frame_share"]) == pytest.approx(3 / 7)


@pytest.fixture
def stored(tiny_teacher_dir, tmp_path):
    teacher = load_teacher(tiny_teacher_dir / "config.yaml", tiny_teacher_dir / "model.pth")
    batch = make_batch(samples=(256 * 40, 256 * 30))
    rows = [
        (name, batch["text"][i, : batch["text_lengths"][i]], batch["speech"][i, : batch["speech_lengths"][i]])
        for i, name in enumerate("ab")
    ]
    durations = {"a": [4] * 8 + [9], "b": [2] * 6 + [19]}
    write_latents(tmp_path / "latents", teacher, "name", rows, durations)
    return batch, TeacherLatents(tmp_path / "latents", "name"), durations


def test_text_side_learns_on_given_durations_while_flow_and_ends_rest(vits, stored) -> None:
    torch.manual_seed(0)
    batch, latents, durations = stored
    model = TextSide(vits.tts, latents, flow_start=3, duration_interval=2)
    freeze_all_but(model, model.trained)
    kept = latents.batch(["a", "b"], batch["text_lengths"]).durations
    assert [row[: len(durations[name])].tolist() for row, name in zip(kept, "ab", strict=True)] == list(
        durations.values()
    )
    before = copy_state(model)
    for i in range(3):
        loss, stats, _ = model(batch["text"], batch["text_lengths"], ["a", "b"])
        assert ("dur_loss" in stats) == (i % 2 == 0)
        step(model, loss, [m for m in model.trained if m is not vits.tts.generator.flow])
    assert changed_modules(model, before) == {"text_encoder", "duration_predictor"}
    assert all(p.grad is None for p in vits.tts.generator.flow.parameters())
    loss, _, _ = model(batch["text"], batch["text_lengths"], ["a", "b"])
    step(model, loss, model.trained)
    assert changed_modules(model, before) == {"text_encoder", "duration_predictor", "flow"}


def test_a_flow_that_rests_has_no_gradient_whatever_the_step(vits, stored) -> None:
    batch, latents, _ = stored
    model = TextSide(vits.tts, latents, flow_start=None)
    for training in (True, False):
        model.train(training)(batch["text"], batch["text_lengths"], ["a", "b"])[0].backward()
    assert all(p.grad is None for p in vits.tts.generator.flow.parameters())


def test_expected_log_likelihood_is_the_mean_over_the_posterior() -> None:
    torch.manual_seed(0)
    m_q, logs_q, m_p, logs_p = torch.randn(1, 3, 4), torch.randn(1, 3, 4), torch.randn(1, 3, 2), torch.randn(1, 3, 2)
    z = m_q + torch.exp(logs_q) * torch.randn(200_000, 3, 4)
    for token in range(2):
        prior = torch.distributions.Normal(m_p[0, :, token, None], torch.exp(logs_p[0, :, token, None]))
        found = expected_log_likelihood(m_q, logs_q, m_p, logs_p)[0, :, token]
        torch.testing.assert_close(found, prior.log_prob(z).sum(1).mean(0), rtol=0.02, atol=0.02)


def test_refined_durations_cover_every_frame_in_order(tiny_teacher_dir, stored, tmp_path) -> None:
    batch, latents, _ = stored
    weights = tiny_teacher_dir / "model.pth"
    args = read_config(tiny_teacher_dir / "config.yaml")
    rows = {
        name: " ".join(args.token_list[i] for i in batch["text"][row, : batch["text_lengths"][row]])
        for row, name in enumerate("ab")
    }
    write_table(tmp_path / "text", rows)
    info = tmp_path / "latents" / "info.json"
    info.write_text(info.read_text().replace('"name"', f'"{fingerprint(weights)}"'))
    refine_durations(
        str(tiny_teacher_dir / "config.yaml"), str(weights), str(tmp_path / "latents"), str(weights),
        [str(tmp_path / "text")], str(tmp_path / "durations"),
    )  # fmt: skip
    for name, line in read_table(tmp_path / "durations").items():
        frames = [int(value) for value in line.split()]
        assert len(frames) == len(rows[name].split())
        assert sum(frames) == latents.index[name].num_frames
        assert min(frames) >= 1


def test_given_durations_must_fit(tmp_path) -> None:
    assert given_durations({"a": [2, 3]}, "a", 2, 5).tolist() == [[2, 3]]
    for table, message in (({}, "no durations of a"), ({"a": [2, 3, 1]}, "2 tokens and 5 frames, found 3 and 6")):
        with pytest.raises(ValueError, match=message):
            given_durations(table, "a", 2, 5)


def test_what_a_phase_saves_is_a_teacher(vits, tiny_teacher_dir, tmp_path) -> None:
    model = VITSAutoencoder(vits.tts, vits.feats_extract, segment_size=8, context=4)
    with torch.no_grad():
        model.tts.generator.decoder.input_conv.bias.add_(1.0)
    torch.save(model.state_dict(), tmp_path / "phase.pth")
    config = tiny_teacher_dir / "config.yaml"
    take_teacher(str(config), str(tmp_path / "phase.pth"), str(tmp_path / "teacher" / "model.pth"))
    teacher = load_teacher(tmp_path / "teacher" / "config.yaml", tmp_path / "teacher" / "model.pth")
    expected = model.state_dict()["tts.generator.decoder.input_conv.bias"]
    torch.testing.assert_close(teacher.generator.decoder.input_conv.bias, expected)
    state = torch.load(tmp_path / "phase.pth")
    del state["tts.generator.decoder.input_conv.bias"]
    torch.save(state, tmp_path / "phase.pth")
    with pytest.raises(ValueError, match=r"1 missing \(tts\.generator\.decoder\.input_conv\.bias\)"):
        load_phase(config, tmp_path / "phase.pth")


@pytest.mark.parametrize(
    "imports",
    [
        "import espnet2_nix, espnet2.gan_tts.vits",
        "import espnet2.gan_tts.vits, espnet2_nix",
        "import espnet2_nix.modules.vits_generator",  # whose own imports bring the table in
        "import espnet2_nix.tasks.teacher_phases",
    ],
)
def test_stock_espnet_knows_the_generator_after_the_import_of_the_package(imports: str) -> None:
    code = (
        f"{imports}; from espnet2.gan_tts.vits.vits import AVAILABLE_GENERATERS as g; "
        "print(type(g['vits_resblock2_generator'](vocabs=5, text_encoder_conformer_kernel_size=7)).__name__)"
    )
    out = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert out.stdout.split()[-1:] == ["VITSResBlock2Generator"], out.stderr


def test_a_phase_draws_and_plays_what_it_resynthesises(vits, stored, tmp_path) -> None:
    from espnet2.train.reporter import Reporter
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    from espnet2_nix.tasks import trainer

    torch.manual_seed(0)
    batch, latents, _ = stored
    one = {name: value[:1] for name, value in batch.items()}
    one["text"] = one["text"][:, : int(one["text_lengths"])]
    aligner = TextAligner(75, 22050, vits.feats_extract, channels=8, attention_channels=8)
    wanted = {
        "posterior": (trainer.TeacherPhaseTrainer, PosteriorPretraining(vits.tts, vits.feats_extract), ("recording", "teacher")),
        "autoencoder": (trainer.TeacherPhaseGANTrainer, VITSAutoencoder(vits.tts, vits.feats_extract), ("recording", "teacher")),
        "text_side": (trainer.TeacherPhaseTrainer, TextSide(vits.tts, latents), ("posterior", "prior")),
        "aligner": (trainer.TextAlignerTrainer, aligner, ()),
    }  # fmt: skip
    options = type("Options", (), {"no_forward_run": False, "ngpu": 0})
    for name, (kind, model, waves) in wanted.items():
        reporter = Reporter()
        reporter.set_epoch(3)
        writer = SummaryWriter(str(tmp_path / name / "tensorboard"))
        with reporter.observe("att_plot") as sub_reporter:
            kind.plot_attention(model, tmp_path / name, writer, [(["a"], one)], sub_reporter, options)
        writer.close()
        events = EventAccumulator(str(tmp_path / name / "tensorboard"), size_guidance={"images": 0, "audio": 0})
        events.Reload()
        picture = "alignment" if name == "aligner" else "mel"
        assert (tmp_path / name / "a" / f"{picture}.3ep.png").exists()
        assert events.Tags()["images"] == [f"{picture}/a"]
        assert sorted(events.Tags()["audio"]) == sorted(f"{wave}/a" for wave in waves)
    drawn = TextSide(vits.tts, latents).eval().resynthesise(**one, utt_id=["a"])
    torch.testing.assert_close(drawn["posterior"], vits.tts.generator.decoder(latents.batch(["a"], one["text_lengths"]).m_q)[:, 0].detach())  # fmt: skip
    assert drawn["prior"].shape == drawn["posterior"].shape
