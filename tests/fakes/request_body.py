"""Arguments of a request in every form that the clients of both platforms send: query, form, multipart, JSON."""

import json
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Upload:
    """A file that came with the request."""

    name: str
    content: bytes


class NotUtf8(ValueError):
    """A text is not UTF-8."""


class NotJson(ValueError):
    """The body says that it is JSON and is none."""


def arguments_of(query: str, content_type: str, body: bytes) -> dict[str, Any]:
    """Every argument by name; texts as they came, JSON already read."""
    given: dict[str, Any] = dict(_pairs(query))
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            read = json.loads(body or b"{}")
        except ValueError as error:
            raise NotJson from error
        if not isinstance(read, dict):
            raise NotJson
        given |= read
    elif kind == "multipart/form-data":
        given |= _parts(content_type, body)
    elif body:
        given |= dict(_pairs(_text(body)))
    return given


def _pairs(encoded: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(encoded, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise NotUtf8 from error


def _parts(content_type: str, body: bytes) -> dict[str, Any]:
    message: Any = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    given: dict[str, Any] = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        file_name = part.get_filename()
        given[name] = _text(content) if file_name is None else Upload(file_name, content)
    return given


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NotUtf8 from error
