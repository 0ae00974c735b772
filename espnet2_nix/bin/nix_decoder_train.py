"""Stage 8: decoder distillation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.tasks.nix_decoder import NixDecoderTask
from espnet2_nix.tasks.safe_training import run


def get_parser() -> argparse.ArgumentParser:
    """The options of ESPnet's training commands and of ``NixDecoderTask``."""
    return NixDecoderTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(NixDecoderTask, cmd)


if __name__ == "__main__":
    main()
