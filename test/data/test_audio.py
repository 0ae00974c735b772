import struct
import tempfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import soundfile
from hypothesis import strategies as st

from espnet2_nix.data.audio import AudioFormat, UnusableAudio, format_clip, trim_silence
from espnet2_nix.data.audio_folder import AudioFolder
from espnet2_nix.data.errors import DataError

FS = 44100


def tone(frequency, seconds=1.0, fs=FS, level=0.5):
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * fs)) / fs)


def write(path, wav, fs=FS, subtype="PCM_16"):
    soundfile.write(path, wav, fs, subtype=subtype)
    return path


def rms_db(samples):
    return 20 * np.log10(np.sqrt(np.mean((samples / 32768.0) ** 2)) + 1e-12)


def test_a_tone_above_the_new_band_is_gone(tmp_path):
    path = write(tmp_path / "a.wav", tone(15000), subtype="FLOAT")
    clip = format_clip(path, AudioFormat(trim_db=0))
    middle = clip.samples[2000:-2000]
    assert rms_db(middle) < -60 + 20 * np.log10(0.5 / np.sqrt(2))
    assert len(clip.samples) == 22050


def test_a_tone_in_the_band_stays(tmp_path):
    clip = format_clip(write(tmp_path / "a.wav", tone(1000)), AudioFormat(trim_db=0))
    assert rms_db(clip.samples[2000:-2000]) == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.05)


def test_stereo_is_mixed(tmp_path):
    left = tone(500)
    clip = format_clip(write(tmp_path / "a.wav", np.stack([left, 0 * left], axis=1)), AudioFormat(trim_db=0))
    assert clip.samples.ndim == 1
    assert np.abs(clip.samples).max() == pytest.approx(0.25 * 32768, rel=0.01)


def test_a_full_scale_square_is_scaled_and_never_wraps(tmp_path):
    square = np.sign(tone(500))  # band-limiting overshoots
    clip = format_clip(write(tmp_path / "a.wav", square, subtype="FLOAT"), AudioFormat(trim_db=0))
    assert clip.gain < 1
    assert np.abs(clip.samples.astype(int)).max() <= 32767
    # A wrapped sample would jump over the whole range within the flat part of the square.
    period = clip.samples[1000:1044]
    assert np.abs(np.diff(np.sign(period.astype(int)))).sum() <= 4


def test_silence_is_trimmed_to_the_margin(tmp_path):
    wav = np.concatenate([np.zeros(FS), tone(500, 0.5), np.zeros(FS)])
    settings = AudioFormat(trim_margin=0.05)
    seconds = len(format_clip(write(tmp_path / "a.wav", wav), settings).samples) / settings.fs
    assert 0.5 + 2 * 0.05 - 0.03 < seconds < 0.5 + 2 * 0.05 + 0.06
    assert len(format_clip(tmp_path / "a.wav", AudioFormat(trim_db=0)).samples) == 2.5 * 22050
    assert len(trim_silence(tone(500, fs=22050), settings)) == 22050


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "not found"),
        (lambda path: path.write_bytes(b"no audio"), "unreadable"),
        (lambda path: write(path, np.zeros(0)), "no samples"),
        (lambda path: write(path, np.zeros(FS)), "silent"),
        (lambda path: write(path, np.full(10, np.nan), subtype="FLOAT"), "not finite"),
    ],
)
def test_unusable_audio_says_why(tmp_path, make, reason):
    make(tmp_path / "a.wav")
    with pytest.raises(UnusableAudio, match=reason):
        format_clip(tmp_path / "a.wav", AudioFormat())


def test_a_cut_file_is_found(tmp_path):
    path = write(tmp_path / "a.wav", tone(500))
    path.write_bytes(path.read_bytes()[:50000])
    with pytest.raises(UnusableAudio, match="truncated: header promises 88200 bytes"):
        format_clip(path, AudioFormat())


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_recording_from_a_pipe_is_read_whole(tmp_path, size):
    path = write(tmp_path / "a.wav", tone(500))
    whole = format_clip(path, AudioFormat()).samples
    raw = bytearray(path.read_bytes())
    raw[4:8] = struct.pack("<I", min(size + 36, 0xFFFFFFFF))
    raw[40:44] = struct.pack("<I", size)
    path.write_bytes(raw)
    np.testing.assert_array_equal(format_clip(path, AudioFormat()).samples, whole)


def test_an_empty_recording_with_a_note_behind_it_is_empty(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros(0))
    path.write_bytes(path.read_bytes() + b"LIST" + struct.pack("<I", 4) + b"INFO")
    with pytest.raises(UnusableAudio, match="no samples"):
        format_clip(path, AudioFormat())


@pytest.mark.parametrize(("fs", "samples", "reason"), [(96000, 1, "too short: 1 samples"), (7, 50, "header says 7 Hz")])
def test_a_clip_that_leaves_nothing_or_lies_about_its_rate_is_named(tmp_path, fs, samples, reason):
    path = write(tmp_path / "a.wav", np.full(samples, 0.5), fs=fs)
    with pytest.raises(UnusableAudio, match=reason):
        format_clip(path, AudioFormat())


@hypothesis.given(
    fs=st.sampled_from([2000, 8000, 22050, 96000, 384000]), samples=st.integers(1, 900), channels=st.integers(1, 9)
)
@hypothesis.settings(max_examples=40, deadline=None)
def test_a_clip_of_any_length_and_rate_is_kept_or_named(fs, samples, channels):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.wav", np.full((samples, channels), 0.5), fs=fs)
        try:
            found = len(format_clip(path, AudioFormat()).samples)
        except UnusableAudio as error:
            found = str(error)
    assert found != 0
    assert isinstance(found, int) or ("too short" in found and samples * AudioFormat().fs < 2 * fs)


def test_the_folder_resumes_and_starts_anew_with_other_settings(tmp_path):
    source = write(tmp_path / "a.wav", tone(500))
    folder = AudioFolder(tmp_path / "out", AudioFormat())
    assert folder.finished("a", source) is None
    num_samples = folder.make("a", source)
    assert AudioFolder(tmp_path / "out", AudioFormat()).finished("a", source) == num_samples
    folder.path("a").write_bytes(b"")  # what an interrupted copy would leave
    assert folder.finished("a", source) is None
    folder.make("a", source)
    other = AudioFolder(tmp_path / "out", AudioFormat(fs=16000))
    assert other.finished("a", source) is None
    assert not list((tmp_path / "out").glob("*.part"))


def test_a_folder_of_others_is_left_alone(tmp_path):
    write(tmp_path / "a.wav", tone(500))
    with pytest.raises(DataError, match="not made by format_audio"):
        AudioFolder(tmp_path, AudioFormat())
    assert (tmp_path / "a.wav").is_file()


def test_wrong_settings_are_refused():
    for settings in ({"fs": 0}, {"trim_db": -1}, {"trim_frame": 0}):
        with pytest.raises(DataError, match="expected"):
            AudioFormat(**settings)
