"""Change events: a deployment, rollback, restart or configuration change, told by whoever made it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.plain_text import cut, storable
from core.resource import UNKNOWN
from ingest.draft import time_of
from ingest.parsed import ALERTS_MAX, Flag, Rejected, RejectReason, Unusable

NEEDED = ("id", "kind", "environment", "service")
OPTIONAL = ("version", "previous_version", "by", "summary")
VERSIONED_KINDS = ("deploy", "rollback")
CHARS_MAX = {"summary": 1000}
FIELD_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class ParsedChanges:
    """Values for `store.changes.insert`, and what could not be used."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def parse(body: Any, source: str, now: datetime) -> ParsedChanges:
    """An object, an array, or an object with `changes`. Raises Unusable where it is none of these."""
    items = body.get("changes", [body]) if isinstance(body, dict) else body
    if not isinstance(items, list):
        raise Unusable(RejectReason.WRONG_SHAPE, "The body must be a change, an array, or an object with `changes`.")
    if len(items) > ALERTS_MAX:
        raise Unusable(RejectReason.TOO_MANY, f"One body has at most {ALERTS_MAX} changes; send smaller batches.")
    parsed = ParsedChanges()
    for item in items:
        try:
            parsed.changes.append(_change(item, source, now))
        except Unusable as error:
            parsed.rejected.append(error.rejected(item))
    return parsed


def environment_of(named: str, settings: Mapping[str, Any]) -> str:
    """The environment as alerts name it: by the source's own table, else as the sender says, else its fixed one."""
    table = settings.get("environments")
    if isinstance(table, Mapping) and isinstance(known := table.get(named), str):
        return known
    return named or str(settings.get("environment") or UNKNOWN)


def _change(item: Any, source: str, now: datetime) -> dict[str, Any]:
    if type(item) is not dict:
        raise Unusable(RejectReason.NOT_AN_OBJECT, f"A change must be an object, not {type(item).__name__}.")
    texts = {name: _text(item, name) for name in NEEDED + OPTIONAL}
    needed = NEEDED + (("version",) if texts["kind"].lower() in VERSIONED_KINDS else ())
    if missing := [name for name in needed if not texts[name]]:
        raise Unusable(RejectReason.FIELD_MISSING, f"A change needs {', '.join(f'`{name}`' for name in missing)}.")
    faults: set[Flag] = set()
    at = time_of(item.get("at"), faults) or now
    if Flag.TIME_GUESSED in faults:
        raise Unusable(RejectReason.FIELD_UNUSABLE, "`at` must be a time such as 2026-01-31T12:00:00Z, or left out.")
    kind = texts["kind"].lower()
    moved = f" {texts['previous_version']} -> {texts['version']}" if texts["version"] else ""
    return {
        "source": source,
        "external_id": texts["id"],
        "kind": kind,
        "environment": texts["environment"],
        "service": texts["service"],
        "version": texts["version"],
        "previous_version": texts["previous_version"],
        "summary": texts["summary"] or f"{kind} of {texts['service']}{moved}",
        "author": texts["by"],
        "at": at,
    }


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise Unusable(RejectReason.FIELD_UNUSABLE, f"`{name}` must be a text, not {type(value).__name__}.")
    return cut(storable(value).strip(), CHARS_MAX.get(name, FIELD_CHARS_MAX))
