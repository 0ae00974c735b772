"""A Python that starts at once: a server has imported the recipe's libraries, and every `python3 -m …` is a fork of it.

Importing torch and ESPnet costs ten seconds of processor time, which a check that starts hundreds of stages cannot pay each time. What is
forked behaves as if it had been started: its own working directory, environment and open files, its exit code handed on, and
when the process that asked for it is killed, it is killed too, with its process group.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import runpy
import selectors
import shlex
import signal
import socket
import stat
import subprocess
import sys
from array import array
from pathlib import Path

IMPORTS = (
    *("numpy", "scipy.signal", "soundfile", "soxr", "yaml", "setuptools", "matplotlib.pyplot"),
    *(
        "torch",
        "espnet2.tasks.gan_tts",
        "espnet2.bin.launch",
        "espnet2.main_funcs.collect_stats",
        "espnet2.main_funcs.average_nbest_models",
    ),
    *("torch.utils.tensorboard", "onnx", "onnxruntime", "espnet2_nix.text.frontend"),
    *("espnet2_nix.tasks.nix_encoder", "espnet2_nix.tasks.nix_decoder", "espnet2_nix.inference.synthesis"),
    *(
        "espnet2_nix.evaluation.report",
        "espnet2_nix.export.voice",
        "espnet2_nix.export.pack",
        "espnet2_nix.student.assembly",
    ),
)
_server: subprocess.Popen[bytes] | None = None
CLIENT = """#!/bin/sh
case "$1" in -m) exec {python} -I -S {client} {address} "$@" ;; *) exec {python} "$@" ;; esac
"""


def make_python(folder: Path) -> Path:
    """Starts the server, which lives until the process that called this ends.

    Args:
        folder: An empty folder; it gets a `python3` to run the recipe with.

    Returns:
        That `python3`.
    """
    address, ready = folder / "socket", folder / "ready"
    os.mkfifo(ready)
    server = [sys.executable, "-W", "ignore", __file__, "--serve", str(address), str(ready)]
    global _server  # its standard input stays open as long as this process lives
    _server = subprocess.Popen(server, stdin=subprocess.PIPE, start_new_session=True)
    ready.read_bytes()
    python = folder / "python3"
    words = {"python": sys.executable, "client": str(Path(__file__).resolve()), "address": str(address)}
    python.write_text(CLIENT.format(**{name: shlex.quote(word) for name, word in words.items()}), encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python


def serve(address: Path, ready: Path) -> None:
    """Forks for every caller until standard input ends."""
    lifeline = sys.stdin.fileno()
    try:
        for name in IMPORTS:
            __import__(name)
    except BaseException:
        ready.write_bytes(b"")  # whoever waits must not wait for good
        raise
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(address))
    listener.listen(64)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    ready.write_bytes(b"")
    selector = selectors.DefaultSelector()
    for source in (listener, wake, lifeline):
        selector.register(source, selectors.EVENT_READ)
    callers: dict[socket.socket, int] = {}

    def finish() -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                for caller in [c for c, pid in callers.items() if pid == ended[0]]:
                    selector.unregister(caller)
                    del callers[caller]
                    with contextlib.suppress(OSError):
                        caller.sendall(f"{os.waitstatus_to_exitcode(ended[1])}\n".encode())
                    caller.close()

    while True:
        for key, _ in selector.select():
            if key.fileobj == lifeline:
                for pid in callers.values():
                    with contextlib.suppress(OSError):
                        os.killpg(pid, signal.SIGKILL)
                return
            if key.fileobj == wake:
                os.read(wake, 4096)
                finish()
            elif key.fileobj is listener:
                caller, _ = listener.accept()
                message, descriptors, _, _ = socket.recv_fds(caller, 2**16, 3)
                while message and not message.endswith(b"\n"):
                    more = caller.recv(2**16)
                    message = message + more if more else b""
                pid = os.fork() if message else None
                if pid != 0:
                    for descriptor in descriptors:
                        os.close(descriptor)
                if pid is None:  # killed before it had spoken
                    caller.close()
                    continue
                if pid == 0:
                    selector.close()
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for other in (listener, caller, *callers):
                        other.close()
                    for end in (wake, waker):
                        os.close(end)
                    be_the_caller(message, descriptors)
                callers[caller] = pid
                selector.register(caller, selectors.EVENT_READ)
            elif key.fileobj in callers:  # a caller says nothing more: it was killed
                pid = callers[key.fileobj]
                selector.unregister(key.fileobj)
                for send in (os.kill, os.killpg):
                    with contextlib.suppress(OSError):
                        send(pid, signal.SIGKILL)
                del callers[key.fileobj]
                key.fileobj.close()


def be_the_caller(message: bytes, descriptors: list[int]) -> None:
    """In the fork: takes over what the caller is, runs its module and ends."""
    code = 1
    try:
        os.setsid()
        folder, environment, arguments = json.loads(message)
        for to, descriptor in enumerate(descriptors):
            os.dup2(descriptor, to)
            os.close(descriptor)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            stream = os.fdopen(number, "w" if number else "r", 1, "utf-8", "surrogateescape", closefd=False)
            setattr(sys, name, stream)
        sys.argv = arguments
        sys.path[0] = folder
        try:
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
            if isinstance(stop.code, str):
                print(stop.code, file=sys.stderr)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def call(address: str, arguments: list[str]) -> int:
    """The client: hands over what it is, waits, and returns the exit code."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(address)
    message = json.dumps([os.getcwd(), dict(os.environ), arguments]).encode() + b"\n"
    server.sendmsg([message[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", (0, 1, 2)))])
    server.sendall(message[1:])
    answer = b""
    while not answer.endswith(b"\n"):
        more = server.recv(64)
        if not more:
            return 137
        answer += more
    code = int(answer)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]), Path(sys.argv[3]))
    else:  # ADDRESS -m MODULE ARGUMENTS...
        sys.exit(call(sys.argv[1], sys.argv[3:]))
