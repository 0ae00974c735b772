"""Stage 6, warm start, the alignment of corpus and text, from the spectrogram alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.tasks.safe_training import run
from espnet2_nix.tasks.teacher_phases import TextAlignerTask


def get_parser() -> argparse.ArgumentParser:
    """The options of ESPnet's training commands and of ``TextAlignerTask``."""
    return TextAlignerTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(TextAlignerTask, cmd)


if __name__ == "__main__":
    main()
