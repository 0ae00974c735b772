"""Names the systems that stage 9 can speak with: those asked for, checked, or all that the models at hand allow."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_nix.bin import command
from espnet2_nix.systems import find_systems, possible_systems


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", nargs="*", default=[], help="names; none: all that the models at hand allow")
    parser.add_argument("--teacher", action="store_true", help="a teacher is at hand")
    parser.add_argument("--taught", action="store_true", help="and it taught the student")
    parser.add_argument("--mute", action="store_true", help="the teacher has not learnt to speak from text")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--need_student",
        action="store_true",
        help="print, in place of the names, whether one of them needs the student",
    )
    asked.add_argument("--need_recording", action="store_true", help="the same of the recording")
    return parser


@command
def main(cmd: Sequence[str] | None = None) -> None:
    args = get_parser().parse_args(cmd)
    systems = (
        find_systems(args.systems) if args.systems else possible_systems(args.teacher, args.taught, reads=not args.mute)
    )
    if args.need_student:
        print("true" if any(system.needs_student for system in systems) else "false")
    elif args.need_recording:
        print("true" if any(system.needs_recording for system in systems) else "false")
    else:
        print(" ".join(system.name for system in systems))


if __name__ == "__main__":
    main()
