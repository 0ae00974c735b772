"""The report of dropped utterances: `utt_id<TAB>stage<TAB>reason`, one line each, so that none vanishes unsaid."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from espnet2_nix.data.errors import DataError
from espnet2_nix.files import write_text


@dataclass(frozen=True, order=True)
class Dropped:
    """One utterance that does not go on.

    Attributes:
        utt_id: utterance id, or the place in the corpus (file:line) of one that has none.
        stage: what dropped it, such as `prepare_corpus`.
        reason: why, with the numbers compared.
    """

    utt_id: str
    stage: str
    reason: str


def write_dropped(path: str | os.PathLike[str], dropped: Iterable[Dropped]) -> None:
    """Writes the report sorted, whole or not at all; an empty report makes an empty file."""
    lines = [f"{_flat(entry.utt_id)}\t{entry.stage}\t{_flat(entry.reason)}\n" for entry in sorted(set(dropped))]
    write_text(path, "".join(lines))


def read_dropped(path: str | os.PathLike[str]) -> list[Dropped]:
    """Reads a report; raises DataError naming the line that has not three fields."""
    entries = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").split("\n"), 1):
        if not line:
            continue
        fields = line.split("\t")
        if len(fields) != 3:
            raise DataError(f"{path}, line {number}: expected utt_id<TAB>stage<TAB>reason, found {line!r}")
        entries.append(Dropped(*fields))
    return entries


def _flat(text: str) -> str:
    """One line in UTF-8, whatever a file name holds."""
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode("utf-8")
