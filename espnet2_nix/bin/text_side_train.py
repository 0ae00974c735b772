"""Stage 6, warm start, phase 3: text encoder, flow and duration predictor on stored posteriors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.tasks.safe_training import run
from espnet2_nix.tasks.teacher_phases import TextSideTask


def get_parser() -> argparse.ArgumentParser:
    """The options of ESPnet's training commands and of ``TextSideTask``."""
    return TextSideTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(TextSideTask, cmd)


if __name__ == "__main__":
    main()
