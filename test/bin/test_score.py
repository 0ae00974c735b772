import json

import numpy as np
import pytest
import soundfile

from espnet2_nix.bin.score import main


@pytest.fixture
def scored(tmp_path):
    """Stage 10 over one clip that a student spoke, with the options given."""
    rng = np.random.default_rng(0)
    data, spoken = tmp_path / "raw" / "dev", tmp_path / "tts" / "inference" / "dev" / "student"
    (spoken / "wav").mkdir(parents=True)
    data.mkdir(parents=True)
    for path in (data / "u1.wav", spoken / "wav" / "u1.wav"):
        soundfile.write(path, 0.1 * rng.standard_normal(8192).astype(np.float32), 22050)
    (data / "wav.scp").write_text(f"u1 {data / 'u1.wav'}\n", encoding="utf-8")
    (data / "text.raw").write_text("u1 물\n", encoding="utf-8")
    (data / "text").write_text("u1 ᄆ ᅮ ᆯ\n", encoding="utf-8")
    (spoken / "utterances.tsv").write_text("u1\t3\t0.4\t0.1\t10 12 10\tnan\n", encoding="utf-8")

    def run(*options):
        main(
            [
                *("--data_dir", str(tmp_path / "raw"), "--inference_dir", str(tmp_path / "tts" / "inference")),
                *("--test_sets", "dev", "--model_dir", str(tmp_path / "tts"), "--outdir", str(tmp_path / "tts")),
                *("--skip_measures", "dnsmos", "world", *options),
            ]
        )
        return (tmp_path / "tts" / "RESULTS.md").read_text(encoding="utf-8")

    return run


def other(folder, dset):
    path = folder / "other.json"
    scores = {system: {"u1": {"mcd": 7.0}} for system in ("recording", "teacher", "student")}
    path.write_text(json.dumps({dset: scores}), encoding="utf-8")
    return f"before={path}"


def test_another_student_stands_in_the_same_table(scored, tmp_path):
    text = scored("--compare_scores", other(tmp_path, "dev"))
    rows = [line.split("|")[1].strip() for line in text.splitlines() if "|" in line]
    assert rows[:4] == ["system", "---", "student", "before: student"]
    assert "before: student" not in json.loads((tmp_path / "tts" / "scores.json").read_text(encoding="utf-8"))["dev"]


def test_what_is_left_out_is_named(scored, tmp_path):
    text = scored("--compare_scores", other(tmp_path, "eval1"))
    assert "before: student" not in text
    assert "Not compared" in text
    assert "expected the set dev, found eval1" in text
    assert "DNSMOS is left out" in text


@pytest.mark.parametrize("entry", ["before=none.json", "none.json"])
def test_a_missing_file_stops_before_anything_is_measured(scored, tmp_path, caplog, entry):
    with pytest.raises(SystemExit):
        scored("--compare_scores", entry)
    assert "none.json not found; stage 10 writes it" in caplog.text
    assert not list(tmp_path.rglob("scores.student.json"))
