"""GitHub: deployments that ended, published releases, and pushes to the default branch, as changes."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest.changes import ParsedChanges, environment_of, parse
from ingest.draft import inner, object_of, text_of
from ingest.signature import SignatureFault, body_fault

SIGNATURE_HEADER = "x-hub-signature-256"
EVENT_HEADER = "x-github-event"
SCHEME = "sha256="
COMMIT_DIGITS = 12
_KINDS = {"success": "deploy", "failure": "deploy_failed", "error": "deploy_failed"}
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def signature_fault(
    settings: Mapping[str, Any], headers: Mapping[str, str], body: bytes, now: datetime
) -> SignatureFault | None:
    """Over the body, behind the name of the scheme."""
    given = headers.get(SIGNATURE_HEADER, "")
    if given and not given.startswith(SCHEME):
        return SignatureFault.FORGED
    return body_fault(str(settings["secret"]), given.removeprefix(SCHEME), body)


def parse_event(body: Any, source: str, now: datetime, event: str, settings: Mapping[str, Any]) -> ParsedChanges:
    """The change in a delivery of the event in the header; most events are none."""
    given = object_of(body, "The body")
    forms = {"deployment_status": _deployment, "release": _release, "push": _push}
    change = forms[event](given, settings) if event in forms else None
    if change is None:
        return ParsedChanges()
    change["service"] = text_of(settings.get("service")) or text_of(inner(given, "repository", "name"))
    return parse([change], source, now)


def _deployment(given: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any] | None:
    status, deployment = given.get("deployment_status"), given.get("deployment")
    state = text_of(inner(status, "state"))
    if state not in _KINDS:
        return None  # queued, in progress, inactive: nothing has changed yet, or any more
    named = text_of(inner(deployment, "environment")) or text_of(inner(status, "environment"))
    version = _version(deployment, text_of(inner(given, "repository", "default_branch")))
    return {
        "id": f"deployment/{text_of(inner(deployment, 'id'))}/{state}",
        "kind": _KINDS[state],
        "environment": environment_of(named, settings),
        "version": version,
        "summary": text_of(inner(deployment, "description")) or text_of(inner(status, "description")) or None,
        "by": text_of(inner(deployment, "creator", "login")),
        "at": inner(status, "created_at"),
    }


def _version(deployment: Any, default_branch: str) -> str:
    """A tag as it is; a branch or a commit as the commit, since a branch names no version."""
    ref, commit = text_of(inner(deployment, "ref")), text_of(inner(deployment, "sha"))
    is_moving = ref in (default_branch, "") or "/" in ref or _COMMIT.fullmatch(ref)
    return (commit or ref)[:COMMIT_DIGITS] if is_moving else ref


def _release(given: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any] | None:
    if given.get("action") != "published":
        return None
    release = given.get("release")
    return {
        "id": f"release/{text_of(inner(release, 'id'))}",
        "kind": "release",
        "environment": environment_of("", settings),
        "version": text_of(inner(release, "tag_name")),
        "summary": text_of(inner(release, "name")) or None,
        "by": text_of(inner(release, "author", "login")),
        "at": inner(release, "published_at"),
    }


def _push(given: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any] | None:
    branch = text_of(inner(given, "repository", "default_branch"))
    if not branch or given.get("ref") != f"refs/heads/{branch}" or given.get("deleted") is True:
        return None
    commit, head = text_of(given.get("after")), given.get("head_commit")
    return {
        "id": f"push/{commit}",
        "kind": "push",
        "environment": environment_of("", settings),
        "version": commit[:COMMIT_DIGITS],
        "previous_version": text_of(given.get("before"))[:COMMIT_DIGITS],
        "summary": text_of(inner(head, "message")).partition("\n")[0] or None,
        "by": text_of(inner(given, "pusher", "name")),
        "at": inner(head, "timestamp"),
    }
