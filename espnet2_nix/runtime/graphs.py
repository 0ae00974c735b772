"""The three graphs of a voice in onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from espnet2_nix.voice_format import DECODER, GRAPHS, LATENT_ENCODER, TEXT_ENCODER, VoiceError

PORTS = {
    TEXT_ENCODER: (("text",), ("hidden", "log_durations")),
    LATENT_ENCODER: (("frames",), ("m_s", "logs_s")),
    DECODER: (("z",), ("wav",)),
}
"""Inputs and outputs of each graph, by name."""


class Graphs:
    """Runs the graphs of a voice.

    Args:
        folder: Where they are.
        threads: Threads of onnxruntime.

    Raises:
        VoiceError: If one cannot be loaded, or has other inputs and outputs.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.sessions = {name: open_session(folder / name, threads) for name in GRAPHS}
        for name, session in self.sessions.items():
            found = tuple(tuple(p.name for p in ports) for ports in (session.get_inputs(), session.get_outputs()))
            if found != PORTS[name]:
                expected = " -> ".join(", ".join(names) for names in PORTS[name])
                raise VoiceError(
                    f"{folder / name}: expected a graph of {expected}, found {' -> '.join(map(', '.join, found))}; "
                    "export the voice again"
                )

    def run(self, graph: str, value: np.ndarray) -> list[np.ndarray]:
        """Outputs of a graph for its one input."""
        return self.sessions[graph].run(None, {PORTS[graph][0][0]: np.ascontiguousarray(value)})


def open_session(path: Path, threads: int = 1) -> Any:
    """A graph on the CPU, as an ``onnxruntime.InferenceSession``.

    Raises:
        VoiceError: If onnxruntime cannot load it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take a core from everyone else between two chunks.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own for a graph that it cannot read
        raise VoiceError(f"{path} cannot be loaded by onnxruntime {onnxruntime.__version__}: {error}") from error
