"""Argo CD: a synchronisation that ended, as a change; in our template's form, or the whole application as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest.changes import ParsedChanges, environment_of, parse
from ingest.draft import inner, object_of, text_of

COMMIT_DIGITS = 12
_KINDS = {"succeeded": "deploy", "failed": "deploy_failed", "error": "deploy_failed"}
_NOTHING = ("", "<no value>", "<nil>", "null")  # what Go's templates write for a field that is not there


def parse_event(body: Any, source: str, now: datetime, settings: Mapping[str, Any]) -> ParsedChanges:
    """The change in a notification; none while the synchronisation still runs."""
    given = object_of(body, "The body")
    app = given.get("app")
    said = _of_application(app) if isinstance(app, dict) else given
    fields = {name: "" if text_of(value).strip() in _NOTHING else text_of(value) for name, value in said.items()}
    kind = _KINDS.get(fields.get("phase", "").lower())
    if kind is None:
        return ParsedChanges()
    application, revision = fields.get("application", ""), fields.get("revision", "")
    ended = fields.get("finished_at", "")
    change = {
        "id": f"{application}/{revision}/{ended}" if application and revision else "",
        "kind": kind,
        "environment": environment_of(fields.get("environment") or fields.get("namespace", ""), settings),
        "service": text_of(settings.get("service")) or fields.get("service") or application,
        "version": fields.get("version") or revision[:COMMIT_DIGITS],
        "previous_version": fields.get("previous_revision", "")[:COMMIT_DIGITS],
        "summary": fields.get("message") or None,
        "by": fields.get("by", ""),
        "at": ended or None,
    }
    return parse([change], source, now)


def _of_application(app: dict[str, Any]) -> dict[str, Any]:
    state, history = inner(app, "status", "operationState"), inner(app, "status", "history")
    before = history[-2] if isinstance(history, list) and len(history) > 1 else None
    return {
        "application": inner(app, "metadata", "name"),
        "namespace": inner(app, "spec", "destination", "namespace"),
        "revision": inner(state, "syncResult", "revision") or inner(app, "status", "sync", "revision"),
        "previous_revision": inner(before, "revision"),
        "phase": inner(state, "phase"),
        "message": inner(state, "message"),
        "finished_at": inner(state, "finishedAt"),
        "by": inner(state, "operation", "initiatedBy", "username"),
    }
