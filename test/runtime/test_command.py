"""nix-tts with a voice. Runs without PyTorch as well: tools/runtime_check.sh."""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from espnet2_nix.bin import nix_tts
from espnet2_nix.runtime import Voice


def run(*arguments, **kwargs):
    return subprocess.run([sys.executable, "-m", "espnet2_nix.bin.nix_tts", *arguments], capture_output=True, **kwargs)


def test_a_text_becomes_a_wav_with_timings(voices, tmp_path, capsys):
    output, timings = tmp_path / "out" / "a.wav", tmp_path / "out" / "a.srt"
    voice = str(voices / "istft")
    nix_tts.main(["나무가 많다.", "--voice", voice, "-o", str(output), "--timings", str(timings), "--seed", "2"])
    wav, fs = soundfile.read(output, dtype="float32")
    np.testing.assert_allclose(wav, Voice.load(voice).synthesize("나무가 많다.", seed=2).samples, atol=1e-4)
    assert "나무가" in timings.read_text(encoding="utf-8")
    assert capsys.readouterr().out == f"{output}: {len(wav) / fs:.2f} s\n"


def test_standard_input_and_raw_samples(voices):
    out = run("--voice", str(voices / "istft"), "--stream", input="나무가 많다. 물.".encode())
    assert out.returncode == 0, out.stderr.decode()
    samples = np.frombuffer(out.stdout, dtype="<i2").astype(np.float32) / 32767
    whole = Voice.load(voices / "istft").synthesize("나무가 많다. 물.").samples
    np.testing.assert_allclose(samples, whole, atol=1e-4)


def test_a_player_that_closes_ends_the_stream_quietly(voices):
    command = [sys.executable, "-m", "espnet2_nix.bin.nix_tts", "--voice", str(voices / "istft"), "--stream"]
    process = subprocess.Popen(
        [*command, "나무가 많다. " * 400], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False
    )
    process.stdout.read(100)
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_a_file_becomes_a_wav_a_line(voices, tmp_path, capsys):
    (tmp_path / "lines.txt").write_text("\ufeff나무가 많다.\n\n물을 마신다.\n", encoding="utf-8")
    nix_tts.main(
        ["-f", str(tmp_path / "lines.txt"), "--output_dir", str(tmp_path / "wavs"), "--voice", str(voices / "istft")]
    )
    assert sorted(path.name for path in (tmp_path / "wavs").iterdir()) == ["0001.wav", "0003.wav"]
    assert capsys.readouterr().out == f"{tmp_path / 'wavs'}: 2 files\n"


def test_voices_are_listed_and_the_first_is_the_default(voices, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NIX_TTS_VOICES", str(voices))
    nix_tts.main(["--list_voices"])
    assert capsys.readouterr().out.splitlines() == [f"{name}\t{voices / name}" for name in ("hifigan", "istft")]
    nix_tts.main(["나무", "-o", str(tmp_path / "default.wav")])
    nix_tts.main(["나무", "-o", str(tmp_path / "named.wav"), "--voice", "hifigan"])
    nix_tts.main(["나무", "-o", str(tmp_path / "other.wav"), "--voice", "istft"])
    wavs = {path.stem: path.read_bytes() for path in tmp_path.glob("*.wav")}
    assert wavs["default"] == wavs["named"] != wavs["other"]


def test_a_lexicon_is_read(voices, tmp_path):
    (tmp_path / "my.tsv").write_text("# mine\nRPi\t라즈베리 파이\n", encoding="utf-8")
    voice = ["--voice", str(voices / "istft")]
    nix_tts.main(["RPi", *voice, "-o", str(tmp_path / "a.wav"), "--lexicon", str(tmp_path / "my.tsv")])
    nix_tts.main(["라즈베리 파이", *voice, "-o", str(tmp_path / "b.wav")])
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["나무", "--model", "x.zip"], "--model needs -o FILE.wav"),
        (["-f", "x.txt"], "--file needs --output_dir"),
        (["-f", "x.txt", "--output_dir", "d", "--timings", "a.srt"], "--timings is for one text"),
        (["나무", "-o", "a.wav", "--stream"], "not both"),
        (["나무", "--model", "x.zip", "--stream"], "need a voice"),
        (["나무", "-o", "a.wav", "--threads", "0"], "--threads"),
    ],
)
def test_wrong_options_end_with_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        nix_tts.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["나무", "--voice", "nowhere/voice", "-o", "a.wav"], "nowhere/voice is no folder"),
        (["나무", "-o", "a.wav"], "no voice is installed: pip install"),
        (["", "--voice", "VOICE", "-o", "a.wav"], "expected a text to say, found none"),
        (["...", "--voice", "VOICE", "-o", "a.wav"], "nothing readable"),
        (["나무", "--voice", "VOICE", "-o", "a.wav", "--speed", "0"], "speed: expected a factor of 0.1 to 10"),
        (["나무", "--voice", "VOICE", "-o", "a.wav", "--lexicon", "none.tsv"], "none.tsv"),
        (["나무", "--voice", "VOICE", "-o", "a.wav", "--timings", "a.txt"], "expected an ending of .json"),
        (["-f", "none.txt", "--voice", "VOICE", "--output_dir", "d"], "none.txt"),
    ],
)
def test_what_is_missing_is_named_and_ends_with_1(voices, arguments, message, tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("NIX_TTS_VOICES", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        nix_tts.main([str(voices / "istft") if argument == "VOICE" else argument for argument in arguments])
    assert stop.value.code == 1
    assert message in caplog.text
    assert not (tmp_path / "a.wav").exists()


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom espnet2_nix.bin import nix_tts\n"
        "try:\n    nix_tts.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'onnxruntime', 'soundfile', 'torch', 'espnet2'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"
    assert "Exit codes" in out.stdout


def test_timings_of_a_stream(voices, tmp_path, monkeypatch):
    class Out(io.StringIO):
        buffer = io.BytesIO()

    monkeypatch.setattr(sys, "stdout", Out())
    nix_tts.main(["나무", "--voice", str(voices / "istft"), "--stream", "--timings", str(tmp_path / "a.json")])
    seconds = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["seconds"]
    assert seconds == pytest.approx(len(Out.buffer.getvalue()) / 2 / 22050)


# ---- the worst day


def nix_tts_on(voices, *arguments, redirect="", prefix="", **kwargs):
    """The command in a shell, so that its streams can be closed or led to a device."""
    words = " ".join(map(shlex.quote, [sys.executable, "-m", "espnet2_nix.bin.nix_tts", *map(str, arguments)]))
    words += f" --voice {shlex.quote(str(voices / 'istft'))} {redirect}"
    return subprocess.run(["bash", "-c", f"{prefix} {words}"], capture_output=True, text=True, **kwargs)


@pytest.mark.parametrize(
    ("arguments", "redirect", "code", "cause"),
    [
        (["나무", "-o", "FOLDER"], "", 1, "expected an ending"),
        (["나무", "-o", "FOLDER/x.wav/y.wav"], "", 1, "cannot be written"),
        (["나무", "-o", "x" * 300 + ".wav"], "", 1, "the name is too long"),
        (["나무", "-o", "a.xyz"], "", 1, "expected an ending of .wav, .flac, .ogg, .opus, .mp3"),
        (["-f", "FOLDER", "--output_dir", "d"], "", 1, "cannot be read"),
        (["나무", "-o", "a.wav", "--lexicon", "FOLDER"], "", 1, "cannot be read"),
        (["-o", "a.wav"], "<&-", 1, "standard input"),
        (["나무", "--stream"], ">&-", 1, "standard output is closed"),
        (["나무", "--stream"], ">/dev/full", 1, "standard output cannot be written: the disk is full"),
        (["나무", "-o", "a.wav"], ">/dev/full", 1, "standard output cannot be written: the disk is full"),
        (["나무", "-o", "/dev/full"], "", 1, "/dev/full cannot be written: the disk is full"),
        (["나무", "-o", "a.wav", "--threads", "100000"], "", 2, "--threads: expected 1 to"),
        (["나무", "-o", "a.wav", "--timings", "FOLDER/x.srt/y.srt"], "", 1, "cannot be written"),
    ],
)
def test_every_bad_path_and_closed_stream_ends_in_one_sentence(voices, tmp_path, arguments, redirect, code, cause):
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "FOLDER" / "x.wav").touch()
    (tmp_path / "FOLDER" / "x.srt").touch()
    out = nix_tts_on(voices, *arguments, redirect=redirect, cwd=tmp_path)
    assert out.returncode == code, out.stderr
    assert "Traceback" not in out.stderr
    assert cause in out.stderr.splitlines()[-1]
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]


def test_a_device_stays_a_device_and_a_pipe_gets_the_speech(voices, tmp_path):
    before = os.stat("/dev/null").st_rdev
    assert nix_tts_on(voices, "나무", "-o", "/dev/null").returncode == 0
    assert os.stat("/dev/null").st_rdev == before
    out = nix_tts_on(voices, "나무", "-o", "/dev/stdout", redirect="| cat > piped.wav", cwd=tmp_path)
    assert out.returncode == 0
    assert "/dev/stdout: " in out.stderr
    nix_tts_on(voices, "나무", "-o", "/dev/stdout", redirect="> redirected.wav", cwd=tmp_path)
    nix_tts_on(voices, "나무", "-o", "plain.wav", cwd=tmp_path)
    plain = (tmp_path / "plain.wav").read_bytes()
    assert (tmp_path / "piped.wav").read_bytes() == plain
    assert (tmp_path / "redirected.wav").read_bytes() == plain


def test_a_file_goes_on_after_a_line_that_cannot_be_spoken(voices, tmp_path):
    (tmp_path / "lines.txt").write_bytes("나무가 많다.\n\n❤️❤️\n물.\u2028물.\n...\n".encode() + b"\xff\n")
    out = nix_tts_on(voices, "-f", "lines.txt", "--output_dir", "wavs", cwd=tmp_path)
    assert out.returncode == 1
    assert sorted(path.name for path in (tmp_path / "wavs").iterdir()) == ["0001.wav", "0004.wav"]
    assert "lines.txt, line 3: " in out.stderr
    assert "lines.txt, line 5: " in out.stderr
    assert "lines.txt, line 6: byte 0xff is no utf-8" in out.stderr
    assert "3 of 5 lines could not be spoken" in out.stderr.splitlines()[-1]
    assert out.stdout == "wavs: 2 files\n"


@pytest.mark.parametrize(
    ("ending", "format", "subtype"),
    [
        ("wav", "WAV", "PCM_16"),
        ("FLAC", "FLAC", "PCM_16"),
        ("ogg", "OGG", "VORBIS"),
        ("opus", "OGG", "OPUS"),
        ("mp3", "MP3", "MPEG_LAYER_III"),
    ],
)
def test_the_ending_decides_the_format(voices, tmp_path, ending, format, subtype):
    if ending == "opus":
        pytest.importorskip("soxr", reason="Opus has sampling rates of its own")
    nix_tts.main(["나무가 많다.", "--voice", str(voices / "istft"), "-o", str(tmp_path / f"a.{ending}")])
    info = soundfile.info(tmp_path / f"a.{ending}")
    assert (info.format, info.subtype) == (format, subtype)
    seconds = len(Voice.load(voices / "istft").synthesize("나무가 많다.").samples) / 22050
    assert info.duration == pytest.approx(seconds, abs=0.1)


def test_a_long_text_is_written_as_it_is_made(voices, tmp_path):
    """The hidden file grows while the speech goes on; an interrupt ends in one sentence and leaves nothing."""
    command = [sys.executable, "-m", "espnet2_nix.bin.nix_tts", "--voice", str(voices / "istft"), "-o", "long.wav"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    process.stdin.write(("나무가 많다. 물을 마신다. " * 20000).encode())
    process.stdin.close()
    deadline = time.time() + 100
    while sum(path.stat().st_size for path in tmp_path.iterdir()) < 500_000:
        assert process.poll() is None, process.stderr.read()
        assert time.time() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    said = process.stderr.read().decode()
    assert "Traceback" not in said
    assert "interrupted" in said.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
