"""Synthesis of a set by all systems."""

import numpy as np
import pytest
import soundfile
import torch
from tiny_training import SYSTEMS, TEXTS, inference_command

from espnet2_nix.data.kaldi_io import read_table, write_table
from espnet2_nix.data.spoken import SpokenUtterance
from espnet2_nix.errors import UserError
from espnet2_nix.systems import BY_NAME


def test_synthesis_makes_only_what_is_missing(tiny_data, tiny_teacher_dir, student_dir, spoken):
    from espnet2_nix.bin import tts_inference

    def times():
        return {path: path.stat().st_mtime_ns for path in spoken.rglob("*.wav")}

    assert len(times()) == len(SYSTEMS) * len(TEXTS)
    missing = spoken / tiny_data.name / "student" / "wav" / "u1.wav"
    missing.unlink()
    before = times()
    command = inference_command(tiny_data, tiny_teacher_dir, student_dir, spoken / tiny_data.name, *SYSTEMS)
    tts_inference.main(command)
    after = times()
    assert {path for path in after if after[path] != before.get(path)} == {missing}
    for path in (tiny_teacher_dir, student_dir):  # copied elsewhere: the weights are named by their content
        (path / "model.pth").touch()
    tts_inference.main(command)
    assert times() == after
    tts_inference.main([*command, "--speed", "0.8"])
    assert {path.parent.parent.name for path in times() if times()[path] != after[path]} == set(SYSTEMS)
    tts_inference.main(command)


def test_half_way_systems_are_as_long_as_the_recording(tiny_data, spoken):
    for line in (tiny_data / "wav.scp").read_text(encoding="utf-8").splitlines():
        utt_id, path = line.split()
        for system in set(SYSTEMS) - {"teacher", "student"}:
            wav = spoken / tiny_data.name / system / "wav" / f"{utt_id}.wav"
            assert soundfile.info(wav).frames == soundfile.info(path).frames
    # The first two share the latent, the next two as well: a shared latent, another decoder.
    for other, known in (("student_latent_teacher_decoder", True), ("teacher_latent_student_decoder", False)):
        for line in (spoken / tiny_data.name / other / "utterances.tsv").read_text(encoding="utf-8").splitlines():
            assert (line.split("\t")[5] != "nan") == known  # nats a frame
    rows = (spoken / tiny_data.name / "student_recording_durations" / "utterances.tsv").read_text(encoding="utf-8")
    losses = [float(line.split("\t")[-1]) for line in rows.splitlines()]
    assert all(0 < loss < float("inf") for loss in losses)


def test_every_system_that_speaks_with_the_students_latent_heeds_the_noise_scale(
    tiny_data, tiny_teacher_dir, student_dir, spoken, tmp_path
):
    from espnet2_nix.bin import tts_inference

    command = inference_command(tiny_data, tiny_teacher_dir, student_dir, tmp_path, *SYSTEMS)
    tts_inference.main([*command, "--noise_scale", "0"])
    for name, system in BY_NAME.items():
        waves = [soundfile.read(folder / name / "wav" / "u0.wav")[0] for folder in (tmp_path, spoken / tiny_data.name)]
        same = len(waves[0]) == len(waves[1]) and np.array_equal(*waves)
        assert same == (system.latent == "posterior"), name


def test_given_durations_are_those_of_the_recording(tiny_data, tiny_teacher_dir, student_dir, tmp_path, caplog):
    from espnet2_nix.bin import refine_durations, tts_inference

    table = tmp_path / "durations"
    teacher = [
        "--teacher_train_config",
        f"{tiny_teacher_dir}/config.yaml",
        "--teacher_model_file",
        f"{tiny_teacher_dir}/model.pth",
    ]
    texts = ["--text", f"{tiny_data}/text", "--wav_scp", f"{tiny_data}/wav.scp"]
    refine_durations.main([*teacher, *texts, "--out", str(table)])
    rows = read_table(table)
    tokens = read_table(tiny_data / "text")
    for utt_id, path in read_table(tiny_data / "wav.scp").items():
        frames = [int(value) for value in rows[utt_id].split()]
        assert len(frames) == len(tokens[utt_id].split())
        assert min(frames) >= 1
        assert sum(frames) == soundfile.info(path).frames // 256 + 1

    # One frame more for the first token, one fewer for one that has it to give: another path of the same length.
    moved = {}
    for utt_id, row in rows.items():
        frames = [int(value) for value in row.split()]
        giver = next(index for index, value in enumerate(frames) if index > 0 and value > 1)
        frames[0], frames[giver] = frames[0] + 1, frames[giver] - 1
        moved[utt_id] = " ".join(map(str, frames))
    command = inference_command(tiny_data, tiny_teacher_dir, student_dir, tmp_path / "out", *SYSTEMS)

    def spoken_with(durations):
        write_table(table, durations)
        tts_inference.main([*command, "--durations", str(table)])
        return {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.wav")}

    before, after = spoken_with(rows), spoken_with(moved)
    at_recording = {system for system in SYSTEMS if BY_NAME[system].needs_recording}
    assert {path.parent.parent.name for path in after if after[path] != before[path]} == at_recording
    for system in at_recording:
        assert SpokenUtterance.read(tmp_path / "out" / system, "u0").durations == [int(v) for v in moved["u0"].split()]
    for durations, message in (
        ({**rows, "u0": rows["u0"] + " 1"}, "durations: expected"),
        ({**rows, "u0": "1 x"}, "--durations, u0: expected whole numbers of frames"),
        ({"u1": rows["u1"]}, "--durations has no u0"),
    ):
        with pytest.raises(SystemExit):
            spoken_with(durations)
        assert message in caplog.text
    with pytest.raises(SystemExit):
        refine_durations.main([*teacher, *texts, "--latents_dir", "somewhere", "--out", str(table)])
    assert "expected either --wav_scp, or --latents_dir and --latents_model_file" in caplog.text


def test_systems_say_what_they_lack(tiny_data, tiny_teacher_dir, student_dir, tmp_path, caplog):
    from espnet2_nix.bin import tts_inference
    from espnet2_nix.inference.systems import Speaker
    from espnet2_nix.systems import STUDENT

    with pytest.raises(UserError, match=r"student speaks with the student, which was not given"):
        Speaker(None, None).speak(STUDENT, torch.ones(3))
    base = ["--text", f"{tiny_data}/text", "--output_dir", str(tmp_path)]
    for options, message in (
        (["--systems", "student"], "the student is needed: give --train_config and --model_file, or --model_tag"),
        (["--systems", "teacher"], "the teacher is needed: give --teacher_train_config and --teacher_model_file"),
        (["--systems", "oracle"], "--systems: expected some of"),
    ):
        with pytest.raises(SystemExit) as stop:
            tts_inference.main([*base, *options])
        assert stop.value.code == 1
        assert message in caplog.text
