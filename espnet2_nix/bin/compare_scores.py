#!/usr/bin/env python3
"""Puts the scores of several trainings side by side: one table, and a curve where the trainings are numbered."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet2_nix.bin import command
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.kaldi_io import atomic_write


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scores", required=True, nargs="+", metavar="LABEL=FILE", help="scores.json of stage 10, with a name for each"
    )
    parser.add_argument("--test_set", required=True, help="which set of theirs")
    parser.add_argument("--systems", nargs="*", default=[], help="only these systems; none: all but the recording")
    parser.add_argument("--measures", nargs="*", default=[], help="only these measures; none: all that were measured")
    parser.add_argument(
        "--curve", default=None, help="PNG of the first measure against the labels, which must be numbers"
    )
    parser.add_argument("--xlabel", default="step", help="what the labels count")
    parser.add_argument("--out", default=None, help="Markdown file; default: print it")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    from espnet2_nix.evaluation.plots import plot_curves
    from espnet2_nix.evaluation.results import FRAME_BY_FRAME, SPEECH, interval, markdown, table

    known = {measure.name: measure for measure in (*SPEECH, *FRAME_BY_FRAME)}
    if unknown := sorted(set(args.measures) - known.keys()):
        raise DataError(f"--measures: expected some of {', '.join(known)}, found {', '.join(unknown)}")
    measures = [known[name] for name in args.measures] or list(known.values())
    rows, curves = {}, {}
    for entry in args.scores:
        label, equals, path = entry.partition("=")
        if not equals:
            raise DataError(f"--scores: expected LABEL=FILE, found {entry!r}")
        if not Path(path).is_file():
            raise DataError(f"{path} not found; stage 10 writes it: ./run.sh --stage 10 --stop_stage 10")
        sets = json.loads(Path(path).read_text(encoding="utf-8"))
        if args.test_set not in sets:
            raise DataError(f"{path}: expected the set {args.test_set}, found {', '.join(sets)}")
        for system, scores in sets[args.test_set].items():
            if system not in args.systems if args.systems else system == "recording":
                continue
            rows[f"{label}: {system}"] = scores
            point = interval(measures[0], scores)
            if args.curve and point is not None:
                try:
                    x = float(label)
                except ValueError as error:
                    raise DataError(f"--curve: expected numbers as labels, found {label!r}") from error
                curves.setdefault(system, []).append((x, *point))
    head, lines = table(measures, rows)
    text = markdown(head, lines)
    if args.out:
        with atomic_write(args.out) as f:
            f.write(text)
    else:
        sys.stdout.write(text)
    if args.curve:
        try:
            plot_curves(curves, args.curve, args.xlabel, measures[0].title)
        except ValueError as error:
            raise DataError(str(error)) from error


if __name__ == "__main__":
    main()
