"""Stale data are found, and both values named."""

import json
import os
import time

import numpy as np
import pytest
import soundfile

from espnet2_nix.bin import stamp as stamp_bin
from espnet2_nix.data.audio import AudioFormat
from espnet2_nix.data.audio_folder import AudioFolder
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.stamp import Stamp, adopt, check_stamp, make_stamp


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


def train(path="exp/stamp.json", began=True, allow=False, **more):
    return adopt(path, "stats/stamp.json", began=began, allow=allow, stage="7", **more)


@pytest.mark.parametrize(
    ("name", "there", "wanted", "stage"),
    [
        ("g2p", "standard", "jaso", 2),
        ("fs", "22050", "16000", 2),
        ("min_frames", "32", "64", 3),
        ("n_fft", "1024", "8", 5),
    ],
)
def test_other_options_are_refused_with_both_values_and_the_command(stamps, name, there, wanted, stage):
    check_stamp("stats/stamp.json", {name: there, "unknown": "x"})
    command = rf"run\.sh --stage {stage} --stop_stage 5 --{name} {wanted}$"
    with pytest.raises(
        DataError, match=rf"stats was made with {name} {there}, this run has {name} {wanted}.*{command}"
    ):
        check_stamp("stats/stamp.json", {name: wanted})


def test_a_value_of_several_words_can_be_pasted_from_the_message(stamps):
    make_stamp("1", {"local_data_opts": "--num_clips 9"}).write("data/stamp.json")
    with pytest.raises(
        DataError, match=r"--local_data_opts '--num_clips 9'.*--stage 1 .*--local_data_opts '--num_clips 8'"
    ):
        check_stamp("data/stamp.json", {"local_data_opts": "--num_clips 8"})


def test_what_was_made_anew_upstream_is_found_from_the_last_stage(stamps):
    make_stamp("2", {"g2p": "jaso", "fs": "22050"}, ["data/text"]).write("org/stamp.json")
    with pytest.raises(
        DataError,
        match=r"raw \(stage 3\) is older than org: g2p was standard, now jaso; run .*--stage 3 --stop_stage 5",
    ):
        check_stamp("stats/stamp.json", {})


def test_a_changed_text_is_found_from_the_last_stage(stamps):
    with open("data/text", "a", encoding="utf-8") as f:
        f.write("b 물\n")
    with pytest.raises(DataError, match=r"org \(stage 2\) was made of another data/text"):
        check_stamp("stats/stamp.json", {})
    os.remove("data/text")  # removed to save space: nothing to compare
    check_stamp("stats/stamp.json", {})


@pytest.mark.parametrize("folder", ["org", "raw", "stats"])
def test_a_stage_that_was_broken_off_is_named_from_the_last_one(stamps, folder):
    stage = {"org": 2, "raw": 3, "stats": 5}[folder]
    (stamps / folder / "stamp.json").write_text(f'{{"stage": "{stage}", "finished": false}}', encoding="utf-8")
    with pytest.raises(
        DataError, match=rf"{folder}: stage {stage} was begun and did not finish; run .*--stage {stage} "
    ):
        check_stamp("stats/stamp.json", {"fs": "22050"})


# ---- trainings


def test_a_training_goes_on_with_its_own_data_only_and_keeps_what_it_began_with(stamps):
    assert train(began=False) is None
    assert train() is None
    begun = Stamp.read("exp/stamp.json")
    write_stamps(fs="16000")
    with pytest.raises(DataError, match=r"exp began with other data: fs was 22050, now 16000.*--other_data true"):
        train()
    assert Stamp.read("exp/stamp.json") == begun
    assert "16000" in train(allow=True)
    kept = Stamp.read("exp/stamp.json")
    assert kept.facts() == begun.facts()
    assert kept.allowed == {"fs": ["16000"]}
    assert train() is None  # what was let pass once by name needs no second word
    check_stamp("exp/stamp.json", {"fs": "16000"})
    write_stamps(fs="8000")
    with pytest.raises(DataError, match="fs was 22050, now 8000"):
        train()


def test_a_teachers_stamp_is_never_written_by_its_student(stamps):
    os.mkdir("teacher")
    train("teacher/stamp.json", began=False)
    before = (stamps / "teacher" / "stamp.json").read_bytes()
    write_stamps(fs="16000")
    with pytest.raises(
        DataError, match=r"what teacher learnt from was the same, now other data .fs was 22050, now 16000"
    ):
        train(began=False, teacher="teacher/stamp.json")
    assert not os.path.exists("exp/stamp.json")
    assert "fs was 22050" in train(began=False, allow=True, teacher="teacher/stamp.json")
    assert (stamps / "teacher" / "stamp.json").read_bytes() == before
    assert train(teacher="teacher/stamp.json") is None  # recorded beside what the student began with
    write_stamps(fs="8000")
    with pytest.raises(DataError, match="8000"):
        train(teacher="teacher/stamp.json")


def test_a_student_stays_with_the_teacher_it_began_with(stamps):
    (stamps / "teacher.pth").write_text("one", encoding="utf-8")
    train(began=False, content=["teacher.pth"])
    assert train(content=["teacher.pth"]) is None
    (stamps / "teacher.pth").write_text("trained on", encoding="utf-8")
    with pytest.raises(DataError, match=r"exp began with other data: teacher\.pth was"):
        train(content=["teacher.pth"])
    with pytest.raises(DataError, match=r"exp \(stage 7\) was made of another teacher\.pth.*--tag NAME"):
        check_stamp("exp/stamp.json", {})
    assert "teacher.pth" in train(content=["teacher.pth"], allow=True)
    check_stamp("exp/stamp.json", {})
    assert train(content=["teacher.pth"]) is None


def test_a_stamp_from_before_teachers_were_recorded_goes_on(stamps):
    (stamps / "teacher.pth").write_text("one", encoding="utf-8")
    stats = Stamp.read("stats/stamp.json").facts()
    old = {"stage": "training", "settings": {}, "content": {}, "upstream": {"stats/stamp.json": stats}}
    (stamps / "exp" / "stamp.json").write_text(json.dumps(old), encoding="utf-8")
    assert train(content=["teacher.pth"]) is None
    make_stamp("5", {"n_fft": "1024", "new": "1"}, upstream=["raw/stamp.json"]).write("stats/stamp.json")
    assert train(content=["teacher.pth"]) is None  # a later version records more
    write_stamps(fs="16000")
    with pytest.raises(DataError, match="fs was 22050, now 16000"):
        train(content=["teacher.pth"])


def test_a_teacher_from_elsewhere_has_its_own_data(stamps):
    make_stamp("6", {"fs": "22050"}).write("teacher.stamp.json")
    assert train(began=False, teacher="teacher.stamp.json") is None
    with pytest.raises(
        DataError, match=r"teacher was made with fs 22050, this run has fs 16000.*--stage 6 --stop_stage 6"
    ):
        check_stamp("teacher.stamp.json", {"fs": "16000"})


def test_data_that_change_after_a_training_do_not_touch_what_was_made_of_it(stamps):
    train(began=False)
    (stamps / "exp" / "weights").write_text("one", encoding="utf-8")
    make_stamp("9", {"license": "CC0-1.0"}, ["exp/weights"], ["exp/stamp.json"]).write("student.stamp.json")
    write_stamps(fs="16000")
    check_stamp("student.stamp.json", {"license": "CC0-1.0"})
    with pytest.raises(DataError, match=r"student was made with fs 22050, this run has fs 16000"):
        check_stamp("student.stamp.json", {"fs": "16000"})
    with pytest.raises(DataError, match=r"license CC0-1\.0, this run has license CC-BY-4\.0.*--stage 9 --stop_stage 9"):
        check_stamp("student.stamp.json", {"license": "CC-BY-4.0"})
    (stamps / "exp" / "weights").write_text("trained on", encoding="utf-8")
    with pytest.raises(DataError, match=r"student \(stage 9\) was made of another exp/weights.*run .*--stage 9"):
        check_stamp("student.stamp.json", {})


# ---- the command


def test_the_command_knows_the_version_of_the_front_end(stamps, caplog):
    command = ["--settings", "g2p=jaso", "trim_db=30"]
    stamp_bin.main([*command, "--out", "x/stamp.json", "--stage", "2"])
    stamp_bin.main(["--check", "x/stamp.json", "none/stamp.json", "--settings", "g2p=jaso", "trim_db=30.0"])
    with pytest.raises(SystemExit) as stop:
        stamp_bin.main(["--check", "x/stamp.json", "--settings", "g2p=standard", "trim_db=30"])
    assert stop.value.code == 1
    assert "g2p jaso, this run has g2p standard" in caplog.text
    stamp_bin.main(["--check", "x/stamp.json", "--settings", "g2p=standard", "--other_data", "true"])
    assert "the run goes on, as --other_data says, although x was made with g2p jaso" in caplog.text
    (stamps / "x" / "stamp.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="is no stamp"):
        check_stamp("x/stamp.json", {})


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
