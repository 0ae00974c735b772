"""Stage 6, warm start, phase 1: posterior encoder on the start voice's speech."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.tasks.safe_training import run
from espnet2_nix.tasks.teacher_phases import PosteriorPretrainingTask


def get_parser() -> argparse.ArgumentParser:
    """The options of ESPnet's training commands and of ``PosteriorPretrainingTask``."""
    return PosteriorPretrainingTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(PosteriorPretrainingTask, cmd)


if __name__ == "__main__":
    main()
