"""The runtime on tiny voices. Runs without PyTorch as well: tools/runtime_check.sh."""

import dataclasses
import itertools
import json
import logging
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_nix.errors import UserError
from espnet2_nix.runtime import SpeakOptions, Voice, VoiceError
from espnet2_nix.runtime.sentences import LONGEST_STRETCH, split_sentences
from espnet2_nix.runtime.voice import LONGEST_PIECE
from espnet2_nix.text import Lexicon, tokenize

DECODERS = ("istft", "hifigan")
TEXT = "나무가 많다. 물을 마신다, 그리고 쉰다!"
HOP = 256


@pytest.fixture(scope="module")
def loaded(voices):
    return {decoder: Voice.load(voices / decoder) for decoder in DECODERS}


# ---- speech


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_text_is_spoken(loaded, decoder):
    audio = loaded[decoder].synthesize("안녕하세요.")
    assert audio.sample_rate == 22050
    assert audio.samples.dtype == np.float32
    assert audio.samples.ndim == 1
    assert len(audio.samples) % HOP == 0
    assert len(audio.samples) >= HOP * len(tokenize("안녕하세요."))
    assert np.abs(audio.samples).max() <= 1
    assert np.abs(audio.samples).max() > 0


def test_the_same_seed_gives_the_same_samples_in_every_load(voices, loaded):
    first = loaded["istft"].synthesize(TEXT, seed=3).samples
    again = Voice.load(voices / "istft", threads=2).synthesize(TEXT, seed=3).samples
    np.testing.assert_allclose(first, again, atol=1e-6)
    assert np.array_equal(first, loaded["istft"].synthesize(TEXT, seed=3).samples)
    assert not np.array_equal(first, loaded["istft"].synthesize(TEXT, seed=4).samples)


def test_no_noise_makes_the_seed_idle_and_noise_does_not_repeat_in_the_next_sentence(loaded):
    voice = loaded["istft"]
    quiet = [voice.synthesize(TEXT, noise_scale=0, seed=seed).samples for seed in (0, 1)]
    assert np.array_equal(*quiet)
    twice = voice.synthesize("나무. 나무.", noise_scale=1).samples
    once = len(voice.synthesize("나무.").samples)
    assert not np.array_equal(twice[:once], twice[-once:])


def test_speed_scales_durations(loaded):
    lengths = [len(loaded["istft"].synthesize("나무가 많다.", speed=speed).samples) for speed in (0.5, 1.0, 2.0)]
    assert lengths[0] > 1.5 * lengths[1]
    assert lengths[1] > 1.5 * lengths[2]


def test_a_batch_is_its_texts_one_by_one(loaded):
    texts = ["나무", "물을 마신다."]
    batch = loaded["istft"].synthesize_batch(texts, seed=1)
    for audio, text in zip(batch, texts, strict=True):
        assert np.array_equal(audio.samples, loaded["istft"].synthesize(text, seed=1).samples)


def test_the_lexicon_is_read(loaded):
    lexicon = Lexicon({"RPi": "라즈베리 파이"})
    spoken = loaded["istft"].synthesize("RPi", lexicon=lexicon).samples
    assert np.array_equal(spoken, loaded["istft"].synthesize("라즈베리 파이").samples)


def test_options_are_values_too_and_out_of_range_they_are_refused(loaded):
    voice = loaded["istft"]
    options = SpeakOptions(speed=2.0, seed=3)
    assert np.array_equal(
        voice.synthesize("나무", options).samples, voice.synthesize("나무", speed=2.0, seed=3).samples
    )
    assert np.array_equal(
        voice.synthesize("나무", options, seed=0).samples, voice.synthesize("나무", speed=2.0).samples
    )
    with pytest.raises(VoiceError, match="speed: expected a factor of"):
        voice.synthesize("나무", options, speed=0)
    with pytest.raises(VoiceError, match="noise_scale: expected"):
        list(voice.stream("나무", noise_scale=-1))


def test_tokens_of_a_sentence_are_spoken_like_the_sentence(loaded):
    voice = loaded["istft"]
    spoken = voice.speak_tokens(tokenize("나무가 많다."), SpeakOptions(seed=5))
    assert np.array_equal(spoken, voice.synthesize("나무가 많다.", seed=5).samples)
    with pytest.raises(UserError, match="has tokens that the model's list of 75 does not hold: x"):
        voice.speak_tokens(["x"])


@pytest.mark.parametrize("text", ["", "  ", "...", "\U0001f600"])
def test_a_text_without_words_is_refused(loaded, text, caplog):
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(VoiceError, match="nothing readable"):
        loaded["istft"].synthesize(text)


# ---- streaming


@pytest.mark.parametrize("decoder", DECODERS)
@settings(max_examples=25, deadline=None)
@given(chunk=st.integers(1, 200), words=st.integers(1, 12), seed=st.integers(0, 5))
def test_the_stream_is_the_whole(loaded, decoder, chunk, words, seed):
    text = " ".join(["나무가", "많고", "물이", "맑은", "곳에", "산다."][i % 6] for i in range(words))
    whole = loaded[decoder].synthesize(text, seed=seed).samples
    pieces = list(loaded[decoder].stream(text, seed=seed, chunk=chunk))
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-5)
    if "." not in text[:-1]:
        assert all(len(piece) == chunk * HOP for piece in pieces[:-1])


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_default_stream_begins_small_and_grows(loaded, decoder):
    text = "나무가 많고 물이 맑은 곳에 산다고 하는데 " * 3
    whole = loaded[decoder].synthesize(text).samples
    pieces = list(loaded[decoder].stream(text))
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-5)
    assert len(pieces) > 2
    assert len(pieces[0]) < len(pieces[1]) or len(pieces[0]) * 2 <= len(pieces[2])


def test_a_chunk_of_nothing_is_refused(loaded):
    with pytest.raises(VoiceError, match="chunk: expected 1 frame or more, found 0"):
        list(loaded["istft"].stream("나무", chunk=0))


def test_margins_are_needed(loaded):
    """A stream with narrower margins than voice.json states is not exact: the property above can fail."""
    voice = loaded["istft"]
    fields = voice.info.receptive_field
    text = "나무가 많고 물이 맑은 곳에 산다고 하는데"
    whole = voice.synthesize(text).samples
    for name in fields:
        info = dataclasses.replace(voice.info, receptive_field={**fields, name: (0, 0)})
        wrong = np.concatenate(list(Voice(info, voice.graphs).stream(text, chunk=7)))
        assert np.abs(wrong - whole).max() > 1e-4, name


def test_a_long_text_streams_in_bounded_memory(loaded):
    sentence = "나무가 많고 물이 맑은 곳에 산다고 한다. "
    text = sentence * (10_000 // len(sentence) + 1)
    assert len(text) >= 10_000
    sizes = []
    for part in (text[: len(sentence) * 20], text):
        tracemalloc.start()
        total = sum(len(piece) for piece in loaded["istft"].stream(part))
        sizes.append((total, tracemalloc.get_traced_memory()[1]))
        tracemalloc.stop()
    assert sizes[1][0] > 10 * sizes[0][0]
    assert sizes[1][1] < 1.5 * sizes[0][1]


def test_a_sentence_without_end_is_cut(loaded):
    pieces = list(loaded["istft"]._pieces("나무가 많고 물이 맑은 곳에 " * 60 + "가" * 700, None))
    assert len(pieces) > 3
    assert max(len(piece.tokens) for piece in pieces) <= LONGEST_PIECE[None]
    assert all(piece.tokens[-1] != "<space>" for piece in pieces)


@given(st.text(alphabet="가나. ,!?\n3”a", max_size=1500))
def test_sentences_joined_are_the_text(text):
    parts = list(split_sentences(text))
    assert "".join(parts) == text
    assert all(0 < len(part) <= LONGEST_STRETCH + 1 for part in parts)


def test_sentences_end_where_they_should():
    text = "값은 3.5다. “그래?” 아니… 글쎄! 끝\n다음 줄"
    assert [part.strip() for part in split_sentences(text)] == [
        "값은 3.5다.",
        "“그래?”",
        "아니…",
        "글쎄!",
        "끝",
        "다음 줄",
    ]


# ---- timings


def test_timings_cover_the_audio_and_nest(loaded):
    audio = loaded["istft"].synthesize(TEXT)
    timings = audio.timings
    for tier in (timings.jamo, timings.syllables, timings.words):
        assert tier[0].start == 0
        assert tier[-1].end == len(audio.samples)
        assert all(a.end == b.start for a, b in itertools.pairwise(tier))
        assert all(span.end > span.start for span in tier)
    assert [span.label for span in timings.words if span.label] == [
        "나무가",
        "만타",
        "무를",
        "마신다",
        "그리고",
        "쉰다",
    ]
    assert "".join(span.label for span in timings.syllables) == "나무가만타무를마신다그리고쉰다"
    edges = {span.start for span in timings.jamo}
    assert {span.start for span in timings.syllables} <= edges
    assert all((span.end - span.start) % HOP == 0 for span in timings.jamo if span.label)


def test_timings_of_a_stream_are_those_of_the_whole(loaded):
    from espnet2_nix.runtime.timings import Timings

    timings = Timings(22050)
    list(loaded["istft"].stream(TEXT, timings=timings))
    assert timings == loaded["istft"].synthesize(TEXT).timings


def test_timings_are_written_in_three_forms(loaded, tmp_path):
    audio = loaded["istft"].synthesize(TEXT)
    for name in ("t.json", "t.srt", "t.TextGrid"):
        audio.timings.write(tmp_path / name)
    data = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert data["seconds"] == pytest.approx(len(audio.samples) / 22050)
    assert [word["label"] for word in data["words"] if word["label"]][:2] == ["나무가", "만타"]
    srt = (tmp_path / "t.srt").read_text(encoding="utf-8")
    assert srt.startswith("1\n00:00:00,000 --> 00:00:0")
    assert srt.count(" --> ") == 6
    grid = (tmp_path / "t.TextGrid").read_text(encoding="utf-8")
    assert grid.startswith('File type = "ooTextFile"')
    assert grid.count('class = "IntervalTier"') == 3
    assert f"xmax = {len(audio.samples) / 22050:.6f}" in grid
    with pytest.raises(ValueError, match=r"expected an ending of .json, .srt or .TextGrid"):
        audio.timings.write(tmp_path / "t.txt")


def test_a_wav_is_written_whole(loaded, tmp_path):
    audio = loaded["istft"].synthesize("나무")
    audio.write(tmp_path / "new" / "a.wav")
    wav, fs = soundfile.read(tmp_path / "new" / "a.wav", dtype="float32")
    assert fs == 22050
    np.testing.assert_allclose(wav, audio.samples, atol=1e-4)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.wav"]


# ---- without PyTorch

CODE = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "espnet", "espnet2", "librosa", "scipy", "onnx"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
import numpy
from espnet2_nix.runtime import Voice
voice = Voice.load(sys.argv[1])
audio = voice.synthesize("나무가 많다. 12시다.")
pieces = numpy.concatenate(list(voice.stream("나무가 많다. 12시다.")))
assert numpy.allclose(pieces, audio.samples, atol=1e-5)
audio.write(sys.argv[2] + "/a.wav")
audio.timings.write(sys.argv[2] + "/a.TextGrid")
assert not {"torch", "espnet2"} & set(sys.modules)
print(len(audio.samples))
"""


def test_a_voice_speaks_streams_and_tells_its_timings_where_torch_and_espnet_are_blocked(voices, tmp_path):
    command = [sys.executable, "-c", CODE, str(voices / "istft"), str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(out.stdout) == soundfile.info(tmp_path / "a.wav").frames
    assert (tmp_path / "a.TextGrid").stat().st_size > 0


# ---- privacy


@pytest.mark.parametrize("chosen", [None, "0"])
def test_onnxruntime_reports_nothing_unless_somebody_chose_so(voices, tmp_path, chosen):
    env = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "CI")}
    env |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)} | (
        {} if chosen is None else {"ORT_DISABLE_TELEMETRY": chosen}
    )
    code = (
        "import os, sys; from espnet2_nix.runtime import Voice; print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
        "if sys.argv[1]: Voice.load(sys.argv[1]).synthesize('나무')"
    )
    voice = "" if chosen else str(voices / "istft")  # what is chosen here would report
    out = subprocess.run([sys.executable, "-c", code, voice], env=env, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == (chosen or "1")
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name]
