"""Scores of a set that all systems spoke."""

import json
import shutil

import pytest
from tiny_training import SYSTEMS, TEXTS


def test_speech_is_scored_pictured_and_can_be_listened_to(
    tiny_data, tiny_teacher_dir, student_dir, spoken, trained, tmp_path
):
    from espnet2_nix.bin import score

    (tiny_data / "text.raw").write_text("".join(f"u{i} {text}\n" for i, text in enumerate(TEXTS)), encoding="utf-8")
    command = ["--data_dir", str(tiny_data.parent), "--inference_dir", str(spoken), "--test_sets", tiny_data.name]
    command += ["--model_dir", str(student_dir), "--teacher_train_config", str(tiny_teacher_dir / "config.yaml")]
    command += ["--train_dirs", str(trained / "encoder"), "--command", "./run.sh", "--outdir", str(tmp_path)]
    score.main(command)
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    for system in SYSTEMS:
        assert f"| {system} | 4 |" in text
    assert "- CER is left out: no --asr_model was given." in text
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))[tiny_data.name]
    assert set(scores) == {"recording", *SYSTEMS}
    for system in set(SYSTEMS) - {"teacher", "student"}:
        assert all(score["mel_l1"] > 0 for score in scores[system].values())
    assert "duration_rmse" in scores["student"]["u0"]
    assert "mel_l1" not in scores["student"]["u0"]
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<audio") == 7 * len(TEXTS)
    assert list((tmp_path / "pictures" / tiny_data.name).glob("mel.*.png"))
    # Without the student, whatever spoke is scored.
    only = tmp_path / "only" / tiny_data.name / "teacher_resynthesis"
    shutil.copytree(spoken / tiny_data.name / "teacher_resynthesis", only)
    place = command.index("--inference_dir") + 1
    command_only = [*command[:place], str(tmp_path / "only"), *command[place + 1 :], f"--outdir={tmp_path / 'without'}"]
    score.main([*command_only, "--skip_measures", "world"])
    assert "error is left out: it was skipped on demand" in (tmp_path / "without" / "RESULTS.md").read_text(
        encoding="utf-8"
    )
    with pytest.raises(SystemExit):
        score.main([*command_only, "--skip_measures", "beauty"])
    scores = json.loads((tmp_path / "without" / "scores.json").read_text(encoding="utf-8"))[tiny_data.name]
    assert set(scores) == {"recording", "teacher_resynthesis"}
    assert not list((tmp_path / "without" / "pictures" / tiny_data.name).glob("alignment.*.png"))
    # What was measured is not measured again.
    times = {path: path.stat().st_mtime_ns for path in spoken.rglob("scores.*.json")}
    caches = {path: path.read_bytes() for path in times}
    score.main(command)
    assert {path: path.read_bytes() for path in times} == caches
