"""One module a stage of the recipe, each with `get_parser()` and `main(cmd=None)`."""

from __future__ import annotations

import errno
import functools
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from espnet2_nix.errors import UserError
from espnet2_nix.files import cause_of


class Main(Protocol):
    """What a command's module offers."""

    def __call__(self, cmd: Sequence[str] | None = None) -> None:
        """Runs the command; None takes the arguments of the process."""


def configure_logging() -> None:
    """Logs to standard error with time, level and place, unless the calling program set up its own."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s",
        stream=sys.stderr,
    )


def command(main: Callable[[Sequence[str] | None], None]) -> Main:
    """Wraps a stage's main: sets up logging, and ends with status 1 and one message on what a user can mend."""

    @functools.wraps(main)
    def wrapped(cmd: Sequence[str] | None = None) -> None:
        configure_logging()
        try:
            main(cmd)
        except UserError as error:
            logging.getLogger(main.__module__).error("%s", error)
            raise SystemExit(1) from None
        except OSError as error:
            # A place that cannot be read or written: the system names it. What has no name is a fault of ours.
            if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                raise
            where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
            logging.getLogger(main.__module__).error("%s%s", where, cause_of(error))
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            logging.getLogger(main.__module__).error("interrupted; run again to go on")
            raise SystemExit(130) from None

    return wrapped
