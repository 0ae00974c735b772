"""Stages 2 to 4: nothing vanishes unsaid."""

import numpy as np
import pytest
import soundfile

from espnet2_nix.bin import check_dropped, filter_data, format_audio, format_text, token_list
from espnet2_nix.data.dropped import read_dropped
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.filter import Limits
from espnet2_nix.data.kaldi_io import read_table, write_table


def test_reasons_to_drop():
    limits = Limits(fs=22050, n_shift=256, min_frames=32, max_seconds=2.0)
    assert limits.reason_to_drop(32 * 256, 32) is None
    assert "31 frames" in limits.reason_to_drop(32 * 256 - 1, 10)
    assert "33 tokens, 32 frames" in limits.reason_to_drop(32 * 256, 33)
    assert "2.04 s" in limits.reason_to_drop(45000, 10)


@pytest.fixture
def corpus(tmp_path):
    """Eight clips, of which half have something wrong."""
    rng = np.random.default_rng(0)
    seconds = {"a": 1.0, "b": 1.0, "c": 0.2, "d": 3.0, "e": 1.0, "f": 1.0, "g": 1.0}
    for utt_id, length in seconds.items():
        soundfile.write(tmp_path / f"{utt_id}.wav", 0.1 * rng.standard_normal(round(44100 * length)), 44100)
    (tmp_path / "g.wav").write_bytes(b"damaged")
    texts = dict.fromkeys("abcdefgh", "나무가 크다.") | {"e": "abc 3", "f": "가" * 100}
    write_table(tmp_path / "wav.scp", {utt_id: tmp_path / f"{utt_id}.wav" for utt_id in texts})
    write_table(tmp_path / "text", texts)
    write_table(tmp_path / "utt2spk", dict.fromkeys(texts, "s"))
    return tmp_path


def test_every_clip_is_kept_or_named(corpus, caplog):
    org, dst = corpus / "org", corpus / "out"
    command = ["--wav_scp", f"{corpus}/wav.scp", "--outdir", f"{org}/wav", "--out_prefix", f"{org}/x"]
    format_audio.main(command)
    for name in ("wav.scp", "utt2num_samples", "dropped.tsv"):
        (org / f"x.{name}").rename(org / name)
    (org / "utt2spk").write_bytes((corpus / "utt2spk").read_bytes())
    format_text.main(
        [
            "--text",
            f"{corpus}/text",
            "--out_text",
            f"{org}/text",
            "--out_raw",
            f"{org}/text.raw",
            "--dropped",
            f"{org}/dropped_text.tsv",
            "--g2p",
            "jaso",
        ]
    )
    filter_data.main(["--srcdir", str(org), "--dstdir", str(dst), "--max_seconds", "2"])
    assert set(read_table(dst / "wav.scp")) == {"a", "b"}
    check = ["--dirs", str(org), str(dst), "--kept", str(dst), "--out", f"{corpus}/dropped.tsv"]
    with pytest.raises(SystemExit) as stop:
        check_dropped.main(check)
    assert stop.value.code == 1
    assert "6 of 8 clips were dropped" in caplog.text
    assert "too short" in caplog.text
    check_dropped.main([*check, "--max_dropped", "0.8"])
    reasons = {entry.utt_id: entry.reason for entry in read_dropped(corpus / "dropped.tsv")}
    assert set(reasons) == set("cdefgh")
    for utt_id, word in {
        "c": "too short",
        "d": "too long",
        "e": "cannot read: a (U+0061)",
        "f": "more tokens than frames",
        "g": "unreadable",
        "h": "not found",
    }.items():
        assert word in reasons[utt_id]


def test_a_text_without_end_is_dropped_before_any_work_on_it(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(format_text, "to_tokens", lambda text, g2p: asked.append(text) or ["ᄀ"])
    write_table(tmp_path / "text", {"a": "가", "b": "가" * 1001})
    out = [f"{tmp_path}/{name}" for name in ("tokens", "raw", "dropped.tsv")]
    format_text.main(["--text", f"{tmp_path}/text", "--out_text", out[0], "--out_raw", out[1], "--dropped", out[2]])
    assert asked == ["가"]
    (entry,) = read_dropped(out[2])
    assert "too long: 1001 characters, expected at most 1000" in entry.reason


def test_the_token_list_is_the_inventory(tmp_path, caplog):
    write_table(tmp_path / "text", {"a": "ᄀ ᅡ"})
    token_list.main(["--out", f"{tmp_path}/tokens.txt", "--text", f"{tmp_path}/text"])
    tokens = (tmp_path / "tokens.txt").read_text(encoding="utf-8").splitlines()
    assert len(tokens) == len(set(tokens)) == 75
    assert (tokens[0], tokens[1], tokens[-1]) == ("<blank>", "<unk>", "<sos/eos>")
    write_table(tmp_path / "text", {"a": "ᄀ X"})
    with pytest.raises(SystemExit):
        token_list.main(["--out", f"{tmp_path}/other.txt", "--text", f"{tmp_path}/text"])
    assert "X are not in the list" in caplog.text
    assert not (tmp_path / "other.txt").exists()


def test_tables_are_sorted_by_bytes_and_unique(tmp_path):
    write_table(tmp_path / "t", {"b": "2", "B": "1", "가": "3"})
    assert list(read_table(tmp_path / "t")) == ["B", "b", "가"]
    (tmp_path / "t").write_text("a 1\na 2\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2"):
        read_table(tmp_path / "t")
    with pytest.raises(DataError, match="not found"):
        read_table(tmp_path / "none")
