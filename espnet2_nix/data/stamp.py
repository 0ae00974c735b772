"""Stamps: what made the output of a stage, so that a later one can tell that it is not what it was meant to be."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from espnet2_nix.data.errors import DataError
from espnet2_nix.files import digest_of_file, write_text

TRAININGS = (
    "6",
    "7",
    "8",
    "training",
)  # stages whose output is bound to what it began with; "training": of older stamps
NOT_THERE = "not there"
SAME = "the same"


@dataclass(frozen=True)
class Stamp:
    """What made a folder or a file.

    Attributes:
        stage: The stage that wrote it.
        settings: Its options by name.
        content: First 16 digits of the SHA-256 of what it was made of, by path.
        upstream: What the stamps of its inputs said, by their path: all facts of that stamp.
        allowed: Of a training that went on with other data: by fact, the other values that the user let pass.
        finished: Whether the stage came to its end; a stage writes False when it begins.
    """

    stage: str
    settings: dict[str, str] = field(default_factory=dict)
    content: dict[str, str] = field(default_factory=dict)
    upstream: dict[str, dict[str, str]] = field(default_factory=dict)
    allowed: dict[str, list[str]] = field(default_factory=dict)
    finished: bool = True

    @property
    def is_training(self) -> bool:
        """Whether a training wrote it: data that change afterwards do not change what it learnt."""
        return self.stage in TRAININGS

    def inherited(self) -> dict[str, str]:
        """Every setting and content of the inputs by name."""
        found: dict[str, str] = {}
        for facts in self.upstream.values():
            found |= facts
        return found

    def facts(self) -> dict[str, str]:
        """Every setting and content by name, those of the inputs included."""
        return {**self.inherited(), **self.settings, **self.content}

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the stamp, whole or not at all."""
        write_text(path, json.dumps(vars(self), ensure_ascii=False, indent=1, sort_keys=True) + "\n")

    @staticmethod
    def read(path: str | os.PathLike[str]) -> Stamp:
        """Reads a stamp.

        Raises:
            DataError: It is missing or damaged.
        """
        try:
            stamp = Stamp(**json.loads(Path(path).read_text(encoding="utf-8")))
            stamp.facts()
            dict(stamp.allowed)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise DataError(f"{path} is no stamp of a stage ({error}); remove it and run its stage again") from error
        return stamp


def make_stamp(
    stage: str,
    settings: Mapping[str, str],
    content: Iterable[str | os.PathLike[str]] = (),
    upstream: Iterable[str | os.PathLike[str]] = (),
) -> Stamp:
    """The stamp of what was just made.

    Args:
        stage: The stage.
        settings: Its options.
        content: Files whose content counts.
        upstream: Stamps of what it was made of.
    """
    return Stamp(
        stage,
        dict(settings),
        {str(path): digest_of_file(path, 16) for path in content},
        {str(path): Stamp.read(path).facts() for path in upstream},
    )


def check_stamp(path: str | os.PathLike[str], settings: Mapping[str, str]) -> None:
    """Compares what a stage's input was made with, and of, with what the run says now.

    Args:
        path: The stamp of the input.
        settings: The run's options; those that the stamp does not know are passed over.

    Raises:
        DataError: The stage did not finish, a setting differs, or something upstream was made anew since; both values and the remedy
            are named.
    """
    path = Path(path)
    stamp, made = Stamp.read(path), what_it_is_of(path)
    facts = stamp.facts()
    for name, value in settings.items():
        if value not in (facts.get(name, value), *stamp.allowed.get(name, ())):
            with_it = f" --{name} {shlex.quote(value)}" if name.isidentifier() else ""
            as_it_was = f"Run with --{name} {shlex.quote(facts[name])}, or make" if with_it else "Make"
            raise DataError(
                f"{made} was made with {name} {facts[name]}, this run has {name} {value}. {as_it_was} it anew: "
                f"{_command(_stage_of(stamp, name), stamp.stage)}{with_it}"
            )
    _check_upstream(path, stamp, stamp.stage)


def _check_upstream(path: Path, stamp: Stamp, last: str) -> None:
    made, remedy = what_it_is_of(path), f"run {_command(stamp.stage, last)} with the options of this run"
    if not stamp.finished:
        raise DataError(f"{made}: stage {stamp.stage} was begun and did not finish; {remedy}")
    if stamp.is_training:
        remedy = "train anew into another folder (--tag NAME), or take it as it is with --other_data true"
    for name, digest in stamp.content.items():
        if Path(name).is_file() and (found := digest_of_file(name, 16)) not in (digest, *stamp.allowed.get(name, ())):
            raise DataError(
                f"{made} (stage {stamp.stage}) was made of another {name}: its SHA-256 began {digest}, now {found}; {remedy}"
            )
    if stamp.is_training:
        return  # what it learnt from is compared when it goes on
    for name, recorded in stamp.upstream.items():
        if not Path(name).is_file():
            continue  # what it was made of may be removed to save space
        upstream = Stamp.read(name)
        if not upstream.finished:
            _check_upstream(Path(name), upstream, last)
        if difference := differing(recorded, upstream.facts()):
            raise DataError(f"{made} (stage {stamp.stage}) is older than {what_it_is_of(name)}: {difference}; {remedy}")
        _check_upstream(Path(name), upstream, last)


def what_it_is_of(path: str | os.PathLike[str]) -> str:
    """What a stamp tells of: its folder for `stamp.json`, and `NAME` beside it for `NAME.stamp.json`."""
    path = Path(path)
    return str(path.parent if path.name == "stamp.json" else path.with_name(path.name.removesuffix(".stamp.json")))


def _stage_of(stamp: Stamp, name: str) -> str:
    """The stage that took a setting, as far as the stamps at hand tell."""
    if name in stamp.settings:
        return stamp.stage
    for path, facts in stamp.upstream.items():
        if name in facts and Path(path).is_file():
            return _stage_of(Stamp.read(path), name)
    return stamp.stage


def _command(first: str, last: str) -> str:
    return f"./run.sh --stage {first} --stop_stage {last}"


def adopt(
    path: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    began: bool,
    allow: bool,
    stage: str = "training",
    content: Iterable[str | os.PathLike[str]] = (),
    teacher: str | os.PathLike[str] | None = None,
) -> str | None:
    """Ties a training to what it learns from: at its begin the stamp is written, at a resume it is compared.

    The stamp keeps what the training began with; what it goes on with, where a user allows that, is recorded beside it.

    Args:
        path: The training's stamp.
        data: The stamp of its data.
        began: Whether the training has begun.
        allow: Whether it may go on with other data, because the user said so.
        stage: The stage of the recipe.
        content: Files that it learns from besides: the teacher's weights.
        teacher: The stamp of its teacher, who must have learnt from the same data; it is read alone.

    Returns:
        What differs, where that is allowed; None where nothing does.

    Raises:
        DataError: The data are others than the training, or its teacher, began with; both values are named.
    """
    now = make_stamp(stage, {}, content, upstream=[data])
    goes_on = began and Path(path).is_file()
    stamp = Stamp.read(path) if goes_on else now
    of_teacher = _of_teacher(teacher, now)
    found = {**now.facts(), **of_teacher}
    # What an older stamp does not know of is taken as it is.
    before = {**now.facts(), **dict.fromkeys(of_teacher, SAME), **stamp.facts()}
    difference = differing(before, found, stamp.allowed)
    if difference and not allow:
        raise DataError(
            f"{what_it_is_of(path)} began with other data: {difference}. Train into another folder (--tag NAME), make the data as "
            "they were (stages 2 to 5), or go on all the same with --other_data true"
        )
    replace(stamp, allowed=_with(stamp.allowed, before, found)).write(path)
    return difference or None


def _of_teacher(path: str | os.PathLike[str] | None, now: Stamp) -> dict[str, str]:
    """Whether a teacher learnt from the data of a stamp; nothing of one from elsewhere, whose data have no stamp here."""
    teacher = Stamp.read(path) if path is not None else None
    if path is None or teacher is None or not teacher.upstream:
        return {}
    difference = differing(teacher.inherited(), now.inherited(), teacher.allowed)
    return {f"what {what_it_is_of(path)} learnt from": f"other data ({difference})" if difference else SAME}


def _with(allowed: Mapping[str, list[str]], before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, list[str]]:
    """What was allowed so far, and what differs now."""
    found = {name: list(values) for name, values in allowed.items()}
    for name in {**before, **now}:
        value = now.get(name, NOT_THERE)
        if value not in (before.get(name, NOT_THERE), *found.get(name, ())):
            found.setdefault(name, []).append(value)
    return found


def differing(
    before: Mapping[str, str], now: Mapping[str, str], allowed: Mapping[str, Iterable[str]] | None = None
) -> str:
    """Names what differs between two stamps' facts, settings first; "" where nothing does.

    Args:
        before: The facts recorded.
        now: The facts found.
        allowed: Further values by name that count as no difference.
    """
    allowed = allowed or {}
    pairs = {name: (before.get(name, NOT_THERE), now.get(name, NOT_THERE)) for name in {**before, **now}}
    names = [name for name, (was, found) in pairs.items() if found not in (was, *allowed.get(name, ()))]
    names.sort(key=lambda name: "/" in name)
    listed = [f"{name} was {pairs[name][0]}, now {pairs[name][1]}" for name in names[:3]]
    return "; ".join(listed) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")
