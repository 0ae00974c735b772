#!/usr/bin/env python3
"""Submits a command, or the tasks of a job range as one array, to Slurm and waits; the calling convention is Kaldi's.

    slurm.pl [--config FILE] [--max-jobs-run N] [--option value]... [JOB=1:N] LOG COMMAND [ARGUMENT]...

FILE (conf/slurm.conf) says what each option means to sbatch. Run it in the recipe's folder: the job script changes
into that folder and sources its path.sh, since sbatch --export=PATH hands over nothing else. With several nodes the
command itself is an srun step, as espnet2.bin.launch writes it.
The job script and what sbatch and Slurm say are kept in a folder q beside the log.
The file is Python under this name because espnet2.bin.launch tells the dispatchers apart by their file names.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

import _watch
from _dispatch import Call, DispatchError, command_line, complain, parse_call, report_failures
from _slurm import job_script, read_config, sbatch_options

PROGRAM = "slurm.pl"
FIRST_POLL_SECONDS = 0.1
LAST_POLL_SECONDS = 3.0
QUEUE_CHECK_SECONDS = 60.0
LOST = 255  # exit code of a task that left the queue without saying how it ended


class Interrupted(Exception):
    """A signal asked this process to stop."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def main(arguments: list[str]) -> int:
    try:
        call = parse_call(arguments)
        options = sbatch_options(call, read_config(call.options.pop("config", "conf/slurm.conf")))
        if not os.path.isfile("path.sh"):
            raise DispatchError(f"path.sh not found in {os.getcwd()}: run it in the recipe's folder")
    except DispatchError as error:
        return complain(PROGRAM, error)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, raise_interrupted)
    job_id, sync = None, None
    watcher = _watch.start()
    try:
        sync, job_id = submit(call, options)
        _watch.tell(watcher, f"+job {job_id}")
        codes = wait(call, sync, job_id)
    except DispatchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        if job_id is not None and shutil.which("scancel"):
            subprocess.run(["scancel", job_id], check=False)
        print(f"{PROGRAM}: stopped by signal {interruption.signal_number}", file=sys.stderr)
        return 128 + interruption.signal_number
    except OSError as error:
        if job_id is not None and shutil.which("scancel"):
            subprocess.run(["scancel", job_id], check=False)
        print(f"{PROGRAM}: {error.filename or call.log}: {error.strerror}", file=sys.stderr)
        return 1
    finally:
        if job_id is not None:
            _watch.tell(watcher, f"-job {job_id}")
        _watch.stop(watcher)
        if sync is not None:
            forget(sync)
    return report_failures(PROGRAM, call, codes)


def forget(sync: str) -> None:
    """Removes the files by which tasks say that they are done, also those of cancelled tasks and of killed dispatchers."""
    folder, prefix = os.path.split(sync)
    for name in os.listdir(folder):
        if name.startswith(f"{prefix}."):
            try:
                os.unlink(os.path.join(folder, name))
            except OSError:
                pass


def raise_interrupted(signal_number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(signal_number)


def submit(call: Call, options: list[str]) -> tuple[str, str]:
    """Writes the job script and hands it to sbatch.

    Returns:
        The prefix of the files by which tasks say that they are done, and Slurm's number of the job.

    Raises:
        DispatchError: sbatch is missing, fails, or answers without a job number.
    """
    queue = os.path.join(os.path.dirname(call.log) or ".", "q")
    os.makedirs(queue, exist_ok=True)
    for task in call.tasks:
        log = call.substitute(call.log, task)
        if os.path.exists(log):
            os.unlink(log)
    name = os.path.splitext(os.path.basename(call.log))[0]
    # Numbers of processes come again, so that one alone could name what a killed dispatcher's tasks left.
    every = os.path.join(os.path.abspath(queue), f"done.{name}")
    forget(every)
    sync = f"{every}.{os.getpid()}-{secrets.token_hex(4)}"
    script = os.path.join(queue, f"{name}.sh")
    output = os.path.join(queue, f"{name}.out")
    command = [*options, "--output", output, "--open-mode", "append", script]
    with open(script, "w", encoding="utf-8") as stream:
        stream.write(job_script(call, shlex.join(command), sync))
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise DispatchError(
            f"{command[0]} not found: use cmd_backend=local, or a machine of the cluster"
        ) from None
    said = (answer.stdout + answer.stderr).strip()
    match = re.search(r"Submitted batch job (\d+)", said)
    if answer.returncode != 0 or match is None:
        raise DispatchError(f"'{shlex.join(command)}' ended with code {answer.returncode}: {said}")
    return sync, match.group(1)


def wait(call: Call, sync: str, job_id: str) -> dict[int, int]:
    """Waits for every task's sync file, which holds the task's exit code; asks the queue now and then for lost tasks.

    Returns:
        Exit code by task number.
    """
    folder, prefix = os.path.split(sync)
    remaining = set(call.tasks)
    codes: dict[int, int] = {}
    poll, checked, gone_before = FIRST_POLL_SECONDS, time.time(), False
    parent = os.getppid()
    while remaining:
        if _watch.recipe_is_gone(parent):
            raise Interrupted(signal.SIGHUP)
        present = set(os.listdir(folder))  # a listing also refreshes what a network file system remembers
        for task in sorted(remaining):
            if f"{prefix}.{task}" in present:
                path = f"{sync}.{task}"
                with open(path, encoding="utf-8") as stream:
                    codes[task] = int(stream.read())
                os.unlink(path)
                remaining.remove(task)
        if remaining and time.time() - checked >= QUEUE_CHECK_SECONDS:
            gone = left_queue(job_id)
            if gone and gone_before:  # twice in a row: a sync file may arrive after the job has left
                give_up(call, remaining, job_id)
                codes.update(dict.fromkeys(remaining, LOST))
                return codes
            checked, gone_before = time.time(), gone
        if remaining:
            time.sleep(poll)
            poll = min(poll * 1.2, LAST_POLL_SECONDS)
    return codes


def left_queue(job_id: str) -> bool:
    """Whether Slurm no longer knows the job as waiting or running; False when that cannot be found out."""
    if not shutil.which("squeue"):
        return False
    answer = subprocess.run(
        ["squeue", "--noheader", "--jobs", job_id], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        return "Invalid job id" in answer.stderr
    return not answer.stdout.strip()


def give_up(call: Call, tasks: set[int], job_id: str) -> None:
    for task in sorted(tasks):
        with open(call.substitute(call.log, task), "a", encoding="utf-8") as stream:
            stream.write(
                f"# {command_line(call, task)}\n# Slurm job {job_id} left the queue before this task had ended "
                f"(cancelled, out of time or memory?): see 'sacct -j {job_id}'\n"
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
