"""Voices by name: those in the folders that NIX_TTS_VOICES names, and those that pip installed."""

from __future__ import annotations

import importlib.util
import logging
import os
from importlib.metadata import entry_points
from pathlib import Path

from espnet2_nix.errors import MissingFileError

logger = logging.getLogger(__name__)

VOICES = "NIX_TTS_VOICES"
ENTRY_POINTS = "espnet2_nix.voices"


def voices() -> dict[str, Path]:
    """Every voice at hand.

    Returns:
        Folders by name: first those under the folders of NIX_TTS_VOICES (parted as in PATH; ~/.local/share/nix-tts where it
        is not set), then those of installed packages. A name counts once, where it is met first.
    """
    found: dict[str, Path] = {}
    for root in os.environ.get(VOICES, os.path.expanduser("~/.local/share/nix-tts")).split(os.pathsep):
        for file in sorted(Path(root).glob("*/voice.json")) if root else ():
            found.setdefault(file.parent.name, file.parent)
    for name, folder in packaged_voices().items():
        found.setdefault(name, folder)
    return found


def packaged_voices() -> dict[str, Path]:
    """Voices of installed packages: the entry points of the group `espnet2_nix.voices`, each naming a package that is a
    voice's folder. The package is found, not imported: a voice is data.

    Returns:
        Folders by name, in the order of the names.
    """
    found: dict[str, Path] = {}
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        try:
            spec = importlib.util.find_spec(entry.module)
        except (ImportError, ValueError):
            spec = None
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            if (Path(folder) / "voice.json").is_file():
                found.setdefault(entry.name, Path(folder))
                break
        else:
            if entry.name not in found:
                logger.warning(
                    "voice %s: its package %s holds no voice.json; install it again", entry.name, entry.module
                )
    return found


def find_voice(name: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a voice.

    Args:
        name: A folder, or the name of a voice at hand; None is the first one at hand.

    Returns:
        The folder. A name that is neither is returned as a path, for the loader to say what is wrong with it.

    Raises:
        MissingFileError: If None is given and no voice is at hand.
    """
    if name is None:
        known = voices()
        if not known:
            raise MissingFileError(
                "no voice is installed: pip install a voice's package (nix-tts-voice-...), give --voice FOLDER, "
                f"or set {VOICES} to a folder of voices"
            )
        return next(iter(known.values()))
    path = Path(name)
    if path.is_dir() or len(path.parts) != 1:
        return path
    return voices().get(str(name), path)
