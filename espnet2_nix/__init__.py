"""Nix-TTS for Korean: an ESPnet2 plugin recipe, and a voice that speaks without PyTorch.

Importing this package makes ESPnet's own ``Text2Speech`` know the student (``tts: nix_tts``) and its VITS the generator of a
teacher from a public voice, at once when ESPnet's modules are loaded already and otherwise when they are. ESPnet itself is never imported from here: speaking needs neither ESPnet
nor PyTorch.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from espnet2_nix.version import __version__

__all__ = ["__version__"]

# onnxruntime on Linux and macOS reports its use to its maker and leaves an identifier in the user's home, from 1.32 at the latest,
# unless this is set before it is loaded. What somebody set already stays.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def _register_student() -> None:
    from espnet2_nix.tasks.register import register

    register()


def _vits_resblock2_generator(**generator_params: object) -> object:
    """Builds the generator when ESPnet asks for it: its module imports ESPnet's, which is being imported when this is registered."""
    from espnet2_nix.modules.vits_generator import VITSResBlock2Generator

    return VITSResBlock2Generator(**generator_params)  # type: ignore[arg-type]


def _register_generator() -> None:
    vits = sys.modules["espnet2.gan_tts.vits.vits"]
    vits.AVAILABLE_GENERATERS["vits_resblock2_generator"] = _vits_resblock2_generator


_REGISTRATIONS = {"espnet2.tasks.tts": _register_student, "espnet2.gan_tts.vits.vits": _register_generator}


class _RegisterOnImport:
    """Finder that registers what is ours once the module of ESPnet that has the table has been imported."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        register = _REGISTRATIONS.pop(name, None)
        if register is None:
            return None
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        exec_module = spec.loader.exec_module

        def exec_and_register(module: ModuleType) -> None:
            exec_module(module)
            register()

        spec.loader.exec_module = exec_and_register  # type: ignore[method-assign]
        return spec


for _name in list(_REGISTRATIONS):
    if _name in sys.modules:
        _REGISTRATIONS.pop(_name)()
sys.meta_path.insert(0, _RegisterOnImport)
