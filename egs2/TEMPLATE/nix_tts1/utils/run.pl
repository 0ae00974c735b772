#!/usr/bin/env python3
"""Runs a command, or the tasks of a job range in parallel, on this machine; the calling convention is Kaldi's.

    run.pl [--max-jobs-run N] [--any-option value]... [JOB=1:N] LOG COMMAND [ARGUMENT]...

JOB in the log's name and in the command becomes the task's number. Without --max-jobs-run as many tasks run at a
time as this process may use processors. Options meant for a cluster (--gpu, --mem, --num-threads) have no effect.
The file is Python under this name because espnet2.bin.launch tells the dispatchers apart by their file names.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from types import FrameType
from typing import IO, NoReturn

import _watch
from _dispatch import Call, DispatchError, command_line, complain, parse_call, report_failures

PROGRAM = "run.pl"
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0


class Interrupted(Exception):
    """A signal asked this process to stop."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


@dataclass
class Task:
    """A started task: its process leads a process group of its own, so that its children can be ended with it."""

    number: int
    log: str
    process: subprocess.Popen[bytes]
    started: float
    output: Output


class Output:
    """Copies what a task says to its log, and remembers the end of it: a log on a full disk tells nobody the cause."""

    def __init__(self, log: str, source: IO[bytes]) -> None:
        self.log = log
        self.last: deque[bytes] = deque(maxlen=20)
        self.error: OSError | None = None
        self._source = source
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        with open(self.log, "ab", buffering=0) as stream:
            while piece := self._source.readline(65536):
                self.last.append(piece)
                try:
                    if stream.write(piece) != len(piece):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                except OSError as error:
                    self.error = error

    def end(self) -> None:
        """Waits for what is still in the pipe; a child that the task left behind may hold it open."""
        self._thread.join(timeout=2.0)


def main(arguments: list[str]) -> int:
    try:
        call = parse_call(arguments)
        limit = call.max_jobs_run(default=available_processors())
    except DispatchError as error:
        return complain(PROGRAM, error)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, raise_interrupted)
    running: list[Task] = []
    watcher = _watch.start()
    try:
        codes = run_tasks(call, limit, running, watcher)
    except Interrupted as interruption:
        end_tasks(call, running)
        print(f"{PROGRAM}: stopped by signal {interruption.signal_number}", file=sys.stderr)
        return 128 + interruption.signal_number
    except OSError as error:
        end_tasks(call, running)
        print(f"{PROGRAM}: {error.filename or call.log}: {error.strerror}", file=sys.stderr)
        return 1
    finally:
        for task in running:
            _watch.tell(watcher, f"-group {task.process.pid}")
        _watch.stop(watcher)
    return report_failures(PROGRAM, call, codes)


def raise_interrupted(signal_number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(signal_number)


def available_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(call: Call, limit: int, running: list[Task], watcher: subprocess.Popen[bytes]) -> dict[int, int]:
    """Runs all tasks, at most ``limit`` at a time; ``running`` is kept up to date for whoever must end them.

    Returns:
        Exit code by task number.
    """
    waiting = list(call.tasks)
    codes: dict[int, int] = {}
    parent = os.getppid()
    while waiting or running:
        while waiting and len(running) < limit:
            running.append(start(call, waiting.pop(0)))
            _watch.tell(watcher, f"+group {running[-1].process.pid}")
        time.sleep(POLL_SECONDS)
        if _watch.recipe_is_gone(parent):
            raise Interrupted(signal.SIGHUP)
        for task in [task for task in running if task.process.poll() is not None]:
            running.remove(task)
            _watch.tell(watcher, f"-group {task.process.pid}")
            codes[task.number] = write_trailer(call, task)
    return codes


def start(call: Call, number: int) -> Task:
    """Writes the head of the log and starts the command in bash."""
    log = call.substitute(call.log, number)
    command = command_line(call, number)
    os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
    with open(log, "w", encoding="utf-8") as stream:
        stream.write(f"# {command}\n# Running on {socket.gethostname()}\n# Started at {time.ctime()}\n#\n")
    process = subprocess.Popen(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    return Task(number, log, process, time.time(), Output(log, process.stdout))


def write_trailer(call: Call, task: Task) -> int:
    """Writes the end of the log; returns the exit code, 128 + n for a process ended by signal n."""
    code = task.process.returncode
    if code < 0:
        code = 128 - code
    seconds = round(time.time() - task.started)
    threads = call.options.get("num_threads", "1")
    task.output.end()
    try:
        with open(task.log, "a", encoding="utf-8") as stream:
            stream.write(f"# Accounting: time={seconds} threads={threads}\n")
            stream.write(f"# Ended (code {code}) at {time.ctime()}, elapsed time {seconds} seconds\n")
    except OSError as error:
        task.output.error = error
    if task.output.error is not None:
        said = b"".join(task.output.last).decode(errors="replace")
        print(f"{PROGRAM}: {task.log} could not be written: {task.output.error.strerror}; its end:\n{said}", file=sys.stderr)
    return code


def end_tasks(call: Call, running: list[Task]) -> None:
    """Ends every running task with all its children: politely first, by force after the grace period."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for task in running:
        signal_group(task, signal.SIGTERM)
    deadline = time.time() + GRACE_SECONDS
    while time.time() < deadline and any([signal_group(task, 0) for task in running]):
        time.sleep(POLL_SECONDS)
    for task in running:
        signal_group(task, signal.SIGKILL)
        task.process.wait()
        write_trailer(call, task)


def signal_group(task: Task, number: int) -> bool:
    """Sends a signal to a task's process group; returns whether anything of it is left."""
    task.process.poll()  # an unreaped leader would keep its group in being
    try:
        os.killpg(task.process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
