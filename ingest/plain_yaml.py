"""YAML as people write it by hand: words stay words, nothing twice, no anchors; a fault is told with file and line."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from core.errors import BadConfiguration

FILE_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 50
Read = TypeVar("Read")


class _Loader(yaml.SafeLoader):
    """Plain words as in YAML 1.2: `off` is a word, `18:00` is no number of minutes, and a day is no object."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML reads it from the class


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"({_pattern})\Z"), list(_first))


def load_file(path: Path, read: Callable[[Any, str], Read]) -> tuple[Any, Read]:
    """The body of a file and what `read(body, place)` makes of it.

    Raises BadConfiguration as `FILE:LINE: place: what is wrong and what is allowed`.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BadConfiguration(f"{path}: larger than {FILE_BYTES_MAX // 1024} KiB")
        text = path.read_text("utf-8")
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}: is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    return load_text(text, str(path), read)


def load_text(text: str, place: str, read: Callable[[Any, str], Read]) -> tuple[Any, Read]:
    """The same for a text that was read already."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise BadConfiguration(f"{place}: the file is empty")
        _check(root, place, set(), 0)
        body = loader.construct_document(root)
    except yaml.YAMLError as error:
        raise BadConfiguration(f"{_where(place, error)}: not valid YAML: {_said(error)}") from error
    except RecursionError:
        raise BadConfiguration(f"{place}: nested more than {DEPTH_MAX} levels deep") from None
    finally:
        loader.dispose()
    try:
        return body, read(body, place)
    except BadConfiguration as error:
        raise BadConfiguration(_located(error.detail, place, root)) from error


def _check(node: yaml.Node, place: str, seen: set[int], depth: int) -> None:
    """Raise BadConfiguration for a key that is there twice, an alias, or too deep a nesting."""
    here = f"{place}:{node.start_mark.line + 1}"
    if id(node) in seen:
        raise BadConfiguration(f"{place}: an anchor (&) is used again (*): write it out instead")
    if depth > DEPTH_MAX:
        raise BadConfiguration(f"{here}: nested more than {DEPTH_MAX} levels deep")
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check(item, place, seen, depth + 1)
    elif isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise BadConfiguration(f"{place}:{line}: a key has to be a plain word")
            if key.value in names:
                raise BadConfiguration(f"{place}:{line}: {key.value!r} is there twice: keep one of the two")
            names.add(key.value)
            _check(value, place, seen, depth + 1)


_PATH = re.compile(r"((?:\.[^\s.:\[\]]+|\[\d+\])*): (.*)", re.DOTALL)
_STEP = re.compile(r"\.([^\s.:\[\]]+)|\[(\d+)\]")
_KEY = re.compile(r"unknown key '([^']*)'")


def _located(detail: str, place: str, root: yaml.Node) -> str:
    """`FILE.a.b[0]: what` as `FILE:LINE: a.b[0]: what`."""
    found = _PATH.fullmatch(detail.removeprefix(place)) if detail.startswith(place) else None
    if found is None:
        return detail
    path, said = found.groups()
    node, line = root, root.start_mark.line + 1
    steps = [name or int(number) for name, number in _STEP.findall(path)]
    if unknown := _KEY.match(said):
        steps.append(unknown[1])
    for step in steps:
        below = _step(node, step)
        if below is None:
            break
        node, line = below
    return f"{place}:{line}: {path.lstrip('.')}{': ' if path else ''}{said}"


def _step(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    """One step down, and the line where that stands."""
    if isinstance(step, int):
        items = node.value if isinstance(node, yaml.SequenceNode) else []
        return (items[step], items[step].start_mark.line + 1) if step < len(items) else None
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next(((value, key.start_mark.line + 1) for key, value in pairs if key.value == step), None)


def _where(place: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{place}:{mark.line + 1}" if mark is not None else place


def _said(error: yaml.YAMLError) -> str:
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    return " ".join(" ".join(filter(None, parts)).split()) or " ".join(str(error).split())
