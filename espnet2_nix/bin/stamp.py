"""Stamps of the stages: --out writes what made a folder, --check compares it with this run, --adopt ties a training to its data."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.data.errors import DataError
from espnet2_nix.data.stamp import adopt, check_stamp, make_stamp
from espnet2_nix.text import frontend_info

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", nargs="*", default=[], help="stamps to compare with --settings; those not there pass"
    )
    parser.add_argument("--settings", nargs="*", default=[], help="options of the run, NAME=VALUE each")
    parser.add_argument("--out", default=None, help="the stamp to write")
    parser.add_argument("--stage", default="training", help="number of the stage that writes it")
    parser.add_argument(
        "--content", nargs="*", default=[], help="files whose content counts; folders and names elsewhere pass"
    )
    parser.add_argument("--upstream", nargs="*", default=[], help="stamps of what it was made of; those not there pass")
    parser.add_argument("--adopt", default=None, help="a training's stamp, written at its begin and compared later")
    parser.add_argument("--teacher", default=None, help="the stamp of that training's teacher")
    parser.add_argument("--began", default="false", choices=["true", "false"], help="whether that training has begun")
    parser.add_argument(
        "--other_data", default="false", choices=["true", "false"], help="whether other data are allowed"
    )
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    settings = {}
    for entry in args.settings:
        name, equals, value = entry.partition("=")
        if not equals:
            raise DataError(f"--settings: expected NAME=VALUE, found {entry!r}")
        settings[name] = str(float(value)) if name in ("trim_db", "trim_margin", "max_seconds") else value
    if "g2p" in settings:
        settings["front-end version"] = str(frontend_info(settings["g2p"])["version"])
    # What was made before there were stamps has none.
    upstream = [path for path in args.upstream if os.path.exists(path)]
    content = [path for path in args.content if os.path.isfile(path)]
    other_data = args.other_data == "true"
    for path in filter(os.path.exists, args.check):
        try:
            check_stamp(path, settings)
        except DataError as error:
            if not other_data:
                raise
            logger.warning("the run goes on, as --other_data says, although %s", error)
    if args.out is not None:
        make_stamp(args.stage, settings, content, upstream).write(args.out)
    if args.adopt is not None:
        if not upstream:
            raise DataError(f"--adopt {args.adopt}: expected the stamp of its data as --upstream, found none")
        difference = adopt(
            args.adopt,
            upstream[0],
            began=args.began == "true",
            allow=other_data,
            stage=args.stage,
            content=content,
            teacher=args.teacher,
        )
        if difference:
            logger.warning("the training goes on with other data, as --other_data says: %s", difference)


if __name__ == "__main__":
    main()
