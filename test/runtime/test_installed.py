"""Voices by name: folders, and what pip installed."""

import subprocess
import sys

import pytest

from espnet2_nix.bin import nix_tts
from espnet2_nix.runtime import Voice
from espnet2_nix.runtime.installed import find_voice, packaged_voices
from espnet2_nix.runtime.installed import voices as known_voices


@pytest.fixture
def installed(voices, tmp_path, monkeypatch):
    """A folder on sys.path as pip leaves it: two voices, one package without a voice, one entry that leads nowhere."""
    site = tmp_path / "site"
    for name in ("istft", "hifigan"):
        package = site / f"nix_tts_voice_{name}"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('a voice is data: it must not be imported')\n")
        for file in (voices / name).iterdir():
            (package / file.name).write_bytes(file.read_bytes())
    (site / "nix_tts_voice_empty").mkdir()
    (site / "nix_tts_voice_empty" / "__init__.py").touch()
    info = site / "nix_tts_voices-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nix-tts-voices\nVersion: 1.0.0\n")
    names = ("istft", "hifigan", "empty", "gone")
    entries = "".join(f"{name} = nix_tts_voice_{name}\n" for name in names)
    (info / "entry_points.txt").write_text(f"[espnet2_nix.voices]\n{entries}")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("NIX_TTS_VOICES", "")
    return site


def test_an_installed_voice_is_found_by_its_name_and_not_imported(installed, caplog):
    assert packaged_voices() == {name: installed / f"nix_tts_voice_{name}" for name in ("hifigan", "istft")}
    assert "voice empty: its package nix_tts_voice_empty holds no voice.json" in caplog.text
    assert "voice gone" in caplog.text
    assert Voice.load("istft").synthesize("나무").samples.tobytes() != b""
    assert find_voice(None) == installed / "nix_tts_voice_hifigan"


def test_a_folder_of_the_user_comes_before_a_package_of_the_same_name(installed, voices, monkeypatch):
    monkeypatch.setenv("NIX_TTS_VOICES", str(voices))
    assert known_voices() == {name: voices / name for name in ("hifigan", "istft")}


def test_a_name_is_no_path_and_a_path_no_name(installed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_voice("nowhere") == find_voice("./nowhere")
    assert find_voice("site/istft").parts == ("site", "istft")
    with pytest.raises(ValueError, match="is no folder"):
        Voice.load("nowhere")


def test_one_word_speaks_and_lists(installed, tmp_path, capsys):
    nix_tts.main(["--list_voices"])
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["hifigan", "istft"]
    nix_tts.main(["나무", "-o", str(tmp_path / "default.wav")])
    nix_tts.main(["나무", "-o", str(tmp_path / "named.wav"), "--voice", "hifigan"])
    assert (tmp_path / "default.wav").read_bytes() == (tmp_path / "named.wav").read_bytes()


def test_no_voice_at_all_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("NIX_TTS_VOICES", str(tmp_path))
    monkeypatch.setattr("espnet2_nix.runtime.installed.entry_points", lambda group: [])
    with pytest.raises(FileNotFoundError, match="no voice is installed: pip install"):
        Voice.load()


def test_looking_for_voices_imports_no_onnxruntime():
    code = "import sys, espnet2_nix.runtime.installed as i; i.voices(); assert 'onnxruntime' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
