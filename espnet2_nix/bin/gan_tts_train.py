"""Stage 6: ESPnet's own training of the VITS teacher, with the folder locked and checkpoints written whole."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numba
import torch
from espnet2.tasks.gan_tts import GANTTSTask

from espnet2_nix.tasks.safe_training import SafeTraining, run


class TeacherTask(SafeTraining, GANTTSTask):
    """ESPnet's task, unchanged but for `SafeTraining` and its threads."""

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """ESPnet's main_worker, in which every step has the threads of the first."""
        keep_threads()
        super().main_worker(args)


def keep_threads() -> None:
    """Starts numba's threads, as many as torch has, before ESPnet's path search does.

    Its first call would give torch as many threads as there are cores (both ask OpenMP), whatever ``OMP_NUM_THREADS`` says. Sums then
    round otherwise from the second step on, and a training that was resumed, whose first step comes later, ends with other weights.
    """
    threads = torch.get_num_threads()
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    torch.set_num_threads(threads)


def get_parser() -> argparse.ArgumentParser:
    """The options of ``espnet2.bin.gan_tts_train``."""
    return TeacherTask.get_parser()


def main(cmd: Sequence[str] | None = None) -> None:
    """Trains; resumes with ``--resume true``."""
    run(TeacherTask, cmd)


if __name__ == "__main__":
    main()
