"""A voice as a distribution: written, built by pip without network, found by its entry point."""

import os
import subprocess
import sys

import pytest

from espnet2_nix.bin import voice_package
from espnet2_nix.export.voice_package import VoicePackageError, distribution_name, write_voice_package

RESULTS = """# Results

espnet2_nix 0.1.0

## eval1: speech

| system | clips | CER % |
| --- | --- | --- |
| student | 21 | 12.3 (8.0–15.1) |

## Notes

- CER %: character error rate.

## Command

```sh
/home/someone/run.sh
```
"""
LOG = """\
[host] 2026-11-25 16:42:53,120 (trainer:361) INFO: 1epoch results: [train] iter_time=0.1, loss=2.0, time=58 minutes and 1.2 \
seconds, total_count=500, gpu_max_cached_mem_GB=0.000, [valid] loss=1.9, time=1 minute and 58.8 seconds, total_count=50
[host] 2026-11-25 17:42:53,120 (trainer:361) INFO: 2epoch results: [train] iter_time=0.1, loss=2.0, time=1 hour, 28 minutes and \
1.2 seconds, total_count=1000, gpu_max_cached_mem_GB=0.000, [valid] loss=1.9, time=1 minute and 58.8 seconds, total_count=100
"""


@pytest.fixture
def experiment(tmp_path):
    (tmp_path / "dump" / "dev").mkdir(parents=True)
    (tmp_path / "dump" / "dev" / "utt2num_samples").write_text("a 22050\nb 1300950\n")
    (tmp_path / "nix_encoder").mkdir()
    (tmp_path / "nix_encoder" / "train.log").write_text(LOG)
    (tmp_path / "RESULTS.md").write_text(RESULTS, encoding="utf-8")
    (tmp_path / "remarks.md").write_text("Reads no Hanja.\n", encoding="utf-8")
    return tmp_path


def command_of(voices, folder, name="noise_1"):
    return [
        *(
            "--voice_dir",
            str(voices / "istft"),
            "--name",
            name,
            "--outdir",
            str(folder / "package"),
            "--version",
            "1.2",
        ),
        *("--attribution", "noise of nobody", "--remarks", str(folder / "remarks.md")),
        *("--data_dirs", str(folder / "dump" / "dev"), str(folder / "dump" / "eval1")),
        *("--train_dirs", str(folder / "nix_encoder"), str(folder / "nix_decoder")),
        *("--results", str(folder / "RESULTS.md")),
    ]


def test_pip_installs_the_package_and_the_runtime_finds_it(voices, experiment):
    voice_package.main(command_of(voices, experiment))
    package, site = experiment / "package", experiment / "site"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--target", str(site)]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", *options, str(package)], check=True, capture_output=True
    )
    code = (
        "from espnet2_nix.runtime import Voice\nfrom espnet2_nix.runtime.installed import packaged_voices\n"
        "voice = Voice.load('noise_1')\nprint(len(voice.synthesize('나무').samples), packaged_voices()['noise_1'])"
    )
    env = {**os.environ, "PYTHONPATH": str(site), "NIX_TTS_VOICES": ""}
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env, cwd=experiment
    )
    samples, folder = out.stdout.split()
    assert int(samples) > 0
    assert folder == str(site / "nix_tts_voice_noise_1")
    metadata = next(site.glob("nix_tts_voice_noise_1-1.2.dist-info")) / "METADATA"
    assert "License-Expression: CC0-1.0" in metadata.read_text(encoding="utf-8")


def test_licence_and_card_are_filled_in_and_hold_no_path(voices, experiment):
    voice_package.main(command_of(voices, experiment))
    card = (experiment / "package" / "README.md").read_text(encoding="utf-8")
    for words in (
        "# nix-tts-voice-noise-1",
        'Voice.load("noise_1")',
        "| licence | CC0-1.0, see LICENSE |",
        "- dev: 2 clips, 1.0 minutes",
        "- nix_encoder: 1,000 steps in 2 epochs, 2.5 hours",
        "### eval1: speech",
        "| student | 21 | 12.3 (8.0–15.1) |",
        "- CER %: character error rate.",
        "Reads no Hanja.",
    ):
        assert words in card
    assert "/home" not in card
    assert str(experiment) not in card
    licence = (experiment / "package" / "LICENSE").read_text(encoding="utf-8")
    assert "trained on the corpus noise, licence CC0-1.0" in licence
    assert "Corpus: noise of nobody" in licence
    assert "https://creativecommons.org/publicdomain/zero/1.0/legalcode" in licence


def test_a_package_replaces_a_package_and_nothing_else(voices, tmp_path):
    write_voice_package(voices / "istft", "a", tmp_path / "package")
    write_voice_package(voices / "hifigan", "b", tmp_path / "package")
    assert (tmp_path / "package" / "nix_tts_voice_b" / "voice.json").is_file()
    assert not (tmp_path / "package" / "nix_tts_voice_a").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    with pytest.raises(VoicePackageError, match="is no package of a voice: it is not replaced"):
        write_voice_package(voices / "istft", "a", tmp_path / "mine")


@pytest.mark.parametrize("name", ["", "Lmy", "../x", "a-b", "1a", "a" * 41, "a\nb", "가"])
def test_a_name_that_no_package_can_have_is_refused(name):
    with pytest.raises(VoicePackageError, match="expected up to 40 of a-z"):
        distribution_name(name)


def test_refusals_say_what_to_do(voices, tmp_path, caplog):
    with pytest.raises(VoicePackageError, match=r"expected one like 1\.0\.0, found 'first'"):
        write_voice_package(voices / "istft", "a", tmp_path / "p", version="first")
    with pytest.raises(FileNotFoundError, match="stage 12 writes it"):
        write_voice_package(tmp_path, "a", tmp_path / "p")
    with pytest.raises(SystemExit) as stop:
        voice_package.main(["--voice_dir", str(tmp_path), "--name", "a", "--outdir", str(tmp_path / "p")])
    assert stop.value.code == 1
    assert "voice.json not found" in caplog.text
    assert not (tmp_path / "p").exists()


def test_the_licence_of_a_start_voice_travels(voices, tmp_path):
    import json
    import shutil

    shutil.copytree(voices / "istft", tmp_path / "voice")
    info = json.loads((tmp_path / "voice" / "voice.json").read_text(encoding="utf-8"))
    info |= {"init_license": "Began with the weights of another voice (MIT).", "license": "CC-BY-NC-SA-4.0"}
    (tmp_path / "voice" / "voice.json").write_text(json.dumps(info), encoding="utf-8")
    licence = (write_voice_package(tmp_path / "voice", "a", tmp_path / "p") / "LICENSE").read_text(encoding="utf-8")
    assert "Began with the weights of another voice (MIT)." in licence
    assert "https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode" in licence
