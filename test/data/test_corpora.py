import os
import unicodedata
from pathlib import Path

import pytest
import soundfile

from espnet2_nix.bin import prepare_corpus
from espnet2_nix.data import toy_kss
from espnet2_nix.data.dropped import Dropped, read_dropped
from espnet2_nix.data.emotiontts import EmotionttsReader
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.kaldi_io import read_table
from espnet2_nix.data.kss import SHARES, KssReader, choose_text
from espnet2_nix.data.prepare import collect
from espnet2_nix.data.split import Shares, assign

REAL = Path(os.environ.get("EMOTIONTTS", "../shared/corpora/emotiontts_open_db"))


def write_kss(root, lines):
    root.mkdir(parents=True, exist_ok=True)
    (root / "transcript.v.1.4.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for line in lines:
        path = root / line.split("|")[0]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"RIFF")
    return root


# ---- KSS


def test_kss_takes_the_expanded_field_in_nfc(tmp_path):
    nfd = unicodedata.normalize("NFD", "세 시예요.")
    root = write_kss(tmp_path, [f"1/1_0000.wav|3시예요.|{nfd}|{nfd}|1.2|It is three."])
    (utterance,) = KssReader(root)
    assert utterance.utt_id == "kss_1_0000"
    assert utterance.text == "세 시예요."
    assert unicodedata.is_normalized("NFC", utterance.text)
    assert utterance.wav == root / "1/1_0000.wav"
    assert next(iter(KssReader(root, text_field="original"))).text == "3시예요."


@pytest.mark.parametrize(
    ("original", "expanded", "decomposed", "text", "fault"),
    [
        ("불을 꺼라", "불을 꺼", "불을 꺼라", "불을 꺼라", ""),  # the cut of the published file
        ("10은 크다", "십은 크", "십은 크다", "십은 크다", ""),
        ("불을 꺼라.", "불을 꺼라.", "불을 꺼라.", "불을 꺼라.", ""),
        ("불을 꺼라.", "불을 꺼라.", "", "불을 꺼라.", ""),
        ("불을 꺼라.", "", "불을 꺼라.", "불을 꺼라.", ""),
        ("불을 꺼라.", "물을 줘라.", "물을 줘라.", None, "original and expanded"),
        ("불을 꺼라.", "불을 꺼라.", "물을 줘라.", None, "expanded and decomposed"),
        ("", "", "", None, "empty"),
    ],
)
def test_known_faults_are_mended_or_reported(original, expanded, decomposed, text, fault):
    chosen, reason = choose_text(original, expanded, decomposed)
    if fault:
        assert fault in reason
    else:
        assert (chosen, reason) == (text, "")


def test_a_line_of_another_shape_is_reported_with_its_place(tmp_path):
    root = write_kss(tmp_path, ["1/1_0000.wav|가|가|가|1.0|a", "1/1_0001.wav|only two"])
    first, second = KssReader(root)
    assert first.utt_id == "kss_1_0000"
    assert isinstance(second, Dropped)
    assert second.utt_id == "transcript.v.1.4.txt:2"
    assert "found 2 fields" in second.reason


def test_names_of_any_kind_are_kept_or_dropped_by_name(tmp_path):
    names = ["1/1_0045.wav", "1/1_0045 2.wav", "1/a　b.WAV", unicodedata.normalize("NFD", "1/다라.mp3")]
    root = write_kss(tmp_path, [f"{name}|물|물|물|1.0|a" for name in names])
    with open(root / "transcript.v.1.4.txt", "a", encoding="utf-8") as f:
        f.write(f"1/{'x' * 230}.wav|물|물|물|1.0|a\n1/{'x' * 300}.wav|물|물|물|1.0|a\n1/notes.txt|물|물|물|1.0|a\n")
    kept, dropped = collect(KssReader(root))
    assert [entry.utt_id for entry in kept] == ["kss_1_0045", "kss_1_0045%202", "kss_a%E3%80%80b", "kss_다라"]
    assert all(entry.wav.is_file() for entry in kept)
    reasons = [entry.reason for entry in dropped]
    assert sum("too long" in reason for reason in reasons) == 2
    assert reasons[-1].startswith("expected an audio file such as 1/1_0000.wav, found '1/notes.txt'")


def test_audio_without_a_line_is_reported(tmp_path):
    root = write_kss(tmp_path, ["1/1_0000.wav|물|물|물|1.0|a", "1/1_0001.wav|only two"])
    (root / "1/1_9999.wav").write_bytes(b"RIFF")
    *_, last = KssReader(root)
    assert last == Dropped("1/1_9999.wav", "prepare_corpus", "no line in transcript.v.1.4.txt for this audio")
    assert len(list(KssReader(root))) == 3


def test_a_separator_that_is_no_line_end_stays_in_its_field(tmp_path):
    root = write_kss(tmp_path, ["1/1_0000.wav|물 물|물 물|물 물|1.0|a"])
    (utterance,) = KssReader(root)
    assert utterance.text == "물 물"


@pytest.mark.parametrize("root", ["", "/nowhere"])
def test_a_missing_kss_says_where_it_comes_from(root):
    with pytest.raises(DataError) as error:
        KssReader(root)
    for word in ("kaggle.com", "CC BY-NC-SA 4.0", "transcript.v.1.4.txt", "KSS=/path/to/KSS ./run.sh"):
        assert word in str(error.value)


def test_the_split_of_kss_has_250_and_250_and_moves_nobody():
    ids = [f"kss_{k}_{i:04d}" for k, n in zip("1234", (1041, 1157, 5025, 5631), strict=True) for i in range(n)]
    sets = [assign(utt_id, SHARES) for utt_id in ids]
    assert (sets.count("dev"), sets.count("eval1")) == (250, 250)
    # By the id alone: neither order nor other clips matter.
    assert [assign(utt_id, SHARES) for utt_id in reversed(ids[:100])] == sets[:100][::-1]
    with pytest.raises(DataError, match="below 1"):
        Shares(0.5, 0.6)


# ---- stage 1


def test_stage_1_keeps_or_reports_every_entry(tmp_path):
    lines = [f"1/1_{i:04d}.wav|나무 하나|나무 하나|나무 하나|1.0|a" for i in range(40)]
    lines += [lines[0], "2/2_0000.wav||||1.0|empty", "2/2_0001.wav|물|물|물|1.0|gone"]
    root = write_kss(tmp_path / "kss", lines)
    (root / "2/2_0001.wav").unlink()
    out = tmp_path / "data"
    prepare_corpus.main(
        ["--corpus", "kss", "--root", str(root), "--outdir", str(out), "--dev_share", "0.2", "--eval1_share", "0.2"]
    )
    kept = [read_table(out / name / "text") for name in ("tr_no_dev", "dev", "eval1")]
    dropped = read_dropped(out / "dropped.tsv")
    assert sum(map(len, kept)) == 40
    reasons = {entry.utt_id: entry.reason for entry in dropped}
    assert "duplicate id kss_1_0000" in reasons.values()
    assert reasons["kss_2_0000"] == "empty text"
    assert "not found" in reasons["kss_2_0001"]
    for name, table in zip(("tr_no_dev", "dev", "eval1"), kept, strict=True):
        for other in ("wav.scp", "utt2spk"):
            assert list(read_table(out / name / other)) == list(table)
        assert read_table(out / name / "spk2utt")["kss"].split() == list(table)


@pytest.mark.parametrize("gone", [False, True])
def test_a_set_without_clips_names_the_shares_and_the_report_only_where_it_says_something(tmp_path, caplog, gone):
    root = write_kss(tmp_path / "kss", ["1/1_0000.wav|물|물|물|1.0|a", "1/1_0001.wav|물|물|물|1.0|a"])
    if gone:
        (root / "1/1_0001.wav").unlink()
    with pytest.raises(SystemExit):
        prepare_corpus.main(["--corpus", "kss", "--root", str(root), "--outdir", str(tmp_path / "data")])
    assert "--dev_share 0.1" in caplog.text
    assert ("dropped.tsv says why" in caplog.text) == gone


# ---- emotiontts


def test_text_and_clip_of_one_name_meet_in_either_composition(tmp_path):
    folder = write_emotiontts(tmp_path, [])
    (folder / "wav" / unicodedata.normalize("NFD", "나무 1.WAV")).write_bytes(b"RIFF")
    (folder / "transcript" / "나무 1.txt").write_text("열두 명", encoding="cp949")
    (entry,) = EmotionttsReader(tmp_path)
    assert (entry.utt_id, entry.text, entry.wav.is_file()) == ("lmy_나무%201", "열두 명", True)


def write_emotiontts(root, names, speaker="lmy"):
    folder = root / "Dataset/SpeechCorpus/Main/main" / speaker
    for sub in ("wav", "transcript", "script"):
        (folder / sub).mkdir(parents=True)
    for name in names:
        (folder / "wav" / f"{name}.wav").write_bytes(b"RIFF")
        (folder / "transcript" / f"{name}.txt").write_text("\ufeff열두 명\n", encoding="utf-8")
        (folder / "script" / f"{name}.txt").write_text("12명", encoding="utf-8")
    return folder


def test_emotiontts_reads_pairs_by_stem_and_reports_the_rest(tmp_path):
    folder = write_emotiontts(tmp_path, ["lmy1", "lmy2"])
    (folder / "wav" / "lmy3.wav").write_bytes(b"RIFF")
    (folder / "transcript" / "lmy2.txt").write_bytes(b"\xff\xfd\xff")
    first, second, third = EmotionttsReader(tmp_path)
    assert (first.utt_id, first.text) == ("lmy1", "열두 명")
    assert "lmy2.txt, line 1: byte 0xff" in second.reason
    assert third.utt_id == "lmy3"
    assert "not found" in third.reason
    assert next(iter(EmotionttsReader(tmp_path, text_field="original"))).text == "12명"


def test_another_speaker_works_and_a_missing_one_is_named(tmp_path):
    write_emotiontts(tmp_path, ["kih1"], speaker="kih")
    assert next(iter(EmotionttsReader(tmp_path, speaker="kih"))).speaker == "kih"
    with pytest.raises(DataError, match=r"'lmy'.*speakers found: kih"):
        EmotionttsReader(tmp_path)
    with pytest.raises(DataError, match="EMOTIONTTS="):
        EmotionttsReader("/nowhere")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no emotiontts_open_db at {REAL}: set EMOTIONTTS")
def test_the_real_emotiontts_has_no_fault():
    entries = list(EmotionttsReader(REAL))
    assert len(entries) >= 100
    assert not [entry for entry in entries if isinstance(entry, Dropped)]


# ---- the toy corpus


def test_the_toy_corpus_reads_as_kss_and_repeats(tmp_path):
    toy_kss.make(tmp_path / "a", 9)
    entries = list(KssReader(tmp_path / "a"))
    assert len(entries) == 9
    assert not [entry for entry in entries if isinstance(entry, Dropped)]
    info = [soundfile.info(entry.wav) for entry in entries]
    assert {i.samplerate for i in info} == {44100}
    assert {i.channels for i in info} == {1, 2}
    before = {entry.wav: entry.wav.stat().st_mtime_ns for entry in entries}
    entries[3].wav.unlink()
    toy_kss.make(tmp_path / "a", 9)
    changed = [path for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert changed == [entries[3].wav]
    toy_kss.make(tmp_path / "b", 4)
    assert (tmp_path / "b/4/4_0000.wav").read_bytes() == (tmp_path / "a/4/4_0000.wav").read_bytes()


def test_text_determines_the_toy_sound():
    assert (toy_kss.synthesise("가나.", 0) == toy_kss.synthesise("가나.", 0)).all()
    sounds = [toy_kss.sound_of(token) for token in [*toy_kss.INITIALS, *toy_kss.MEDIALS, *toy_kss.FINALS]]
    assert len(set(sounds)) == len(sounds)
