"""GitLab: deployments that ended, as changes; the sender proves itself by a token in a header."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest.changes import ParsedChanges, environment_of, parse
from ingest.draft import inner, object_of, text_of
from ingest.signature import SignatureFault, same

TOKEN_HEADER = "x-gitlab-token"  # noqa: S105 - the name of a header
_KINDS = {"success": "deploy", "failed": "deploy_failed"}


def signature_fault(
    settings: Mapping[str, Any], headers: Mapping[str, str], body: bytes, now: datetime
) -> SignatureFault | None:
    """GitLab signs nothing: the token itself is compared."""
    given = headers.get(TOKEN_HEADER, "")
    if not given:
        return SignatureFault.MISSING
    return None if same(given, str(settings["secret"])) else SignatureFault.FORGED


def parse_event(body: Any, source: str, now: datetime, settings: Mapping[str, Any]) -> ParsedChanges:
    """The change in a delivery; whatever is no deployment that ended is none."""
    given = object_of(body, "The body")
    status = text_of(given.get("status"))
    if given.get("object_kind") != "deployment" or status not in _KINDS:
        return ParsedChanges()
    ref, commit = text_of(given.get("ref")), text_of(given.get("short_sha"))
    branch = text_of(inner(given, "project", "default_branch"))
    change = {
        "id": f"deployment/{text_of(given.get('deployment_id'))}/{status}",
        "kind": _KINDS[status],
        "environment": environment_of(text_of(given.get("environment")), settings),
        "service": text_of(settings.get("service")) or text_of(inner(given, "project", "name")),
        "version": commit if ref in (branch, "") or "/" in ref else ref,
        "summary": text_of(given.get("commit_title")) or None,
        "by": text_of(inner(given, "user", "username")) or text_of(inner(given, "user", "name")),
        "at": given.get("status_changed_at"),
    }
    return parse([change], source, now)
