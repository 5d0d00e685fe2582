"""Reading operator files: plain data into frozen dataclasses, with every fault named at its place."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from core.errors import BadConfiguration

# Durations and counts: a field whose name ends so is never negative.
NEVER_NEGATIVE = ("_s", "_max", "approvers")


def read_form(kind: type, data: Any, place: str) -> Any:
    """Build `kind`, a frozen dataclass, from a mapping. Raises BadConfiguration: place, fault, what is allowed."""
    if not isinstance(data, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping, got {type(data).__name__}")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(map(str, data)) - set(fields))
    if unknown:
        raise BadConfiguration(f"{place}: unknown key {unknown[0]!r}; known keys: {', '.join(fields)}")
    hints = _hints(kind)
    values = {
        str(name): _number(str(name), _value(hints[str(name)], value, f"{place}.{name}"), place)
        for name, value in data.items()
    }
    missing = [
        name
        for name, f in fields.items()
        if name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise BadConfiguration(f"{place}: {missing[0]!r} is missing")
    return kind(**values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Read once a form: resolving them costs more than all the rest."""
    return get_type_hints(kind)


def _number(name: str, value: Any, place: str) -> Any:
    if isinstance(value, int | float) and value < 0 and name.endswith(NEVER_NEGATIVE):
        raise BadConfiguration(f"{place}.{name}: {value!r} is less than 0, which is the least that is allowed")
    return value


def _value(hint: Any, value: Any, place: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _optional(hint, value, place)
    if origin in (tuple, frozenset):
        if not isinstance(value, list):
            raise BadConfiguration(f"{place}: expected a list")
        return origin(_value(get_args(hint)[0], item, f"{place}[{n}]") for n, item in enumerate(value))
    if origin is not None and issubclass(typing.cast(type, origin), Mapping):
        if not isinstance(value, Mapping):
            raise BadConfiguration(f"{place}: expected a mapping")
        return {str(key): _value(get_args(hint)[1], item, f"{place}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return read_form(typing.cast(type, hint), value, place)
    return _scalar(hint, value, place)


def _optional(hint: Any, value: Any, place: str) -> Any:
    if value is None:
        return None
    return _value(next(arm for arm in get_args(hint) if arm is not type(None)), value, place)


def _scalar(hint: Any, value: Any, place: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError:
            allowed = ", ".join(str(member.value) for member in hint)
            raise BadConfiguration(f"{place}: {value!r} is not one of: {allowed}") from None
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(value, place)
    if hint in (str, int, float, bool) and type(value) is hint:
        return value
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadConfiguration(f"{place}: expected {getattr(hint, '__name__', hint)}, got {value!r}")


def _finite(value: float, place: str) -> float:
    try:
        number = float(value)
    except OverflowError:  # a whole number of more than 300 digits
        number = math.inf
    if not math.isfinite(number):
        raise BadConfiguration(f"{place}: expected a finite number")
    return number
