"""The front-end's data files: tab-separated text beside the code, with `#` comments, read when first needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
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


@cache
def _lists(file: str) -> dict[str, list[str]]:
    return {row[0]: [word.replace("_", " ") for word in row[1].split()] for row in read_rows(file, 2)}


@cache
def word_list(file: str, name: str) -> tuple[str, ...]:
    """Reads one list of words.

    Args:
        file: File name of a table with a list a row: name, words parted by blanks (a blank inside one is _), source.
        name: Name of the list.

    Returns:
        Its words, the longest first, so that they can stand in an alternation.

    Raises:
        KeyError: If the table has no such list.
    """
    return tuple(sorted(_lists(file)[name], key=lambda word: (-len(word), word)))


def any_of(file: str, name: str) -> str:
    """Gives a list of words as a regular expression, for example `(?:가지|가)`."""
    return f"(?:{'|'.join(map(re.escape, word_list(file, name)))})"
