"""Speech to the loudspeaker, through a player that the machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espnet2_nix.errors import UserError
from espnet2_nix.runtime.wav import pcm16, wav_head

_POWERSHELL = "(New-Object System.Media.SoundPlayer $env:NIX_TTS_WAV).PlaySync()"


class PlayerError(UserError, OSError):
    """Nothing can be played; the message says what to do."""


@dataclass(frozen=True)
class Player:
    """A program that plays.

    Attributes:
        name: Of the program.
        arguments: What it is called with; `{rate}` is the sampling rate, `{file}` a wav file.
        reads: What it is given: `raw` samples or a `wav` on standard input, as they are made, or a whole `file`.
    """

    name: str
    arguments: tuple[str, ...]
    reads: str


PLAYERS = (
    Player("aplay", ("-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", "{rate}"), "raw"),
    Player("paplay", ("--raw", "--format=s16le", "--channels=1", "--rate={rate}"), "raw"),
    Player("pw-play", ("{file}",), "file"),
    Player("afplay", ("{file}",), "file"),
    Player("ffplay", ("-loglevel", "error", "-nodisp", "-autoexit", "-f", "wav", "-i", "-"), "wav"),
    Player("powershell", ("-NoProfile", "-Command", _POWERSHELL), "file"),
)


def find_player() -> Player:
    """The first of `PLAYERS` that is on PATH.

    Raises:
        PlayerError: If there is none.
    """
    for player in PLAYERS:
        if shutil.which(player.name):
            return player
    names = ", ".join(player.name for player in PLAYERS)
    raise PlayerError(
        f"no player found ({names}): install one, e.g. apt-get install alsa-utils, or write a file with -o FILE.wav"
    )


def play(pieces: Iterable[np.ndarray], sample_rate: int, player: Player) -> None:
    """Plays pieces of speech, each as soon as it is made where the player can.

    Args:
        pieces: (T,) float32 each.
        sample_rate: Samples a second.
        player: What `find_player` found.

    Raises:
        PlayerError: If the player ends with an error; its own words are in the message.
    """
    if player.reads == "file":
        # A file that another program opens must be closed first on Windows.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "speech.wav"
            samples = b"".join(map(pcm16, pieces))
            file.write_bytes(wav_head(sample_rate, len(samples) // 2) + samples)
            command = _command(player, sample_rate, str(file))
            done = subprocess.run(
                command, stderr=subprocess.PIPE, env={**os.environ, "NIX_TTS_WAV": str(file)}, check=False
            )
            _check(player, done.returncode, done.stderr)
        return
    with tempfile.TemporaryFile() as errors:  # a pipe that nobody reads would stop a player that has much to say
        process = subprocess.Popen(_command(player, sample_rate, ""), stdin=subprocess.PIPE, stderr=errors)
        assert process.stdin is not None
        try:
            if player.reads == "wav":
                process.stdin.write(wav_head(sample_rate))
            for piece in pieces:
                process.stdin.write(pcm16(piece))
                process.stdin.flush()
            process.stdin.close()
            process.wait()
        except BrokenPipeError:  # the player ended; why, its exit code tells
            process.wait()
        finally:
            if process.poll() is None:  # Ctrl-C, or a text that could not be spoken
                process.kill()
                process.wait()
        errors.seek(0)
        _check(player, process.returncode, errors.read())


def _command(player: Player, sample_rate: int, file: str) -> list[str]:
    values = {"{rate}": str(sample_rate), "{file}": file}
    arguments = list(player.arguments)
    for name, value in values.items():
        arguments = [argument.replace(name, value) for argument in arguments]
    return [shutil.which(player.name) or player.name, *arguments]


def _check(player: Player, returncode: int, errors: bytes) -> None:
    if returncode == 0:
        return
    words = errors.decode(sys.getfilesystemencoding(), errors="replace").strip().splitlines()
    reason = words[-1].strip() if words else f"exit code {returncode}"
    raise PlayerError(
        f"{player.name} could not play ({reason}); is a sound device there? Write a file with -o FILE.wav"
    )
