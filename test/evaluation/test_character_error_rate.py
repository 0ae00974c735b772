import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_nix.evaluation.character_error_rate import (
    Recogniser,
    character_error_rate,
    edit_distance,
    normalise_for_scoring,
)
from espnet2_nix.evaluation.unavailable import MetricUnavailable


@pytest.mark.parametrize(
    "text, expected",
    [
        ("안녕하세요, 여러분!", "안녕하세요여러분"),
        ("2014년 9월", "이천십사년구월"),
        ("\ufeff  가 나\n", "가나"),
        ("...", ""),
    ],
)
def test_only_what_is_spoken_is_compared(text, expected):
    assert normalise_for_scoring(text) == expected


@pytest.mark.parametrize(
    "a, b, expected", [("", "", 0), ("가나", "", 2), ("", "가", 1), ("가나다", "가라다", 1), ("kitten", "sitting", 3)]
)
def test_edit_distance(a, b, expected):
    assert edit_distance(a, b) == expected


texts = st.text("가나다", max_size=7)


@settings(max_examples=50, deadline=None)
@given(texts, texts, texts)
def test_edit_distance_is_a_metric(a, b, c):
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


def test_character_error_rate_counts_syllables():
    assert character_error_rate("안녕하세요.", "안녕 하세요") == (0, 5)
    assert character_error_rate("칠 세 때 우승해", "7세 때 우성해!") == (1, 6)
    assert character_error_rate("네.", "네네네") == (2, 1)
    assert character_error_rate("여보세요?", "") == (4, 4)


def test_a_reference_without_hangul_is_refused():
    with pytest.raises(ValueError, match=r"'\?!'"):
        character_error_rate("?!", "네")


class FakeWhisper:
    """Takes the place of faster_whisper.WhisperModel and remembers what it was asked."""

    def __init__(self, model, **options):
        if model == "unknown":
            raise ValueError("invalid model size 'unknown'")
        self.model, self.options = model, options

    def transcribe(self, samples, **options):
        self.samples, self.asked = samples, options
        return iter([SimpleNamespace(text=" 안녕하세요."), SimpleNamespace(text=" 네.")]), None


@pytest.fixture
def fake_whisper(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace(WhisperModel=FakeWhisper))


@pytest.fixture
def model_dir(tmp_path):
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).touch()
    return tmp_path


def test_the_recogniser_hears_korean_at_16_khz(fake_whisper, model_dir):
    recogniser = Recogniser(model_dir, cpu_threads=2)
    assert recogniser.transcribe(np.zeros(22050), 22050) == "안녕하세요. 네."
    model = recogniser._model
    assert (model.model, model.options) == (
        str(model_dir),
        {"device": "cpu", "compute_type": "int8", "cpu_threads": 2},
    )
    assert (model.samples.shape, model.samples.dtype) == ((16000,), np.float32)
    assert model.asked == {
        "language": "ko",
        "beam_size": 5,
        "temperature": 0,
        "condition_on_previous_text": False,
    }


@pytest.mark.parametrize("wav", [np.zeros(0), np.zeros((2, 100))])
def test_the_recogniser_refuses_what_is_no_wave(fake_whisper, model_dir, wav):
    with pytest.raises(ValueError, match="at least one sample"):
        Recogniser(model_dir).transcribe(wav, 22050)


def test_a_name_is_left_to_the_package(fake_whisper):
    assert Recogniser("base")._model.model == "base"


def test_a_missing_package_names_the_remedy(monkeypatch, model_dir):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MetricUnavailable, match="pip install faster-whisper"):
        Recogniser(model_dir)


@pytest.mark.parametrize("as_type", [str, lambda path: path])
def test_a_missing_folder_is_named(fake_whisper, tmp_path, as_type):
    with pytest.raises(MetricUnavailable, match=r"nowhere has no model\.bin, config\.json, tokenizer\.json"):
        Recogniser(as_type(tmp_path / "nowhere"))


def test_an_incomplete_folder_is_named(fake_whisper, model_dir):
    (model_dir / "tokenizer.json").unlink()
    with pytest.raises(MetricUnavailable, match=r"has no tokenizer\.json"):
        Recogniser(str(model_dir))


def test_a_model_that_does_not_load_is_named(fake_whisper):
    with pytest.raises(MetricUnavailable, match="unknown cannot be loaded"):
        Recogniser("unknown")


def test_whisper_itself_loads_and_gives_the_same_text_twice():
    pytest.importorskip("faster_whisper", reason="pip install faster-whisper")
    if "NIX_TEST_WHISPER" not in os.environ:
        pytest.skip("NIX_TEST_WHISPER names no folder of a Whisper model")
    recogniser = Recogniser(os.environ["NIX_TEST_WHISPER"])
    noise = 0.01 * np.random.default_rng(0).standard_normal(22050).astype(np.float32)
    assert recogniser.transcribe(noise, 22050) == recogniser.transcribe(noise, 22050)
