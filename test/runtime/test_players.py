"""nix-tts without -o plays; players are stand-ins that keep what they are given."""

import io
import os
import sys

import numpy as np
import pytest
import soundfile

from espnet2_nix.bin import nix_tts
from espnet2_nix.runtime import Voice
from espnet2_nix.runtime.players import PLAYERS
from espnet2_nix.runtime.wav import wav_head

STAND_IN = """#!{python}
import os, shutil, sys
with open("{kept}", "wb") as out:
    if {whole}:
        source = os.environ["NIX_TTS_WAV"] if "powershell" in sys.argv[0] else sys.argv[1]
        shutil.copyfileobj(open(source, "rb"), out)
    else:
        shutil.copyfileobj(sys.stdin.buffer, out)
with open("{kept}.arguments", "w") as out:
    out.write("\\n".join(sys.argv[1:]))
"""


@pytest.fixture
def put_player(tmp_path, monkeypatch):
    """Puts one stand-in on an otherwise empty PATH and returns where it keeps what it is given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name, script=None):
        kept = tmp_path / "kept"
        whole = next(player.reads == "file" for player in PLAYERS if player.name == name)
        (folder / name).write_text(script or STAND_IN.format(python=sys.executable, kept=kept, whole=whole))
        os.chmod(folder / name, 0o755)
        return kept

    return put


@pytest.mark.parametrize("player", PLAYERS, ids=lambda player: player.name)
def test_speech_is_played_by_whatever_player_is_there(voices, put_player, tmp_path, player):
    kept = put_player(player.name)
    timings = tmp_path / "timings.json"
    nix_tts.main(["나무가 많다. 물.", "--voice", str(voices / "istft"), "--timings", str(timings)])
    heard = kept.read_bytes()
    if player.reads == "raw":
        samples, rate = np.frombuffer(heard, dtype="<i2").astype(np.float32) / 32767, 22050
        assert "22050" in (tmp_path / "kept.arguments").read_text()
    else:
        samples, rate = soundfile.read(io.BytesIO(heard), dtype="float32")
    assert rate == 22050
    np.testing.assert_allclose(samples, Voice.load(voices / "istft").synthesize("나무가 많다. 물.").samples, atol=1e-4)
    assert timings.is_file()


def test_the_first_player_in_the_list_is_taken(voices, put_player, tmp_path):
    put_player("ffplay", "#!/bin/sh\nexit 1\n")
    kept = put_player("paplay")
    nix_tts.main(["나무", "--voice", str(voices / "istft")])
    assert kept.is_file()


def test_no_player_is_told_in_one_sentence(voices, put_player, caplog):
    with pytest.raises(SystemExit) as stop:
        nix_tts.main(["나무", "--voice", str(voices / "istft")])
    assert stop.value.code == 1
    assert "no player found (aplay, paplay, pw-play, afplay, ffplay, powershell): install one" in caplog.text


def test_a_player_that_fails_is_quoted(voices, put_player, caplog):
    put_player("aplay", "#!/bin/sh\necho 'audio open error: No such device' >&2\nexit 1\n")
    with pytest.raises(SystemExit) as stop:
        nix_tts.main(["나무가 많다. " * 20, "--voice", str(voices / "istft")])
    assert stop.value.code == 1
    assert "aplay could not play (audio open error: No such device)" in caplog.text


def test_a_text_that_cannot_be_spoken_leaves_no_player_behind(voices, put_player, tmp_path, caplog):
    put_player("aplay", f"#!/bin/sh\necho $$ > {tmp_path}/pid\nread -r line\n")
    with pytest.raises(SystemExit):
        nix_tts.main(["...", "--voice", str(voices / "istft")])
    assert "nothing readable" in caplog.text
    if (tmp_path / "pid").is_file():  # it may be ended before its first line
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_head_of_a_wav_of_unknown_length_is_readable():
    wav, rate = soundfile.read(io.BytesIO(wav_head(16000) + b"\x01\x00" * 100), dtype="int16")
    assert (len(wav), rate, int(wav[0])) == (100, 16000, 1)
    whole, _ = soundfile.read(io.BytesIO(wav_head(16000, 100) + b"\x01\x00" * 100), dtype="int16")
    assert np.array_equal(wav, whole)
