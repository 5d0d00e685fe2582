"""Faults as problem+json (RFC 9457): what went wrong, whose turn it is, and never anything of our inside.

A route raises an error of the house (`core.errors`) or a `Problem`; everything else becomes one here.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import openai_errors
from core.errors import BadConfiguration, BadInput, IllegalTransition, NightshiftError, NotFound, Refused, Unavailable
from core.plain_text import storable
from store.ids import new_id

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
FAULTS_SHOWN_MAX = 20
STATUS_TITLES = {
    400: "Not readable",
    401: "No valid key",
    403: "Not allowed",
    404: "Not found",
    405: "Wrong method",
    408: "Too slow",
    409: "Moved on meanwhile",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Wrong form",
    422: "Not usable",
    429: "Too many tries",
    500: "Our fault",
    503: "Not available now",
}
_STATUS_OF: tuple[tuple[type[NightshiftError], int], ...] = (
    (BadConfiguration, 500),
    (BadInput, 422),
    (NotFound, 404),
    (Refused, 403),
    (IllegalTransition, 409),
    (Unavailable, 503),
)

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An answer other than 2xx; `more` are extra members such as `reason` or `errors`."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more = status, detail, more
        self.headers = dict(headers or {})
        if status == 503:
            self.headers.setdefault("Retry-After", str(RETRY_AFTER_S))

    def response(self, path: str = "") -> Response:
        """The answer itself; on a path of OpenAI's clients in the form that they read."""
        if path.startswith(openai_errors.PATHS):
            status = openai_errors.status_of(self.status)
            return JSONResponse(openai_errors.of_problem(status, self.detail, self.more), status, self.headers)
        body = {
            "type": "about:blank",
            "title": STATUS_TITLES.get(self.status, "Problem"),
            "status": self.status,
            "detail": storable(self.detail),
            **self.more,
        }
        return JSONResponse(body, self.status, self.headers, MEDIA_TYPE)


def problem_of(error: Exception) -> Problem | None:
    """The problem that an expected error is; None for one that nobody expected."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NightshiftError):
        return _of_house(error)
    if isinstance(error, RequestValidationError):
        return _of_validation(error)
    if isinstance(error, HTTPException):
        return Problem(error.status_code, str(error.detail), headers=error.headers)
    if isinstance(error, psycopg.DataError | UnicodeEncodeError):
        # A NUL, a lone surrogate or a number out of range that got as far as the database: the sender's, not ours.
        return Problem(
            400, "A value in the request cannot be stored: a NUL, a broken character or a number out of range."
        )
    return None


def unexpected(error: Exception, path: str) -> Problem:
    """Log what nobody expected under an id, and tell the caller the id only."""
    error_id = str(new_id())
    log.error("unexpected_error", error_id=error_id, path=path, exc_info=error)
    return Problem(500, f"Something broke inside Nightshift. The log has it under {error_id}.", id=error_id)


class UnexpectedErrors:
    """Middleware: turn what no handler caught into a 500 problem, unless the answer has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the inner application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if has_begun:
                raise
            problem = problem_of(error) or unexpected(error, scope["path"])
            await problem.response(scope["path"])(scope, receive, send)


def install(app: FastAPI) -> None:
    """Answer every fault of this application as problem+json."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = problem_of(error) or unexpected(error, request.url.path)
        if problem.status == 405:
            taken = sorted(methods_at(request))
            problem.headers["Allow"] = ", ".join(taken)
            problem.detail = f"{request.method} is not possible here; this address takes {' and '.join(taken)}."
        return problem.response(request.url.path)

    for kind in (
        Problem,
        NightshiftError,
        RequestValidationError,
        HTTPException,
        psycopg.DataError,
        UnicodeEncodeError,
    ):
        app.add_exception_handler(kind, answer)
    app.add_middleware(UnexpectedErrors)


def methods_at(request: Request) -> set[str]:
    """What the address of a request takes, over all its routes (`app.state.doors`); the framework names one of them."""
    found = [(path, methods) for path, methods in request.app.state.doors if path.match(request.url.path)]
    return {method for path, methods in found for method in methods if path == found[0][0]}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route, for OpenAPI."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {s: {"description": STATUS_TITLES[s], "content": {MEDIA_TYPE: {"schema": schema}}} for s in statuses}


PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457. Further members, such as `reason` or `errors`, depend on the problem.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "string"}},
        "id": {"type": "string"},
    },
}


def _of_house(error: NightshiftError) -> Problem:
    status = next((code for kind, code in _STATUS_OF if isinstance(error, kind)), 500)
    reason = getattr(error, "reason", "")
    more: dict[str, Any] = {"reason": reason} if reason else {}
    return Problem(status, error.detail, **more)


def _of_validation(error: RequestValidationError) -> Problem:
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return Problem(400, "The body is not JSON.")
    # Where and what, never the input itself: it may be secret, huge, or not encodable.
    lines = [storable(f"{'.'.join(str(p) for p in f['loc'])}: {f['msg']}")[:300] for f in faults[:FAULTS_SHOWN_MAX]]
    return Problem(422, "The request does not have the form that this route needs.", errors=lines)
