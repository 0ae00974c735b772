"""Kaldi tables: one utterance a line, id and value parted by a blank, sorted as the C locale sorts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from espnet2_nix.data.errors import DataError
from espnet2_nix.files import write_text


def c_sorted(utt_ids: Iterable[str]) -> list[str]:
    """Returns ids in byte order, the order of `LC_ALL=C sort` that Kaldi's tools demand."""
    return sorted(utt_ids, key=lambda utt_id: utt_id.encode("utf-8"))


def read_table(path: str | os.PathLike[str]) -> dict[str, str]:
    """Reads a Kaldi table.

    Args:
        path: A file of lines `id value`; the value may hold blanks or be missing (then it is "").

    Returns:
        Value by id, in the file's order, blanks around the value removed.

    Raises:
        DataError: The file is missing, or an id comes twice (the line is named).
    """
    if not Path(path).is_file():
        raise DataError(f"{path} not found; the stage before this one writes it")
    table: dict[str, str] = {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            fields = line.strip().split(maxsplit=1)
            if not fields:
                continue
            if fields[0] in table:
                raise DataError(f"{path}, line {number}: id {fields[0]} was there before; ids must be unique")
            table[fields[0]] = fields[1] if len(fields) > 1 else ""
    return table


def write_table(path: str | os.PathLike[str], table: Mapping[str, object]) -> None:
    """Writes a Kaldi table sorted by id, whole or not at all."""
    write_text(path, "".join(f"{utt_id} {table[utt_id]}".rstrip() + "\n" for utt_id in c_sorted(table)))


def write_speaker_maps(folder: str | os.PathLike[str], utt2spk: Mapping[str, str]) -> None:
    """Writes utt2spk and its inverse spk2utt into `folder`."""
    spk2utt: dict[str, list[str]] = {}
    for utt_id in c_sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utt_id], []).append(utt_id)
    write_table(Path(folder) / "utt2spk", utt2spk)
    write_table(Path(folder) / "spk2utt", {spk: " ".join(utt_ids) for spk, utt_ids in spk2utt.items()})
