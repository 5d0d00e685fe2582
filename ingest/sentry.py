"""Sentry: issue alerts, issues, metric alerts, and the older plugin without a signature."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.alert import AlertStatus
from ingest.draft import Draft, inner, object_of, parse_drafts, text_of, time_of
from ingest.parsed import Flag, Parsed, RejectReason, Unusable
from ingest.signature import SignatureFault, body_fault

SIGNATURE_HEADER = "sentry-hook-signature"
RESOURCE_HEADER = "sentry-hook-resource"
REQUEST_HEADER = "request-id"
ISSUE_LABEL = "sentry_issue"  # by it the diagnosis finds its way back
_CLOSING = ("resolved", "archived", "ignored")
_OPENING = ("created", "unresolved")
_LEVELS = {"fatal": "critical", "error": "error", "warning": "warning", "info": "info", "debug": "info"}
_PROJECT = re.compile(r"/projects/[^/]+/([^/]+)/")
_FIRING = AlertStatus.FIRING


def signature_fault(
    settings: Mapping[str, Any], headers: Mapping[str, str], body: bytes, now: datetime
) -> SignatureFault | None:
    """Over the bytes as they came. The time in the headers is not signed, so it proves nothing and is not looked at."""
    return body_fault(str(settings["secret"]), headers.get(SIGNATURE_HEADER, ""), body)


def parse(body: Any, source: str, now: datetime, resource: str) -> Parsed:
    """One delivery of the resource in the header; what is no alert (installation, comment...) gives none."""
    given = object_of(body, "The body")
    forms = {"event_alert": _issue_alert, "issue": _issue, "metric_alert": _metric_alert}
    if form := forms.get(resource):
        action = text_of(given.get("action")).lower()
        data = object_of(given.get("data"), "`data`")
        if resource == "issue" and action not in (*_CLOSING, *_OPENING):
            return Parsed()  # assigned, for example: nothing about the condition
        return parse_drafts([given], source, now, lambda _: form(data, action, source))
    if resource:
        return Parsed()
    if "id" not in given or not ("project" in given or "project_slug" in given):
        raise Unusable(RejectReason.WRONG_SHAPE, "Without the header Sentry-Hook-Resource this must be a legacy body.")
    return parse_drafts([given], source, now, lambda item: _legacy(item, source))


def _issue_alert(data: dict[str, Any], action: str, source: str) -> Draft:
    event, flags = object_of(data.get("event"), "`data.event`"), set[Flag]()
    if action != "triggered":
        flags.add(Flag.STATUS_GUESSED)
    tags = _tags(event.get("tags"))
    slug = text_of(event.get("project_slug")) or _slug(text_of(event.get("url")) or text_of(event.get("issue_url")))
    labels = {
        **_issue_labels(event, text_of(event.get("issue_id")), slug or text_of(event.get("project"))),
        "environment": text_of(event.get("environment")) or tags.get("environment", ""),
        "instance": tags.get("server_name", ""),
    }
    annotations = {
        **_shown(event),
        "rule": data.get("triggered_rule") or inner(data, "issue_alert", "title"),
        "release": text_of(event.get("release")) or tags.get("release", ""),
    }
    starts_at = time_of(event.get("timestamp") or event.get("received"), flags)
    url = event.get("web_url")
    return Draft(
        _issue_identity(source, labels), _name(event), _FIRING, labels, annotations, starts_at, None, url, flags
    )


def _issue(data: dict[str, Any], action: str, source: str) -> Draft:
    issue, flags = object_of(data.get("issue"), "`data.issue`"), set[Flag]()
    project = text_of(inner(issue, "project", "slug")) or text_of(inner(issue, "project", "name"))
    labels = _issue_labels(issue, text_of(issue.get("id")), project)
    # What comes back does so now; the issue's first and last event may both lie before its resolve.
    starts_at = time_of(issue.get("firstSeen"), flags) if action == "created" else None
    return Draft(
        _issue_identity(source, labels),
        _name(issue),
        AlertStatus.RESOLVED if action in _CLOSING else _FIRING,
        labels,
        {**_shown(issue), "substatus": issue.get("substatus"), "short_id": issue.get("shortId")},
        starts_at,
        url=issue.get("web_url") or issue.get("permalink"),
        flags=flags,
    )


def _metric_alert(data: dict[str, Any], action: str, source: str) -> Draft:
    alert, flags = object_of(data.get("metric_alert"), "`data.metric_alert`"), set[Flag]()
    rule = alert.get("alert_rule")
    # The rule first: its next alert is a new episode of the same condition.
    number = text_of(inner(rule, "id")) or text_of(alert.get("id"))
    projects = alert.get("projects")
    labels = {
        "severity": action if action in ("critical", "warning") else "",
        "service": text_of(projects[0]) if isinstance(projects, list) and projects else "",
        "environment": inner(rule, "environment"),
    }
    if action not in ("critical", "warning", "open", "resolved"):
        flags.add(Flag.STATUS_GUESSED)
    is_over = action == "resolved"
    return Draft(
        f"sentry/{source}:metric/{number}" if number else "",
        text_of(inner(rule, "name")) or text_of(alert.get("title")),
        AlertStatus.RESOLVED if is_over else _FIRING,
        labels,
        {
            "summary": data.get("description_title"),
            "description": data.get("description_text"),
            "query": inner(rule, "query"),
            "aggregate": inner(rule, "aggregate"),
        },
        time_of(alert.get("date_started") or alert.get("date_detected"), flags),
        time_of(alert.get("date_closed"), flags) if is_over else None,
        data.get("web_url"),
        flags,
    )


def _legacy(item: dict[str, Any], source: str) -> Draft:
    project = text_of(item.get("project_slug")) or text_of(item.get("project"))
    labels = _issue_labels(item, text_of(item.get("id")), project)
    event = item["event"] if isinstance(item.get("event"), dict) else {}
    labels |= {"environment": text_of(event.get("environment")) or _tags(event.get("tags")).get("environment", "")}
    rules = item.get("triggering_rules")
    annotations = {
        **_shown(item),
        "description": item.get("message"),
        "rule": ", ".join(map(text_of, rules)) if isinstance(rules, list) else "",
    }
    name = _name({**event, **item})
    return Draft(_issue_identity(source, labels), name, _FIRING, labels, annotations, url=item.get("url"))


def _issue_labels(of: Mapping[str, Any], number: str, project: str) -> dict[str, str]:
    level = text_of(of.get("level")).lower()
    return {ISSUE_LABEL: number, "service": project, "severity": _LEVELS.get(level, level)}


def _issue_identity(source: str, labels: Mapping[str, str]) -> str:
    return f"sentry/{source}:issue/{labels[ISSUE_LABEL]}" if labels[ISSUE_LABEL] else ""


def _shown(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"summary": of.get("title"), "culprit": of.get("culprit"), "error": inner(of, "metadata", "value")}


def _name(of: Mapping[str, Any]) -> str:
    """The kind of error: the title also holds its message, with numbers that change."""
    return text_of(inner(of, "metadata", "type")) or text_of(of.get("title")) or text_of(of.get("message"))


def _slug(url: str) -> str:
    found = _PROJECT.search(url[:2048])
    return found[1] if found else ""


def _tags(given: Any) -> dict[str, str]:
    """Tags come as a list of pairs."""
    pairs = given if isinstance(given, list) else []
    return {text_of(pair[0]): text_of(pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2}
