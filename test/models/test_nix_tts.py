import pytest
import torch
from conftest import make_student

from espnet2_nix.models.nix_tts import NixTTS, latent_noise

BUDGET = 5_230_000  # parameters of the published model with deterministic durations (arXiv 2203.15643)


@pytest.mark.parametrize("decoder", ["hifigan", "istft"])
def test_the_default_student_keeps_to_the_published_size(decoder):
    assert sum(p.numel() for p in NixTTS(75, decoder=decoder).parameters()) <= BUDGET


def test_the_student_ships_neither_teacher_nor_aligner_nor_discriminator():
    keys = NixTTS(75, encoder_conf={"duration_predictor": "stochastic"}).state_dict()
    for word in ("teacher", "aligner", "discriminator", "posterior", "post_", "weight_g", "parametrizations"):
        assert not [key for key in keys if word in key], word


@pytest.mark.parametrize("duration_predictor", ["deterministic", "stochastic"])
def test_same_text_and_seed_give_the_same_samples(duration_predictor):
    conf = {"duration_predictor": duration_predictor}
    if duration_predictor == "stochastic":
        conf["duration_predictor_conf"] = {"n_flows": 2}
    student = make_student(**conf)
    text = torch.arange(2, 20)
    state = torch.get_rng_state()
    first = student.inference(text, seed=1)["wav"]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, student.inference(text, seed=1)["wav"])
    other = student.inference(text, seed=2)["wav"]
    assert other.shape != first.shape or not torch.equal(first, other)


def test_length_durations_and_speed():
    student = make_student()
    text = torch.arange(2, 20)
    out = student.inference(text, seed=0)
    assert len(out["wav"]) == 256 * int(out["duration"].sum())
    slow = student.inference(text, seed=0, alpha=3.0)
    assert len(slow["wav"]) > len(out["wav"])
    given = torch.arange(1, 19)
    out = student.inference(text, durations=given, seed=0)
    assert torch.equal(out["duration"], given)
    assert len(out["wav"]) == 256 * int(given.sum())


def test_a_long_text_speaks():
    wav = make_student().inference(torch.full((2000,), 5), durations=torch.ones(2000, dtype=torch.long), seed=0)["wav"]
    assert len(wav) == 256 * 2000


@pytest.mark.parametrize("text", [[], [75], [-1]])
def test_wrong_ids_are_refused(text):
    with pytest.raises(ValueError, match="expected"):
        make_student().inference(torch.tensor(text, dtype=torch.long))


def test_noise_of_a_longer_text_begins_with_that_of_a_shorter():
    short, long = latent_noise(torch.zeros(1, 4, 5), 3), latent_noise(torch.zeros(1, 4, 9), 3)
    assert torch.equal(long[..., :5], short)
    assert not torch.equal(short, latent_noise(torch.zeros(1, 4, 5), 4))


def test_the_student_is_not_trained():
    with pytest.raises(NotImplementedError, match="stage 7"):
        make_student()()
