"""Playbook files: YAML in, validated `Playbook` values out. The shipped set lies in `playbooks/`."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from core.errors import BadConfiguration
from core.playbook import PARAMETER_VALUE, Playbook
from ingest.form import read_form


def read_playbook(body: Mapping[str, Any], version: int, place: str = "playbook") -> Playbook:
    """A `Playbook` from its stored body."""
    if not isinstance(body, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping at the top")
    lists = {key: list(value) for key, value in body.items() if isinstance(value, tuple | frozenset)}
    book: Playbook = read_form(Playbook, {**body, **lists, "version": version}, place)
    if not PARAMETER_VALUE.fullmatch(book.id):
        raise BadConfiguration(f"{place}.id: use letters, digits, dot, dash")
    if book.acts and book.tier not in (1, 2, 3):
        raise BadConfiguration(f"{place}.tier: an action has tier 1 (restart), 2 (capacity) or 3 (change)")
    return book


def load_playbook_files(folder: Path) -> list[dict[str, Any]]:
    """The bodies of all *.yaml files of a folder, checked; a fault names its file."""
    if not folder.is_dir():
        raise BadConfiguration(f"{folder}: no such folder of playbooks")
    return [_load(path.read_text("utf-8"), str(path)) for path in sorted(folder.glob("*.yaml"))]


def shipped_playbooks() -> list[dict[str, Any]]:
    """The set that comes with Nightshift."""
    folder = resources.files("ingest").joinpath("playbooks")
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda e: e.name)
    return [_load(entry.read_text("utf-8"), entry.name) for entry in files]


def _load(text: str, place: str) -> dict[str, Any]:
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadConfiguration(f"{place}: not valid YAML: {' '.join(str(error).split())}") from error
    read_playbook(body, 1, place)
    return dict(body)
