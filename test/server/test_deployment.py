"""What the Dockerfile, compose.yaml and the systemd unit of the docs start is what the command knows."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from espnet2_nix.bin.nix_tts_server import get_parser
from espnet2_nix.server.middleware import OPEN_PATHS

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVE = re.search(r"AS serve\n(.*?)\nFROM", DOCKERFILE, re.DOTALL)[1]
DOCS = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
UNIT = re.search(r"```ini\n(.*?)```", DOCS, re.DOTALL)[1]


def test_the_image_starts_the_server_where_its_ports_are():
    assert json.loads(re.search(r"ENTRYPOINT (.*)", SERVE)[1]) == ["nix-tts-server"]
    args = get_parser().parse_args(json.loads(re.search(r"\nCMD (\[.*)", SERVE)[1]))
    wyoming_port = args.wyoming.rpartition(":")[2]
    assert re.search(r"EXPOSE (.*)", SERVE)[1].split() == [str(args.port), wyoming_port]
    health = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", SERVE)
    assert (health[1], health[2] in OPEN_PATHS) == (str(args.port), True)  # without a token, as it has none
    assert args.host == "0.0.0.0"
    assert "USER 65534" in SERVE

    (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"].values()
    assert [port.rpartition(":")[2] for port in service["ports"]] == [str(args.port), wyoming_port]
    assert service["ports"][0].startswith("127.0.0.1:")  # where a token is not set, only this machine reaches it
    assert service["build"]["target"] == "serve"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    (mount,) = service["volumes"]
    assert f"NIX_TTS_VOICES={mount.split(':')[1]} " in SERVE


def test_commands_of_the_docs_are_options_of_the_command():
    commands = re.findall(r"(?<!-t )nix-tts-server((?: +--\w+(?: +[^ #\n`]+)?)+)", DOCS)
    assert len(commands) >= 2
    for command in commands:
        get_parser().parse_args(command.split())  # ends the test where it does not


def test_systemd_takes_the_unit(tmp_path):
    command = re.search(r"ExecStart=(\S+) (.*)", UNIT)
    get_parser().parse_args(command[2].split())
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    path = tmp_path / "nix-tts-server.service"
    path.write_text(UNIT.replace(command[1], str(Path("/bin/true").resolve())), encoding="utf-8")
    out = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True)
    assert (out.returncode, out.stderr) == (0, "")
