"""Progress as log lines, which read well in a job's log file."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")


def progress(items: Sequence[T], what: str, every: float = 10.0) -> Iterator[T]:
    """Yields the items and logs, every so many seconds and at the end, count, rate and time left.

    Args:
        items: What to go through.
        what: Its name in the log, in the plural.
        every: Seconds between lines.
    """
    start = last = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - last >= every:
            rate = done / (now - start)
            left = (len(items) - done) / rate if rate else float("inf")
            logger.info("%d of %d %s, %.1f a second, %.0f s left", done, len(items), what, rate, left)
            last = now
        yield item
    seconds = time.monotonic() - start
    logger.info("%d %s in %.1f s", len(items), what, seconds)
