"""Faults as OpenAI's clients read them, on every path of theirs."""

from collections.abc import Mapping
from typing import Any

from core.plain_text import storable

PATHS = "/v1/"
TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
ERROR_SCHEMA = {
    "title": "OpenAIError",
    "description": "A fault in the form of OpenAI's API.",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def error_body(status: int, message: str, *, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """A fault; `code` is our enumerated reason."""
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def of_problem(status: int, detail: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """One of our problems in their form; which members were wrong goes into the message."""
    faults = "; ".join(map(str, more.get("errors") or ()))
    words = f"{detail} ({faults})" if faults else detail
    return error_body(status, storable(words), code=str(more.get("reason") or "") or None)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The faults of a route, for OpenAPI."""
    schema = {"$ref": "#/components/schemas/OpenAIError"}
    content = {"application/json": {"schema": schema}}
    return {status: {"description": ERROR_SCHEMA["description"], "content": content} for status in statuses}


def status_of(status: int) -> int:
    """Their status for one of ours: a request that cannot be used is 400 with them."""
    return 400 if status == 422 else status
