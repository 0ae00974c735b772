"""Texts being spoken: how many at once, whose turn it is, and when one ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from espnet2_nix.errors import UserError
from espnet2_nix.runtime import Voice
from espnet2_nix.runtime.sentences import split_sentences
from espnet2_nix.runtime.timings import Timings
from espnet2_nix.server.errors import ApiError
from espnet2_nix.server.metrics import Metrics
from espnet2_nix.text import Trace, normalize, pronounce


class Slots:
    """So many requests at once, so many more in a queue, first come first served."""

    def __init__(self, max_requests: int, max_queue: int, metrics: Metrics) -> None:
        self._max_requests, self._max_queue, self._metrics = max_requests, max_queue, metrics
        self._free = asyncio.Semaphore(max_requests)
        self._waiting, self._mean_seconds = 0, 1.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Holds a slot.

        Raises:
            ApiError: 503 if the queue is full.
        """
        if self._free.locked() and self._waiting >= self._max_queue:
            self._metrics.refused.inc()
            wait = self._mean_seconds * (self._waiting + 1) / self._max_requests
            raise ApiError(
                503, "the server is busy; try again later", code="overloaded", retry_after=min(max(wait, 1), 60)
            )
        self._waiting += 1
        self._metrics.waiting.set(self._waiting)
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
            self._metrics.waiting.set(self._waiting)
        self._metrics.active.inc()
        begin = time.monotonic()
        try:
            yield
        finally:
            self._mean_seconds += 0.1 * (time.monotonic() - begin - self._mean_seconds)
            self._metrics.active.dec()
            self._free.release()


class Speech:
    """One text being spoken, a piece a turn: whoever stops asking for pieces has stopped the work.

    Args:
        voice: Speaks.
        name: Of the voice, for the counts.
        text: To speak.
        speed: Factor on the rate of speech.
        executor: Where the turns are computed; onnxruntime lets go of the interpreter meanwhile.
        metrics: The server's.
    """

    def __init__(self, voice: Voice, name: str, text: str, speed: float, executor: Executor, metrics: Metrics) -> None:
        self.timings = Timings(voice.sample_rate)
        self.sample_rate = voice.sample_rate
        self._pieces: Iterator[np.ndarray] = voice.stream(text, speed=speed, timings=self.timings)
        self.executor, self._spoken = executor, metrics.speech_seconds.labels(name)

    async def next_piece(self) -> np.ndarray | None:
        """The next (T,) float32, or None after the last.

        Raises:
            ApiError: If nothing of the text can be read.
        """
        loop = asyncio.get_running_loop()
        try:
            piece = await loop.run_in_executor(self.executor, next, self._pieces, None)
        except UserError as error:
            raise ApiError(400, f"input: {error}", "input", "unreadable_text") from None
        if piece is not None:
            self._spoken.inc(len(piece) / self.sample_rate)
        return piece


@dataclass(frozen=True)
class Reading:
    """How a text is read.

    Attributes:
        normalized: In Hangul, numbers and foreign script read out.
        pronounced: As it sounds.
        changes: Rule, before, after, in order.
    """

    normalized: str
    pronounced: str
    changes: list[tuple[str, str, str]]


def read(text: str) -> Reading:
    """Reads a text as the voices do, sentence by sentence."""
    trace = Trace()
    sentences = list(split_sentences(text))
    pronounced = " ".join(filter(None, (pronounce(sentence, trace=trace).strip() for sentence in sentences)))
    normalized = " ".join(filter(None, (normalize(sentence).strip() for sentence in sentences)))
    return Reading(normalized, pronounced, [(change[0], change[1], change[2]) for change in trace.changes])
