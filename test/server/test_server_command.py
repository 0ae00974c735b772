"""nix-tts-server as a process."""

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from serving import HTTP, free_port, wait_for

from espnet2_nix.bin import nix_tts_server

COMMAND = [sys.executable, "-m", "espnet2_nix.bin.nix_tts_server"]


def answers(url):
    try:
        return HTTP.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_sigterm_lets_what_is_spoken_end(voices, tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options = ["--port", str(port), "--voice", str(voices / "istft"), "--wyoming", f"tcp://127.0.0.1:{free_port()}"]
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen([*COMMAND, *options], stderr=log, env={**os.environ, "NIX_TTS_TOKEN": "abc"})
    try:
        wait_for(lambda: answers(url) or process.poll() is not None)
        body = {"model": "tts-1", "input": "나무가 많은 산에서 물을 마셨다. " * 80, "response_format": "wav"}
        headers = {"Authorization": "Bearer abc"}
        seconds = HTTP.post(f"{url}/v1/audio/timings", json=body, headers=headers).json()["seconds"]
        with HTTP.stream("POST", f"{url}/v1/audio/speech", json=body, headers=headers) as answer:
            pieces = answer.iter_raw()
            data = next(pieces)
            process.send_signal(signal.SIGTERM)
            data += b"".join(pieces)
        assert len(data) == 44 + 2 * round(seconds * 22050)
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
    words = (tmp_path / "log").read_text()
    assert "Traceback" not in words
    assert "abc" not in words


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max_requests", "0"], "--max_requests: expected more than 0"),
        (["--threads", "-1"], "--threads: expected 0 or more"),
        (["--wyoming", "0.0.0.0:10200"], "expected tcp://HOST:PORT"),
    ],
)
def test_wrong_options_end_with_2(options, message, capsys):
    with pytest.raises(SystemExit) as stop:
        nix_tts_server.main(options)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_what_is_missing_is_named(tmp_path, voices, monkeypatch, caplog):
    monkeypatch.setenv("NIX_TTS_VOICES", str(tmp_path))
    monkeypatch.setattr("espnet2_nix.runtime.installed.entry_points", lambda group: [])
    (tmp_path / "empty").touch()
    for options, message in (
        ([], "no voice is installed"),
        (["--voice", "nobody"], "--voice nobody: neither a voice's folder nor the name"),
        (["--token_file", str(tmp_path / "none")], "cannot be read"),
        (["--token_file", str(tmp_path / "empty")], "is empty"),
    ):
        with pytest.raises(SystemExit) as stop:
            nix_tts_server.main(options)
        assert stop.value.code == 1
        assert message in caplog.text
        assert json.dumps(message)  # each its own sentence
