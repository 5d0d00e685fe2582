"""Playbook files: YAML in, validated `Playbook` values out. The shipped set lies in `playbooks/`."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from core.errors import BadConfiguration
from core.playbook_form import read_playbook


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
