"""An answer that is sent while it is made, and that ends with its client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from espnet2_nix.server.errors import ApiError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def while_client_waits(receive: Receive, work: Coroutine[Any, Any, Result], deadline: float) -> Result:
    """Runs something as long as the client is there and its time is not over.

    Args:
        receive: Of the request, whose body has been read.
        work: What to run; it is cancelled at once when the client goes.
        deadline: In the event loop's time.

    Raises:
        ClientGone: If the client went away.
        ApiError: 504 if the time is over.
    """
    working, watching = asyncio.create_task(work), asyncio.create_task(_gone(receive))
    try:
        async with asyncio.timeout_at(deadline):
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        raise ApiError(504, "the answer was not ready in time; send a shorter text", code="timeout") from None
    finally:
        unfinished = [task for task in (working, watching) if not task.done()]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
    if not working.done() or working.cancelled():
        raise ClientGone
    return working.result()


class StreamedResponse(Response):
    """Sends chunks as they come.

    Args:
        chunks: The body.
        media_type: Of it.
        resources: Closed when the answer has ended, however it ended.
        deadline: In the event loop's time; what is not sent by then is cut off.
    """

    def __init__(
        self, chunks: AsyncIterator[bytes], media_type: str, resources: AsyncExitStack, deadline: float
    ) -> None:
        self.status_code, self.media_type, self.background = 200, media_type, None
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._chunks, self._resources, self._deadline = chunks, resources, deadline

    def render(self, content: Any) -> bytes:
        return b""

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self._chunks:
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_client_waits(receive, self._send_all(send), self._deadline)
        except ClientGone:
            logger.debug("%s: the client went away", scope["path"])
        except (
            ApiError
        ) as error:  # too late for another status: the connection is cut, and the client sees half an answer
            logger.warning("%s: cut off: %s", scope["path"], error.message)
        finally:
            await self._resources.aclose()


def deadline_after(seconds: float) -> float:
    """That many seconds from now, in the event loop's time."""
    return asyncio.get_running_loop().time() + seconds
