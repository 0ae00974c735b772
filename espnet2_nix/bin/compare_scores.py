"""Puts the scores of several trainings side by side: one table, and a curve where the trainings are numbered."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.errors import UserError
from espnet2_nix.files import write_text


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
    from espnet2_nix.evaluation.results import FRAME_BY_FRAME, SPEECH, interval, read_scores, table

    known = {measure.name: measure for measure in (*SPEECH, *FRAME_BY_FRAME)}
    if unknown := sorted(set(args.measures) - known.keys()):
        raise UserError(f"--measures: expected some of {', '.join(known)}, found {', '.join(unknown)}")
    measures = [known[name] for name in args.measures] or list(known.values())
    scores = read_scores(args.scores, args.test_set, args.systems)
    curves: dict[str, list] = {}
    for (label, system), of_system in scores.items():
        point = interval(measures[0], of_system)
        if args.curve and point is not None:
            try:
                x = float(label)
            except ValueError as error:
                raise UserError(f"--curve: expected numbers as labels, found {label!r}") from error
            curves.setdefault(system, []).append((x, *point))
    rows = {f"{label}: {system}": of_system for (label, system), of_system in scores.items()}
    text = table(measures, rows).to_markdown()
    if args.out:
        write_text(args.out, text)
    else:
        sys.stdout.write(text)
    if args.curve:
        plot_curves(curves, args.curve, args.xlabel, measures[0].title)


if __name__ == "__main__":
    main()
