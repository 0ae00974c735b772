"""The voice that comes with the project: it is small, says whose speech it is, and speaks."""

import tomllib

import numpy as np
from conftest import ROOT

from espnet2_nix.runtime import Voice

PACKAGE = ROOT / "voices" / "lmy"
FOLDER = PACKAGE / "nix_tts_voice_lmy"
MAX_BYTES = 9_000_000


def test_it_has_at_most_nine_megabytes():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) <= MAX_BYTES


def test_it_names_corpus_licence_and_start_voice():
    licence = (PACKAGE / "LICENSE").read_text(encoding="utf-8")
    for words in ("emotiontts_open_db", "CC-BY-NC-SA-4.0", "en_US-joe-medium"):
        assert words in licence
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "nix-tts-voice-lmy"
    assert project["license"] == "CC-BY-NC-SA-4.0"
    assert project["entry-points"]["espnet2_nix.voices"] == {"lmy": "nix_tts_voice_lmy"}


def test_it_speaks_a_sentence_in_its_time():
    voice = Voice.load(FOLDER)
    audio = voice.synthesize("안녕하세요. 오늘은 날씨가 참 좋네요.")
    seconds = len(audio.samples) / audio.sample_rate
    assert 1.5 < seconds < 6
    assert np.isfinite(audio.samples).all()
    assert 0.01 < float(np.sqrt(np.mean(audio.samples**2))) < 0.5
    stream = np.concatenate(list(voice.stream("안녕하세요. 오늘은 날씨가 참 좋네요.")))
    np.testing.assert_allclose(stream, audio.samples, atol=1e-4)


def test_the_samples_are_small_and_carry_their_licence():
    samples = list((ROOT / "docs" / "samples").glob("*.opus"))
    assert len(samples) >= 10
    assert sum(path.stat().st_size for path in samples) <= 300_000
    assert "CC-BY-NC-SA-4.0" in (ROOT / "docs" / "samples" / "LICENSE").read_text(encoding="utf-8")
