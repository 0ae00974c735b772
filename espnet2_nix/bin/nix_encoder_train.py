"""Stage 7: encoder distillation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.tasks.nix_encoder import NixEncoderTask
from espnet2_nix.tasks.safe_training import run


def get_parser() -> argparse.ArgumentParser:
    """The options of ESPnet's training commands and of ``NixEncoderTask``."""
    return NixEncoderTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(NixEncoderTask, cmd)


if __name__ == "__main__":
    main()
