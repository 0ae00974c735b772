"""Stage 6: ESPnet's own training of the VITS teacher, with the folder locked and checkpoints written whole."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2.tasks.gan_tts import GANTTSTask

from espnet2_nix.tasks.safe_training import SafeTraining, run


class TeacherTask(SafeTraining, GANTTSTask):
    """ESPnet's task, unchanged but for `SafeTraining`."""


def get_parser() -> argparse.ArgumentParser:
    """The options of ``espnet2.bin.gan_tts_train``."""
    return TeacherTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(TeacherTask, cmd)


if __name__ == "__main__":
    main()
