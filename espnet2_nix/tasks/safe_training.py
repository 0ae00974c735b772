"""Trainings that survive a bad day: one at a time in a folder, whole checkpoints, a resume from what is whole.

Where it hooks into ESPnet: `SafeTraining` stands before ESPnet's task class and overrides two of its class methods. ``main``, once
a training, takes the folder's lock and mends its checkpoints. ``main_worker``, once a process (one for each GPU), replaces
``torch.save`` while ESPnet trains, since ESPnet writes its checkpoints in place, and the averaging, which would stop at a damaged epoch.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import json
import os
import re
import socket
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from espnet2.train import trainer
from espnet2.train.reporter import Reporter

from espnet2_nix.errors import UserError
from espnet2_nix.files import explained, folder_beside, is_alive

if TYPE_CHECKING:
    from espnet2.tasks.abs_task import AbsTask as _Task
else:
    _Task = object

CHECKPOINT = "checkpoint.pth"
PREVIOUS = "checkpoint.previous.pth"  # one epoch older
LOCK = ".lock"
HEARTBEAT = 30.0  # seconds between two signs of life of a training
SILENCE = 600.0  # seconds without one after which a training of another machine counts as dead


class SafeTraining(_Task):
    """Stands before an ESPnet task among the bases of a class: ``class NixEncoderTask(SafeTraining, AbsTask)``."""

    @classmethod
    def main(cls, args: argparse.Namespace | None = None, cmd: Sequence[str] | None = None) -> None:
        """ESPnet's main, with the folder locked and its checkpoints mended.

        Raises:
            UserError: Another training holds the folder, or no checkpoint of it is whole.
        """
        if args is None:
            args = cls.get_parser().parse_args(cmd)
        trains = not (args.print_config or args.collect_stats or args.dry_run) and args.output_dir is not None
        with contextlib.ExitStack() as stack:
            if trains and is_first_process(args):
                stack.enter_context(experiment_lock(args.output_dir))
                if args.resume:
                    mend_checkpoints(Path(args.output_dir), args.best_model_criterion)
            super().main(args=args)

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """ESPnet's main_worker, with checkpoints written whole and only whole ones averaged.

        Raises:
            UserError: A checkpoint cannot be written, or is of another model; or an option's mapping has a key that its class does
                not know.
        """
        with whole_checkpoints(), whole_averages():
            try:
                super().main_worker(args)
            except TypeError as error:
                if (sentence := unknown_key(error, vars(args))) is None:
                    raise
                raise UserError(sentence) from error
            except RuntimeError as error:
                if args.resume and "loading state_dict" in str(error):
                    what = " ".join(str(error).split())[:300]
                    raise UserError(
                        f"{Path(args.output_dir) / CHECKPOINT} does not fit the configuration, so the training cannot go on from "
                        f"it: {what}. Train into another folder (--tag NAME), or with the options that it began with"
                    ) from error
                raise


def run(task: type[SafeTraining], cmd: Sequence[str] | None = None) -> None:
    """What a training's command does: the task's main, and one sentence on what a user can mend.

    Raises:
        SystemExit: With status 1 after such a sentence, 130 after an interrupt.
    """
    try:
        task.main(cmd=cmd)
    except UserError as error:
        print(f"{task.__name__}: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(f"{task.__name__}: interrupted; run again to go on from the last epoch", file=sys.stderr)
        raise SystemExit(130) from None


def is_first_process(args: argparse.Namespace) -> bool:
    """Whether this is the first of the processes that launchers start on several machines."""
    rank = args.dist_rank
    if rank is None and args.dist_launcher is not None:
        rank = os.environ.get("SLURM_PROCID", os.environ.get("OMPI_COMM_WORLD_RANK"))
    return rank is None or int(rank) == 0


# ---- one training at a time


@contextmanager
def experiment_lock(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Holds an experiment folder while its training runs; the lock of a dead training is taken over.

    Raises:
        UserError: A training holds it; its process and machine are named.
    """
    lock = Path(folder) / LOCK
    with explained(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        while not _take(lock):
            holder = _holder(lock)
            if holder is not None and _lives(holder, lock):
                raise UserError(
                    f"{folder} is in use: process {holder['pid']} on {holder['host']} has been training in it since "
                    f"{holder['since']}. Wait for it, end it, or train into another folder (--tag NAME); if that process is gone, "
                    f"remove {lock}"
                )
            print(f"{lock}: left by a training that is gone; taken over", file=sys.stderr)
            lock.unlink(missing_ok=True)
    ended = threading.Event()
    beat = threading.Thread(target=_beat, args=(lock, ended), daemon=True)
    beat.start()
    try:
        yield
    finally:
        ended.set()
        lock.unlink(missing_ok=True)


def _take(lock: Path) -> bool:
    me = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": _start_of(os.getpid()),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    try:
        with open(lock, "x", encoding="utf-8") as f:
            json.dump(me, f)
    except FileExistsError:
        return False
    return True


def _holder(lock: Path) -> dict[str, Any] | None:
    """What a lock says; None where it is gone or half-written by a process that was killed."""
    for _ in range(10):  # a lock is written just after it was made
        try:
            holder = json.loads(lock.read_text(encoding="utf-8"))
            return {name: holder[name] for name in ("host", "pid", "started", "since")}
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            time.sleep(0.1)
    return None


def _lives(holder: dict[str, Any], lock: Path) -> bool:
    if holder["host"] == socket.gethostname():
        # A number is used again; together with the start it names one process.
        return is_alive(holder["pid"]) and _start_of(holder["pid"]) == holder["started"]
    return time.time() - lock.stat().st_mtime < SILENCE


def _start_of(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None for a zombie, and where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _beat(lock: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT):
        with contextlib.suppress(OSError):
            os.utime(lock)


# ---- whole checkpoints


@contextmanager
def whole_checkpoints() -> Iterator[None]:
    """While it lasts, ``torch.save`` writes beside a file and renames, and keeps the checkpoint before as PREVIOUS."""
    original = torch.save

    def save(obj: object, f: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(f, (str, os.PathLike)):
            original(obj, f, *args, **kwargs)
            return
        target = Path(os.path.realpath(f))
        # In a folder, since torch writes the file's own name into it: the same training gives the same bytes.
        with folder_beside(target) as folder:
            original(obj, folder / target.name, *args, **kwargs)
            if target.name == CHECKPOINT and target.exists():
                with contextlib.suppress(OSError):  # a file system without links keeps only the newest
                    (target.parent / PREVIOUS).unlink(missing_ok=True)
                    os.link(target, target.parent / PREVIOUS)
            os.replace(folder / target.name, target)

    torch.save = save
    try:
        yield
    finally:
        torch.save = original


@contextmanager
def whole_averages() -> Iterator[None]:
    """While it lasts, ESPnet averages the best epochs among those whose files are whole."""
    original = trainer.average_nbest_models

    def average(output_dir: Path, reporter: Reporter, *args: Any, **kwargs: Any) -> None:
        original(output_dir, of_whole_epochs(reporter, Path(output_dir)), *args, **kwargs)

    trainer.average_nbest_models = average
    try:
        yield
    finally:
        trainer.average_nbest_models = original


def of_whole_epochs(reporter: Reporter, folder: Path) -> Reporter:
    """What a training has noted, of the epochs alone whose files are there and whole; a damaged one is named.

    Raises:
        UserError: None is.
    """
    states = reporter.state_dict()
    whole = {}
    for epoch, stats in states["stats"].items():
        path = folder / f"{epoch}epoch.pth"
        if is_whole(path):
            whole[epoch] = stats
        elif path.exists():
            print(f"{path} is damaged: left out of the average", file=sys.stderr)
    if not whole:
        raise UserError(f"no epoch in {folder} is whole, so there is nothing to average: remove it and train anew")
    found = Reporter()
    found.load_state_dict({**states, "stats": whole})
    return found


def is_whole(path: Path) -> bool:
    """Whether a file is a checkpoint of torch, complete and undamaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None and any(name.endswith("/data.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        return False


def mend_checkpoints(folder: Path, criteria: Sequence[Sequence[str]]) -> None:
    """Before a resume: puts the newest whole checkpoint into its place, and makes the epoch's file that a kill prevented.

    Args:
        folder: The experiment.
        criteria: ESPnet's ``best_model_criterion``: phase, key and mode of the best epochs' links.

    Raises:
        UserError: There is a checkpoint and none is whole; the newest whole epoch is named.
    """
    checkpoint, previous = folder / CHECKPOINT, folder / PREVIOUS
    if not checkpoint.exists():
        return
    if not is_whole(checkpoint):
        if not is_whole(previous):
            epochs = sorted(filter(is_whole, folder.glob("*epoch.pth")), key=_epoch_of)
            remedy = (
                f"the newest whole epoch is {epochs[-1]}: go on from its weights in a new folder, --tag NAME with --init_param "
                f"{epochs[-1]} among the training's arguments"
                if epochs
                else f"no epoch in {folder} is whole: remove it and train anew"
            )
            raise UserError(f"{checkpoint} is damaged or no checkpoint, and so is {previous.name}; {remedy}")
        print(f"{checkpoint} is damaged: the training goes on from {previous}, one epoch before", file=sys.stderr)
        with explained(checkpoint):
            checkpoint.unlink()
            os.link(previous, checkpoint)
    _complete_epoch(folder, checkpoint, criteria)


def _complete_epoch(folder: Path, checkpoint: Path, criteria: Sequence[Sequence[str]]) -> None:
    """ESPnet writes checkpoint, epoch and links one after the other: what a kill between them prevented is made up for."""
    try:
        states = torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)
        reporter = Reporter()
        reporter.load_state_dict(states["reporter"])
        model = states["model"]
    except Exception as error:  # torch raises half a dozen classes, foreign content some more
        raise UserError(
            f"{checkpoint} is no checkpoint of a training ({' '.join(str(error).split())[:200]}); move it away and run again"
        ) from error
    epoch = reporter.get_epoch()
    path = folder / f"{epoch}epoch.pth"
    if epoch < 1:
        return
    if not is_whole(path):
        print(f"{path} was not written whole: made from {checkpoint}", file=sys.stderr)
        with whole_checkpoints():
            torch.save(model, path)
    links = {"latest.pth": [epoch]}
    for phase, key, mode in criteria:
        if reporter.has(phase, key):
            links[f"{phase}.{key}.best.pth"] = [best for best, _ in reporter.sort_epochs_and_values(phase, key, mode)]
    for name, epochs in links.items():
        _point(folder / name, [folder / f"{number}epoch.pth" for number in epochs])


def _point(link: Path, epochs: Sequence[Path]) -> None:
    """Lets a link name the first epoch that is whole; a damaged one before it is named."""
    for path in epochs:
        if is_whole(path):
            if not link.is_symlink() or os.readlink(link) != path.name:
                with explained(link):
                    link.unlink(missing_ok=True)
                    link.symlink_to(path.name)
            return
        if path.exists():
            print(f"{path} is damaged: {link.name} names the best of the whole ones", file=sys.stderr)


def _epoch_of(path: Path) -> int:
    match = re.fullmatch(r"(\d+)epoch\.pth", path.name)
    return int(match[1]) if match else 0


# ---- keys that nothing knows


def unknown_key(error: TypeError, options: Mapping[str, Any]) -> str | None:
    """What to say when a constructor does not take a key of a mapping among the options.

    Args:
        error: What Python raised.
        options: The training's options by name.

    Returns:
        One sentence that names key, place, class and the keys it knows; None where the error has another cause.
    """
    match = re.search(
        r"(\w+)(?:\.__init__)?\(\) got (?:an unexpected keyword|multiple values for(?: keyword)?) argument '(\w+)'",
        str(error),
    )
    if match is None:
        return None
    name, key = match.groups()
    places = sorted(set(_mappings_with(key, options)) - {""})
    if not places:
        return None  # nobody wrote that key: the fault is ours
    known = {key for module in list(sys.modules.values()) for key in _keys_of(getattr(module, name, None))}
    return f"{' or '.join(places)}: {name} takes no {key} from a configuration; it takes {', '.join(sorted(known - {key})) or 'none'}"


def _mappings_with(key: str, options: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Where a key stands: the path of names to its mapping."""
    if key in options:
        yield place
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _mappings_with(key, value, f"{place}.{name}" if place else str(name))


def _keys_of(found: object) -> list[str]:
    """The arguments of a class that a YAML can give: numbers, words, lists and mappings; modules come from the task."""
    if not isinstance(found, type):
        return []
    plain = re.compile(r"\b(?:int|float|bool|str|list|tuple|dict|Sequence|Mapping|List|Tuple|Dict|Any)\b")
    return [
        parameter.name
        for parameter in inspect.signature(found).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and (parameter.annotation is parameter.empty or plain.search(str(parameter.annotation)))
    ]
