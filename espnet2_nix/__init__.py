"""Nix-TTS for Korean: an ESPnet2 plugin recipe, and a voice that speaks without PyTorch.

Importing this package makes ESPnet's own ``Text2Speech`` know the student (``tts: nix_tts``), at once when ESPnet's
task is loaded already and otherwise when it is. ESPnet itself is never imported from here: speaking needs neither ESPnet
nor PyTorch.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from espnet2_nix.version import __version__

__all__ = ["__version__"]

_TASK = "espnet2.tasks.tts"


def _register() -> None:
    from espnet2_nix.tasks.register import register

    register()


class _RegisterOnImport:
    """Finder that registers the student once ESPnet's text-to-speech task has been imported, then steps aside."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _TASK:
            return None
        sys.meta_path.remove(_RegisterOnImport)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        exec_module = spec.loader.exec_module

        def exec_and_register(module: ModuleType) -> None:
            exec_module(module)
            _register()

        spec.loader.exec_module = exec_and_register  # type: ignore[method-assign]
        return spec


if _TASK in sys.modules:
    _register()
else:
    sys.meta_path.insert(0, _RegisterOnImport)
