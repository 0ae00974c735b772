#!/usr/bin/env python3
"""Splits a Kaldi file (wav.scp, text, …) into consecutive parts of equal size, give or take one line.

split_scp.py INPUT OUTPUT1 OUTPUT2 ...
"""

from __future__ import annotations

import itertools
import os
import sys


def split(lines: list[str], parts: int) -> list[list[str]]:
    """Consecutive parts whose sizes differ by one at most, the larger ones first.

    Raises:
        ValueError: fewer lines than parts.
    """
    if len(lines) < parts:
        raise ValueError(f"{len(lines)} lines cannot fill {parts} parts: lower --nj")
    size, larger = divmod(len(lines), parts)
    starts = [part * size + min(part, larger) for part in range(parts + 1)]
    return [lines[start:end] for start, end in itertools.pairwise(starts)]


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print("usage: split_scp.py INPUT OUTPUT1 OUTPUT2 ...", file=sys.stderr)
        return 2
    source, *outputs = arguments
    try:
        with open(source, encoding="utf-8", newline="\n") as stream:
            parts = split(list(stream), len(outputs))
        for path, part in zip(outputs, parts, strict=False):
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(part)
    except (OSError, ValueError) as error:
        print(f"split_scp.py: {source}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
