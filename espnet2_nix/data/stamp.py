"""Stamps: what made the output of a stage, so that a later one can tell that it is not what it was meant to be."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from espnet2_nix.data.errors import DataError
from espnet2_nix.files import digest_of_file, write_text


@dataclass(frozen=True)
class Stamp:
    """What made a folder.

    Attributes:
        stage: The stage that wrote it.
        settings: Its options by name.
        content: First 16 digits of the SHA-256 of what it was made of, by path.
        upstream: What the stamps of its inputs said, by their path: all facts of that stamp.
    """

    stage: str
    settings: dict[str, str]
    content: dict[str, str] = field(default_factory=dict)
    upstream: dict[str, dict[str, str]] = field(default_factory=dict)

    def facts(self) -> dict[str, str]:
        """Every setting and content by name, those of the inputs included."""
        found: dict[str, str] = {}
        for facts in self.upstream.values():
            found |= facts
        return {**found, **self.settings, **self.content}

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


def check_settings(path: str | os.PathLike[str], settings: Mapping[str, str]) -> None:
    """Compares what a stage's input was made with, and of, with what the run says now.

    Args:
        path: The stamp of the input.
        settings: The run's options; those that the stamp does not know are passed over.

    Raises:
        DataError: A setting differs, or something upstream was made anew since; both values and the remedy are named.
    """
    stamp = Stamp.read(path)
    facts, folder = stamp.facts(), Path(path).parent
    for name, value in settings.items():
        if name in facts and facts[name] != value:
            with_it = f" --{name} {value}" if name.isidentifier() else ""
            as_it_was = f"Run with --{name} {facts[name]}, or make" if with_it else "Make"
            raise DataError(
                f"{folder} was made with {name} {facts[name]}, this run has {name} {value}. {as_it_was} the data anew: "
                f"./run.sh --stage 2 --stop_stage 5{with_it}"
            )
    _check_upstream(Path(path), stamp)


def _check_upstream(path: Path, stamp: Stamp) -> None:
    remedy = f"run ./run.sh --stage {stamp.stage} --stop_stage 5 with the options of this run"
    for name, recorded in stamp.upstream.items():
        if not Path(name).is_file():
            continue  # what it was made of may be removed to save space
        upstream = Stamp.read(name)
        if difference := differing(recorded, upstream.facts()):
            raise DataError(
                f"{path.parent} (stage {stamp.stage}) is older than {Path(name).parent}: {difference}; {remedy}"
            )
        _check_upstream(Path(name), upstream)
    for name, digest in stamp.content.items():
        if Path(name).is_file() and (found := digest_of_file(name, 16)) != digest:
            raise DataError(
                f"{path.parent} (stage {stamp.stage}) was made of another {name}: its SHA-256 began {digest}, now {found}; {remedy}"
            )


def adopt(path: str | os.PathLike[str], data: str | os.PathLike[str], began: bool, allow: bool) -> str | None:
    """Ties a training to its data: at its begin the stamp is written, at a resume it is compared.

    Args:
        path: The training's stamp.
        data: The stamp of its data.
        began: Whether the training has begun.
        allow: Whether it may go on with other data, because the user said so.

    Returns:
        What differs, where that is allowed; None where nothing does.

    Raises:
        DataError: The data are others than the training began with; both values are named.
    """
    now = make_stamp("training", {}, upstream=[data])
    difference = None
    if began and Path(path).is_file():
        before = Stamp.read(path)
        difference = differing(before.facts(), now.facts())
        if difference and not allow:
            raise DataError(
                f"{Path(path).parent} began with other data: {difference}. Train into another folder (--tag NAME), make the data as "
                "they were (stages 2 to 5), or go on all the same with --other_data true"
            )
    now.write(path)
    return difference or None


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Names what differs between two stamps' facts, settings first; "" where nothing does."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    names.sort(key=lambda name: "/" in name)
    listed = [f"{name} was {before.get(name, 'not there')}, now {now.get(name, 'not there')}" for name in names[:3]]
    return "; ".join(listed) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")
