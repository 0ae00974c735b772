"""Stages 7 and 8 in one, without a teacher: the student trained from scratch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.tasks.nix_scratch import NixScratchTask
from espnet2_nix.tasks.safe_training import run


def get_parser() -> argparse.ArgumentParser:
    """The options of ESPnet's training commands and of ``NixScratchTask``."""
    return NixScratchTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(NixScratchTask, cmd)


if __name__ == "__main__":
    main()
