"""nix-tts and nix_tts_info with a packed student."""

import json

import pytest
import soundfile


def test_the_command_speaks_and_explains(packed, tmp_path, capsys, caplog):
    from espnet2_nix.bin import nix_tts, nix_tts_info

    nix_tts.main(["안녕하세요.", "--model", str(packed), "-o", str(tmp_path / "hello.wav")])
    wav, fs = soundfile.read(tmp_path / "hello.wav")
    assert fs == 22050
    assert len(wav) > 0
    with pytest.raises(SystemExit) as stop:
        nix_tts.main(["안녕", "--model", str(tmp_path / "none.zip"), "-o", str(tmp_path / "x.wav")])
    assert stop.value.code == 1
    assert "none.zip not found" in caplog.text
    with pytest.raises(SystemExit):
        nix_tts.main(["---", "--model", str(packed), "-o", str(tmp_path / "x.wav")])
    capsys.readouterr()
    nix_tts_info.main(["--model", str(packed)])
    info = json.loads(capsys.readouterr().out)
    parts = info["parameters"]
    assert parts["total"] == sum(count for name, count in parts.items() if name != "total")
    assert info["fs"] == 22050
    assert info["corpus"] == "noise"
