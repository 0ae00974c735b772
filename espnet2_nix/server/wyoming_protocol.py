"""Home Assistant's protocol, by its own library: voices described, texts spoken whole or while they are still coming."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.server import AsyncEventHandler, AsyncServer
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from espnet2_nix.runtime.sentences import split_sentences
from espnet2_nix.runtime.wav import pcm16
from espnet2_nix.server.errors import ApiError
from espnet2_nix.version import __version__

if TYPE_CHECKING:
    from espnet2_nix.server.api import Server

logger = logging.getLogger(__name__)

LARGEST_PART = 1_000_000
"""Bytes of an event's data or payload: a text needs far less, and a client's word for its size is not trusted with more."""
PROJECT = Attribution("espnet2_nix", "")


@asynccontextmanager
async def serve_wyoming(uri: str, server: Server) -> AsyncIterator[None]:
    """Serves Wyoming beside HTTP.

    Args:
        uri: tcp://HOST:PORT or unix://PATH.
        server: Voices, slots and limits, which both protocols share.

    Raises:
        ValueError: If the address has another form.
    """
    protocol = AsyncServer.from_uri(uri)
    await protocol.start(lambda reader, writer: Handler(reader, writer, server))
    logger.info("Wyoming at %s", uri)
    try:
        yield
    finally:
        await protocol.stop()


class BoundedReader:
    """A stream of which no event is read that is larger than a text can be."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def readexactly(self, size: int) -> bytes:
        if not 0 <= size <= LARGEST_PART:
            raise ConnectionError(f"expected at most {LARGEST_PART} bytes, {size} were announced")
        return await self._reader.readexactly(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


class Handler(AsyncEventHandler):
    """One client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        super().__init__(BoundedReader(reader), writer)  # type: ignore[arg-type]
        self._server = server
        self._voice: SynthesizeVoice | None = None
        self._coming = ""  # text of a stream that is not spoken yet
        self._streaming = self._started = False
        self._spoken = 0  # characters

    async def run(self) -> None:
        try:
            await super().run()
        except (ConnectionError, asyncio.IncompleteReadError):
            logger.debug("a Wyoming client went away")
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:  # no event that the library knows
            logger.warning("a Wyoming client sent no event: %s", type(error).__name__)

    async def handle_event(self, event: Event) -> bool:
        try:
            async with asyncio.timeout(self._server.settings.max_seconds):
                await self._handle(event)
        except ApiError as error:
            self._streaming, self._coming = False, ""
            await self.write_event(Error(text=error.message, code=error.code).event())
            await self._end()
        except TimeoutError:
            await self.write_event(Error(text="the answer was not ready in time", code="timeout").event())
            return False
        return True

    async def _handle(self, event: Event) -> None:
        if Describe.is_type(event.type):
            await self.write_event(self._info().event())
        elif SynthesizeStart.is_type(event.type):
            self._voice = SynthesizeStart.from_event(event).voice
            self._streaming, self._coming, self._spoken = True, "", 0
        elif SynthesizeChunk.is_type(event.type) and self._streaming:
            self._coming += str(SynthesizeChunk.from_event(event).text)
            # The last part may go on in the next event.
            *ready, self._coming = list(split_sentences(self._coming)) or [""]
            for sentence in ready:
                if any(character.isalnum() for character in sentence):  # else a stray mark
                    await self._say(sentence, self._voice)
        elif SynthesizeStop.is_type(event.type) and self._streaming:
            self._streaming = False
            if any(character.isalnum() for character in self._coming) or not self._started:
                await self._say(self._coming, self._voice)
            await self._end()
            await self.write_event(SynthesizeStopped().event())
        elif Synthesize.is_type(event.type) and not self._streaming:  # within a stream the whole text comes once more
            synthesize = Synthesize.from_event(event)
            self._spoken = 0
            await self._say(str(synthesize.text), synthesize.voice)
            await self._end()

    async def _say(self, text: str, voice: SynthesizeVoice | None) -> None:
        self._spoken += len(text)
        limit = self._server.settings.max_characters
        if self._spoken > limit:
            raise ApiError(400, f"text: expected at most {limit} characters", "text", "string_above_max_length")
        async with AsyncExitStack() as resources:
            speech = await self._server.start(text, voice.name if voice else None, 1.0, resources)
            rate = {"rate": speech.sample_rate, "width": 2, "channels": 1}
            while (piece := await speech.next_piece()) is not None:
                if not self._started:
                    await self.write_event(AudioStart(**rate).event())
                    self._started = True
                await self.write_event(AudioChunk(audio=pcm16(piece), **rate).event())

    async def _end(self) -> None:
        if self._started:
            await self.write_event(AudioStop().event())
        self._started = False

    def _info(self) -> Info:
        voices = [
            TtsVoice(
                name=name,
                description=name,
                attribution=PROJECT,
                installed=True,
                version=None,
                languages=["ko"],
            )
            for name in self._server.voices.names
        ]
        program = TtsProgram(
            name="nix-tts",
            description="Nix-TTS, Korean",
            attribution=PROJECT,
            installed=True,
            version=__version__,
            voices=voices,
            supports_synthesize_streaming=True,
        )
        return Info(tts=[program])
