"""Playbook files: YAML in, checked bodies out; a bad file is told and costs nothing else. Ours are in `playbooks/`."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from core.errors import BadConfiguration
from core.playbook import Playbook
from core.playbook_form import read_playbook
from ingest.plain_yaml import load_file, load_text

SUFFIXES = (".yaml", ".yml")
FILES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder holds: the good bodies with their files, and for every bad file one sentence with file and line."""

    bodies: tuple[dict[str, Any], ...]
    faults: tuple[str, ...]


def load_playbook_file(path: Path) -> dict[str, Any]:
    """The body of one file. Raises BadConfiguration with file, line, what is wrong and what is allowed."""
    body, _ = load_file(path, _read)
    return dict(body)


def load_playbook_files(folder: Path) -> Folder:
    """Every *.yaml and *.yml of a folder, by name. Raises BadConfiguration for what is no folder."""
    if not folder.is_dir():
        raise BadConfiguration(f"{folder}: no such folder of playbooks")
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    if len(files) > FILES_MAX:
        raise BadConfiguration(f"{folder}: more than {FILES_MAX} files; is this the right folder?")
    bodies: dict[str, dict[str, Any]] = {}
    faults = []
    for path in files:
        try:
            body = load_playbook_file(path)
        except BadConfiguration as error:
            faults.append(error.detail)
            continue
        if body["id"] in bodies:
            faults.append(f"{path}: the id {body['id']!r} is taken by another file of this folder: give it its own")
            continue
        bodies[body["id"]] = body
    return Folder(tuple(bodies.values()), tuple(faults))


def shipped_playbooks() -> list[dict[str, Any]]:
    """The set that comes with Nightshift."""
    folder = resources.files("ingest").joinpath("playbooks")
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda e: e.name)
    return [dict(load_text(entry.read_text("utf-8"), entry.name, _read)[0]) for entry in files]


def _read(body: Any, place: str) -> Playbook:
    return read_playbook(body, 1, place)
