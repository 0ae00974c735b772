import json

import pytest

from espnet2_nix.bin.compare_scores import main


def scores_file(folder, name, errors):
    scores = {
        "dev": {
            "recording": {"u0": {"cer_errors": 0, "cer_characters": 10}},
            "student": {f"u{i}": {"cer_errors": e, "cer_characters": 10, "mcd": 7.0} for i, e in enumerate(errors)},
        }
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(scores), encoding="utf-8")
    return f"{name}={path}"


def test_a_row_a_training_and_a_curve(tmp_path):
    entries = [scores_file(tmp_path, "100", [9, 8]), scores_file(tmp_path, "200", [1, 2])]
    out, curve = tmp_path / "out.md", tmp_path / "curve.png"
    main(["--scores", *entries, "--test_set=dev", f"--out={out}", f"--curve={curve}"])
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("| system | clips | CER % | capped CER % | MCD dB |")
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["100: student", "200: student"]
    assert lines[2].split("|")[3].strip().startswith("85.0 (")
    assert curve.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scores", "x"], "expected LABEL=FILE, found 'x'"),
        (["--scores", "x=none.json"], "none.json not found; stage 10 writes it"),
        (["--test_set", "eval9"], "expected the set eval9, found dev"),
        (["--measures", "beauty"], "found beauty"),
        (["--curve", "curve.png"], "expected numbers as labels, found 'a'"),
    ],
)
def test_refusals(tmp_path, caplog, options, message):
    entry = scores_file(tmp_path, "a", [1])
    with pytest.raises(SystemExit):
        main(["--scores", entry, "--test_set", "dev", *options])
    assert message in caplog.text


def test_a_recogniser_in_a_loop_counts_as_one_that_heard_nothing(tmp_path, capsys):
    main(["--scores", scores_file(tmp_path, "a", [40, 0]), "--test_set=dev", "--measures", "cer_errors", "cer_capped"])
    cells = capsys.readouterr().out.splitlines()[2].split("|")
    assert cells[3].strip().startswith("200.0 (")
    assert cells[4].strip().startswith("50.0 (")
