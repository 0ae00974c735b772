"""The front-end's data files: tab-separated text beside the code, with `#` comments, read when first needed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files


def read_rows(name: str, columns: int) -> Iterator[tuple[str, ...]]:
    """Reads a data file of this package.

    Args:
        name: File name, for example `counters.tsv`.
        columns: How many leading columns to give; a row may have more.

    Yields:
        The leading columns of each row that is neither empty nor a comment.
    """
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield tuple(line.split("\t")[:columns])
