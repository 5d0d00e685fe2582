"""JSON Schema (2020-12) of a form: made from the same dataclass that reads it, so that the two cannot drift apart."""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from core.form import NEVER_NEGATIVE

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Words = Mapping[str, str]
Limits = Mapping[str, Mapping[str, Any]]


def schema_of(kind: type, title: str, words: Words, limits: Limits, *, without: frozenset[str] = frozenset()) -> Any:
    """The schema of a form. `words` describe and `limits` narrow `Form.field`; fields in `without` are not written."""
    return {"$schema": DRAFT, "title": title, **_form(kind, words, limits, without)}


def fields_of(kind: type) -> Iterator[str]:
    """`Form.field` of a form and of all forms in it."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        yield f"{kind.__name__}.{field.name}"
        for inner in _forms_in(hints[field.name]):
            yield from fields_of(inner)


def _forms_in(hint: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(hint):
        yield typing.cast(type, hint)
    for arm in get_args(hint):
        yield from _forms_in(arm)


def _form(kind: type, words: Words, limits: Limits, without: frozenset[str]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    written = [field for field in dataclasses.fields(kind) if field.name not in without]
    required = [
        field.name
        for field in written
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    properties = {}
    for field in written:
        name = f"{kind.__name__}.{field.name}"
        least = {"minimum": 0} if field.name.endswith(NEVER_NEGATIVE) else {}
        described = {"description": words[name]} if name in words else {}
        properties[field.name] = {
            **_value(hints[field.name], words, limits), **least, **limits.get(name, {}), **described, **_default(field)
        }  # fmt: skip
    body = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**body, **({"required": required} if required else {}), **limits.get(kind.__name__, {})}


def _value(hint: Any, words: Words, limits: Limits) -> dict[str, Any]:
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        one = _value(next(arm for arm in arms if arm is not type(None)), words, limits)
        return {**one, "type": [one["type"], "null"]}
    if origin in (tuple, frozenset):
        return {"type": "array", "items": _value(arms[0], words, limits)}
    if origin is not None:
        return {"type": "object", "additionalProperties": _value(arms[1], words, limits)}
    if dataclasses.is_dataclass(hint):
        return _form(typing.cast(type, hint), words, limits, frozenset())
    if issubclass(hint, Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[hint]}


def _default(field: "dataclasses.Field[Any]") -> dict[str, Any]:
    value = field.default
    if value is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    if value is dataclasses.MISSING or value is None:
        return {}
    plain = _plain(value)
    return {} if plain in ("", [], {}) else {"default": plain}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, frozenset):
        return sorted(map(_plain, value))
    return list(map(_plain, value)) if isinstance(value, tuple) else value
