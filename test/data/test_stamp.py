"""Stale data are found, and both values named."""

import os
import time

import numpy as np
import pytest
import soundfile

from espnet2_nix.bin import stamp as stamp_bin
from espnet2_nix.data.audio import AudioFormat
from espnet2_nix.data.audio_folder import AudioFolder
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.stamp import adopt, check_settings, make_stamp


@pytest.fixture
def stamps(tmp_path, monkeypatch):
    """Stamps of stages 2, 3 and 5."""
    monkeypatch.chdir(tmp_path)
    for folder in ("data", "org", "raw", "stats", "exp"):
        os.mkdir(folder)
    with open("data/text", "w", encoding="utf-8") as f:
        f.write("a 나무\n")
    write_stamps()
    return tmp_path


def write_stamps(g2p="standard", fs="22050"):
    make_stamp("2", {"g2p": g2p, "fs": fs}, ["data/text"]).write("org/stamp.json")
    make_stamp("3", {"min_frames": "32"}, upstream=["org/stamp.json"]).write("raw/stamp.json")
    make_stamp("5", {"n_fft": "1024"}, upstream=["raw/stamp.json"]).write("stats/stamp.json")


@pytest.mark.parametrize(
    ("name", "there", "wanted"), [("g2p", "standard", "jaso"), ("fs", "22050", "16000"), ("min_frames", "32", "64")]
)
def test_other_options_are_refused_with_both_values_and_the_command(stamps, name, there, wanted):
    check_settings("stats/stamp.json", {name: there, "unknown": "x"})
    with pytest.raises(DataError, match=rf"{name} {there}, this run has {name} {wanted}.*run\.sh --stage 2"):
        check_settings("stats/stamp.json", {name: wanted})


def test_what_was_made_anew_upstream_is_found_from_the_last_stage(stamps):
    make_stamp("2", {"g2p": "jaso", "fs": "22050"}, ["data/text"]).write("org/stamp.json")
    with pytest.raises(
        DataError, match=r"raw \(stage 3\) is older than org: g2p was standard, now jaso; run .*--stage 3"
    ):
        check_settings("stats/stamp.json", {})


def test_a_changed_text_is_found_from_the_last_stage(stamps):
    with open("data/text", "a", encoding="utf-8") as f:
        f.write("b 물\n")
    with pytest.raises(DataError, match=r"org \(stage 2\) was made of another data/text"):
        check_settings("stats/stamp.json", {})
    os.remove("data/text")  # removed to save space: nothing to compare
    check_settings("stats/stamp.json", {})


def test_a_training_goes_on_with_its_own_data_only(stamps):
    assert adopt("exp/stamp.json", "stats/stamp.json", began=False, allow=False) is None
    assert adopt("exp/stamp.json", "stats/stamp.json", began=True, allow=False) is None
    write_stamps(fs="16000")
    with pytest.raises(DataError, match=r"exp began with other data: fs was 22050, now 16000.*--other_data true"):
        adopt("exp/stamp.json", "stats/stamp.json", began=True, allow=False)
    assert "16000" in adopt("exp/stamp.json", "stats/stamp.json", began=True, allow=True)
    assert adopt("exp/stamp.json", "stats/stamp.json", began=True, allow=False) is None


def test_the_command_knows_the_version_of_the_front_end(stamps, caplog):
    command = ["--settings", "g2p=jaso", "trim_db=30"]
    stamp_bin.main([*command, "--out", "x/stamp.json", "--stage", "2"])
    stamp_bin.main(["--check", "x/stamp.json", "--settings", "g2p=jaso", "trim_db=30.0"])
    with pytest.raises(SystemExit) as stop:
        stamp_bin.main(["--check", "x/stamp.json", "--settings", "g2p=standard", "trim_db=30"])
    assert stop.value.code == 1
    assert "g2p jaso, this run has g2p standard" in caplog.text
    (stamps / "x" / "stamp.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="is no stamp"):
        check_settings("x/stamp.json", {})


# ---- a clip's source


def tone(path, level, when=None):
    soundfile.write(path, level * np.sin(np.arange(22050) / 9), 22050)
    if when is not None:
        os.utime(path, (when, when))
    return path


@pytest.mark.parametrize("when", [-1e6, 1e6])
def test_a_clip_is_made_anew_when_its_source_changed_in_either_direction_of_time(tmp_path, when):
    now = time.time()
    source = tone(tmp_path / "a.wav", 0.5, now)
    AudioFolder(tmp_path / "out", AudioFormat()).make("a", source)
    tone(source, 0.25, now + when)
    assert AudioFolder(tmp_path / "out", AudioFormat()).finished("a", source) is None


def test_the_same_content_is_kept_whatever_its_time_and_place(tmp_path):
    source = tone(tmp_path / "a.wav", 0.5)
    samples = AudioFolder(tmp_path / "out", AudioFormat()).make("a", source)
    os.utime(source, (1, 1))
    folder = AudioFolder(tmp_path / "out", AudioFormat())
    assert folder.finished("a", source) == samples
    moved = source.rename(tmp_path / "b.wav")
    assert folder.finished("a", moved) == samples
    other = tone(tmp_path / "c.wav", 0.25)  # another corpus with the same ids
    assert folder.finished("a", other) is None


def test_a_journal_that_a_kill_cut_off_costs_only_that_clip(tmp_path):
    source = tone(tmp_path / "a.wav", 0.5)
    folder = AudioFolder(tmp_path / "out", AudioFormat())
    samples = folder.make("a", source)
    folder.make("b", source)
    journal = tmp_path / "out" / "sources.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    folder = AudioFolder(tmp_path / "out", AudioFormat())
    assert folder.finished("a", source) == samples
    assert folder.finished("b", source) is None
