"""Refusals in the form that OpenAI's API gives them."""

from __future__ import annotations

import logging
import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer that is a refusal.

    Args:
        status: HTTP status.
        message: What was expected and what was found; no path of the server.
        param: Field of the request that it is about.
        code: OpenAI's name of the error.
        retry_after: Seconds after which to try again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code, self.retry_after = status, message, param, code, retry_after

    def response(self) -> JSONResponse:
        """The answer."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(math.ceil(self.retry_after))
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return JSONResponse({"error": error}, self.status, headers)


def quoted(value: str) -> str:
    """What a client sent, short and printable, for a message."""
    return ascii(value[:40]) if not value[:40].isprintable() else repr(value[:40])


def install_error_handlers(app: FastAPI) -> None:
    """Every refusal of an app takes that form, also those of the framework."""

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"] if part != "body"]
        if first["type"] == "json_invalid":
            return ApiError(400, "expected a JSON object as the body, found something that is no JSON").response()
        # What was sent is not repeated: it may be long, or not be Unicode.
        param = place[0] if place else None
        return ApiError(400, f"{param or 'body'}: {first['msg']}", param).response()

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        messages = {404: "no such address", 405: "this address knows another method"}
        response = ApiError(error.status_code, messages.get(error.status_code, str(error.detail))).response()
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def any_error(request: Request, error: Exception) -> JSONResponse:
        logger.error("%s %s", request.method, request.scope.get("path"), exc_info=error)
        return ApiError(500, "the server failed; its log says why").response()
