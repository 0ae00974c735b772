#!/usr/bin/env python3
"""Ends what a dispatcher started when the dispatcher is killed outright: it then has no chance to do so itself.

Runs in a session of its own and reads lines from the dispatcher: "+group N" or "+job N" when something was started, "-group N"
or "-job N" when it has ended. At the end of the input, which a killed dispatcher cannot prevent, whatever is left is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

GRACE_SECONDS = 10.0


def start() -> subprocess.Popen[bytes]:
    """Starts the watcher; the dispatcher keeps the process and writes to its standard input."""
    return subprocess.Popen(
        [sys.executable, os.path.abspath(__file__)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def tell(watcher: subprocess.Popen[bytes], line: str) -> None:
    """Tells the watcher of a start or an end; a watcher that was killed is not missed."""
    with contextlib.suppress(OSError, ValueError):
        watcher.stdin.write(line.encode() + b"\n")
        watcher.stdin.flush()


def stop(watcher: subprocess.Popen[bytes]) -> None:
    """Ends the watcher once nothing is left to watch."""
    with contextlib.suppress(OSError):
        watcher.stdin.close()
    watcher.wait()


def recipe_is_gone(parent: int) -> bool:
    """Whether nix_tts.sh, or whatever process of it started the dispatcher, was killed; False outside a recipe."""
    recipe = os.environ.get("NIX_RECIPE_PID", "")
    if not recipe.isdigit():
        return False
    if os.getppid() != parent:
        return True
    try:
        os.kill(int(recipe), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left: dict[str, None] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            left[line[1:].strip()] = None
        else:
            left.pop(line[1:].strip(), None)
    groups = [int(what.split()[1]) for what in left if what.startswith("group ")]
    for what in left:
        if what.startswith("job "):
            subprocess.run(["scancel", what.split()[1]], check=False)
    for number in (signal.SIGTERM, signal.SIGKILL):
        groups = [group for group in groups if send(group, number)]
        deadline = time.time() + (GRACE_SECONDS if number == signal.SIGTERM else 0)
        while time.time() < deadline and any(send(group, 0) for group in groups):
            time.sleep(0.1)


def send(group: int, number: int) -> bool:
    """Sends a signal to a process group; returns whether there is one."""
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
