"""The addresses of the server."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from espnet2_nix.server.encoders import MEDIA_TYPES, make_encoder
from espnet2_nix.server.errors import ApiError, install_error_handlers, quoted
from espnet2_nix.server.metrics import Metrics
from espnet2_nix.server.middleware import BearerToken, BodyLimit, Counter
from espnet2_nix.server.responses import ClientGone, StreamedResponse, deadline_after, while_client_waits
from espnet2_nix.server.settings import Settings
from espnet2_nix.server.speech import Slots, Speech, read
from espnet2_nix.server.voices import VoiceStore
from espnet2_nix.version import __version__

logger = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
MODELS = ("nix-tts", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""The first is ours; the others are what clients send when nobody chose."""
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class VoiceId(BaseModel):
    """A voice as an object, which OpenAI's API takes as well."""

    id: str


class TextRequest(BaseModel):
    """A text to read; fields that are not known are left alone, as clients send fields of other servers."""

    model_config = ConfigDict(extra="ignore", strict=True)

    input: str
    voice: str | VoiceId | None = None
    speed: float = Field(1.0, ge=0.25, le=4.0, allow_inf_nan=False)

    @property
    def voice_name(self) -> str | None:
        """The name, however it was given."""
        return self.voice.id if isinstance(self.voice, VoiceId) else self.voice


class SpeechRequest(TextRequest):
    """The body of OpenAI's /v1/audio/speech."""

    model: str = MODELS[0]
    response_format: str = "mp3"
    stream_format: Literal["audio", "sse"] = "audio"


class Server:
    """What the addresses share.

    Args:
        folders: Voices by name.
        settings: Limits and access.
    """

    def __init__(self, folders: Mapping[str, Path], settings: Settings) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.executor = ThreadPoolExecutor(settings.threads, thread_name_prefix="speech")
        self.voices = VoiceStore(folders, settings.max_memory, self.executor, self.metrics)
        self.slots = Slots(settings.max_requests, settings.max_queue, self.metrics)

    def check_text(self, text: str) -> None:
        """Refuses a text that is too long or none.

        Raises:
            ApiError: If it is.
        """
        limit = self.settings.max_characters
        if len(text) > limit:
            raise ApiError(
                400,
                f"input: expected at most {limit} characters, found {len(text)}",
                "input",
                "string_above_max_length",
            )
        if not text.strip():
            raise ApiError(400, "input: expected a text, found none", "input")

    async def start(self, text: str, voice: str | None, speed: float, resources: AsyncExitStack) -> Speech:
        """Waits for a turn and begins to speak.

        Args:
            text: To speak.
            voice: Its name; None is the default.
            speed: Factor on the rate of speech.
            resources: Takes the slot.

        Raises:
            ApiError: If text or voice are refused, or the server is busy.
        """
        self.check_text(text)
        name = self.voices.resolve(voice)
        await resources.enter_async_context(self.slots.slot())
        return Speech(await self.voices.get(name), name, text, speed, self.executor, self.metrics)


def create_app(folders: Mapping[str, Path], settings: Settings | None = None, wyoming: str | None = None) -> FastAPI:
    """The application.

    Args:
        folders: Voices by name; the first is the default.
        settings: Limits and access.
        wyoming: Where to serve Wyoming besides, e.g. tcp://0.0.0.0:10200.
    """
    settings = settings or Settings()
    server = Server(folders, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if wyoming is not None:
                from espnet2_nix.server.wyoming_protocol import serve_wyoming

                await stack.enter_async_context(serve_wyoming(wyoming, server))
            yield
        server.executor.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(title="espnet2_nix", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.server = server
    install_error_handlers(app)
    # The last added stands first: counts see every answer, a browser reads refusals too.
    app.add_middleware(BodyLimit, max_body=settings.max_body, max_seconds=min(30.0, settings.max_seconds))
    if settings.token:
        app.add_middleware(BearerToken, token=settings.token)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Timings"],
        )
    app.add_middleware(Counter, metrics=server.metrics)
    _add_speech(app, server)
    _add_facts(app, server)
    _add_page(app)
    return app


def _add_speech(app: FastAPI, server: Server) -> None:
    @app.post("/v1/audio/speech", response_class=Response)
    async def speech(body: SpeechRequest, request: Request) -> Response:
        """Speech of a text, as OpenAI's API has it; with `X-Timings: words` an event stream also tells when words are said."""
        check_request(body)
        receive, deadline = request.receive, deadline_after(server.settings.max_seconds)
        begin = time.perf_counter()
        resources = AsyncExitStack()

        async def first() -> tuple[Speech, np.ndarray | None]:
            speaking = await server.start(body.input, body.voice_name, body.speed, resources)
            # The first piece before the status: what cannot be read is refused as such.
            return speaking, await speaking.next_piece()

        try:
            speaking, piece = await while_client_waits(receive, first(), deadline)
        except ClientGone:
            await resources.aclose()
            return Response(status_code=499)
        except BaseException:
            await resources.aclose()
            raise
        server.metrics.first_audio_seconds.observe(time.perf_counter() - begin)
        chunks = encoded(speaking, piece, body.response_format)
        if body.stream_format == "audio":
            return StreamedResponse(
                (chunk async for chunk in chunks), MEDIA_TYPES[body.response_format], resources, deadline
            )
        with_timings = "x-timings" in request.headers
        return StreamedResponse(
            events(speaking, chunks, len(body.input), with_timings), "text/event-stream", resources, deadline
        )

    @app.post("/v1/audio/timings")
    async def timings(body: TextRequest, request: Request) -> dict[str, Any]:
        """When words, syllables and jamo are said, in seconds, and how the text is read."""
        deadline = deadline_after(server.settings.max_seconds)

        async def work() -> dict[str, Any]:
            async with AsyncExitStack() as resources:
                speaking = await server.start(body.input, body.voice_name, body.speed, resources)
                while await speaking.next_piece() is not None:
                    pass
                reading = await asyncio.get_running_loop().run_in_executor(server.executor, read, body.input)
                return {**vars(reading), **speaking.timings.as_dict()}

        return await answered(request, work(), deadline)

    @app.post("/v1/audio/reading")
    async def reading(body: TextRequest, request: Request) -> dict[str, Any]:
        """How the text is read: normalised, pronounced, and which rule changed what."""
        server.check_text(body.input)

        async def work() -> dict[str, Any]:
            async with server.slots.slot():
                return vars(await asyncio.get_running_loop().run_in_executor(server.executor, read, body.input))

        return await answered(request, work(), deadline_after(server.settings.max_seconds))


def check_request(body: SpeechRequest) -> None:
    """Refuses models and formats that are not known.

    Raises:
        ApiError: If it does.
    """
    if body.model not in MODELS:
        message = f"model: expected one of {', '.join(MODELS)}, found {quoted(body.model)}"
        raise ApiError(404, message, "model", "model_not_found")
    if body.response_format not in MEDIA_TYPES:
        expected = f"response_format: expected one of {', '.join(MEDIA_TYPES)}"
        if body.response_format == "aac":
            raise ApiError(400, f"{expected}; aac cannot be encoded here", "response_format")
        raise ApiError(400, f"{expected}, found {quoted(body.response_format)}", "response_format")


async def answered(request: Request, work: Any, deadline: float) -> Any:
    """The answer of some work, or one that nobody reads."""
    try:
        return await while_client_waits(request.receive, work, deadline)
    except ClientGone:
        return Response(status_code=499)


async def encoded(speaking: Speech, piece: np.ndarray | None, response_format: str) -> AsyncIterator[bytes]:
    """Bytes of a file, each piece as it comes."""
    loop = asyncio.get_running_loop()
    encoder = make_encoder(response_format, speaking.sample_rate)
    while piece is not None:
        yield await loop.run_in_executor(speaking.executor, encoder.encode, piece)
        piece = await speaking.next_piece()
    yield await loop.run_in_executor(speaking.executor, encoder.finish)


async def events(
    speaking: Speech, chunks: AsyncIterator[bytes], num_characters: int, with_timings: bool
) -> AsyncIterator[bytes]:
    """Server-sent events as OpenAI's API has them, and those of the words."""

    def event(**values: Any) -> bytes:
        return b"data: " + json.dumps(values, ensure_ascii=False).encode() + b"\n\n"

    told = 0
    async for chunk in chunks:
        words = speaking.timings.words
        if with_timings and len(words) > told:
            rate = speaking.sample_rate
            new = [{"label": w.label, "start": w.start / rate, "end": w.end / rate} for w in words[told:]]
            told = len(words)
            yield event(type="speech.timings", words=new)
        if chunk:
            yield event(type="speech.audio.delta", audio=base64.b64encode(chunk).decode())
    tokens = len(speaking.timings.jamo)
    usage = {"input_tokens": num_characters, "output_tokens": tokens, "total_tokens": num_characters + tokens}
    yield event(type="speech.audio.done", usage=usage)


def _add_facts(app: FastAPI, server: Server) -> None:
    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """Models, as OpenAI's API lists them."""
        return {
            "object": "list",
            "data": [{"id": name, "object": "model", "created": 0, "owned_by": "espnet2_nix"} for name in MODELS],
        }

    @app.get("/v1/audio/models")
    async def audio_models() -> dict[str, Any]:
        """The same for clients that look for models of speech alone."""
        return {"models": [{"id": name, "name": name} for name in MODELS]}

    @app.get("/v1/audio/voices")
    async def voices() -> dict[str, Any]:
        """Voices by name, the default first."""
        return {"voices": [{"id": name, "name": name, "language": "ko"} for name in server.voices.names]}

    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        """Whether the server can speak."""
        if not server.voices.names:
            raise ApiError(503, "the server has no voice")
        return {"status": "ok", "voices": len(server.voices.names), "version": __version__}

    @app.get("/metrics")
    async def metrics() -> Response:
        """Counts and times, as Prometheus reads them."""
        return Response(generate_latest(server.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers=SECURITY_HEADERS)

    app.mount("/page", StaticFiles(directory=PAGE), name="page")
