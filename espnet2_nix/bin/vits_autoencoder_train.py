"""Stage 6, warm start, phase 2: posterior encoder and decoder on the corpus, without text."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.tasks.safe_training import run
from espnet2_nix.tasks.teacher_phases import VITSAutoencoderTask


def get_parser() -> argparse.ArgumentParser:
    """The options of ESPnet's training commands and of ``VITSAutoencoderTask``."""
    return VITSAutoencoderTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(VITSAutoencoderTask, cmd)


if __name__ == "__main__":
    main()
