"""Runs another module with the student registered: ``python -m espnet2_nix.dispatch -m espnet2.bin.tts_inference …``."""

from __future__ import annotations

import runpy
import sys

from espnet2_nix.tasks.register import register


def main() -> None:
    """Registers the student with ESPnet, then runs the given module as ``python -m`` would.

    Raises:
        SystemExit: With status 2 when no module is given.
    """
    if len(sys.argv) < 3 or sys.argv[1] != "-m":
        print("usage: python -m espnet2_nix.dispatch -m MODULE [ARGUMENTS ...]", file=sys.stderr)
        raise SystemExit(2)
    register()
    module = sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
