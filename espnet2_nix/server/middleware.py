"""What stands before every address: a bound on the body, the token, counts."""

from __future__ import annotations

import asyncio
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from espnet2_nix.server.errors import ApiError
from espnet2_nix.server.metrics import Metrics

OPEN_PATHS = ("/", "/healthz", "/openapi.json")


class BodyLimit:
    """Reads a request's body before the app sees it, at most so many bytes in at most so many seconds."""

    def __init__(self, app: ASGIApp, max_body: int, max_seconds: float) -> None:
        self.app, self.max_body, self.max_seconds = app, max_body, max_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.max_seconds):
                body = await self._read(scope, receive)
        except ApiError as error:
            await error.response()(scope, receive, send)
            return
        except TimeoutError:
            await ApiError(408, f"the body did not come within {self.max_seconds:g} s").response()(scope, receive, send)
            return
        if body is None:  # the client is gone
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self.app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        refusal = ApiError(413, f"expected a body of at most {self.max_body} bytes")
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared[:20]) > self.max_body:
            raise refusal
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self.max_body:
                raise refusal
            if not message.get("more_body"):
                return bytes(body)


class BearerToken:
    """Asks for a token everywhere but at the page, its files and the health check."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] != "OPTIONS" and not self._is_open(scope["path"]):
            given = dict(scope["headers"]).get(b"authorization", b"")
            kind, _, value = given.partition(b" ")
            # In constant time: how long the comparison takes must not tell how much of it was right.
            if not (secrets.compare_digest(value.strip(), self.token) and kind.lower() == b"bearer"):
                error = ApiError(401, "expected the header Authorization: Bearer TOKEN", code="invalid_api_key")
                await error.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    @staticmethod
    def _is_open(path: str) -> bool:
        return path in OPEN_PATHS or path.startswith("/page/")


class Counter:
    """Counts requests by address and status, and measures them."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 499  # as nginx counts a client that went away

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begin = time.perf_counter()
        try:
            await self.app(scope, receive, watch)
        finally:
            route = scope.get("route")  # a path as the client wrote it would make as many counters as there are paths
            path = getattr(route, "path", None) or "other"
            self.metrics.requests.labels(path, str(status)).inc()
            self.metrics.request_seconds.labels(path).observe(time.perf_counter() - begin)
