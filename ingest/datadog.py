"""Datadog: a form that the operator defines there, read by the usual keys; JSON, or form-encoded."""

import re
from datetime import datetime
from typing import Any

from core.alert import AlertStatus
from ingest.draft import NO_DATA, Draft, inner, parse_drafts, text_of, time_of
from ingest.parsed import Flag, Parsed

_TRANSITIONS = {
    **dict.fromkeys(("triggered", "re-triggered", "renotify", "no data", "re-no data", "warn", "re-warn"), "firing"),
    **dict.fromkeys(("recovered", "success"), "resolved"),
}
_TYPES = {"error": "firing", "warning": "firing", "success": "resolved"}
_PRIORITY = re.compile(r"[Pp][1-5]")
_PREFIX = re.compile(r"(\[[^\]]{0,200}\]\s{0,8}){1,8}")
TAGS_MAX = 200
TAG_LABELS = {"env": "environment", "kube_namespace": "namespace", "kube_deployment": "deployment", "pod_name": "pod"}


def parse(body: Any, source: str, now: datetime) -> Parsed:
    """One event, or an array of them."""
    return parse_drafts(body if isinstance(body, list) else [body], source, now, lambda item: _event(item, source))


def _event(item: dict[str, Any], source: str) -> Draft:
    flags: set[Flag] = set()
    said = {name: _said(value) for name, value in item.items()}
    title = said.get("alert_title") or said.get("title", "")
    transition = said.get("alert_transition", "").strip().lower()
    status = _TRANSITIONS.get(transition) or _TYPES.get(said.get("alert_type", "").lower())
    if status is None:
        flags.add(Flag.STATUS_GUESSED)
    has_no_data = transition in ("no data", "re-no data")
    labels = {**_labels(said.get("tags", "")), **_labels(said.get("alert_scope", ""))}
    if host := said.get("host_name") or said.get("hostname"):
        labels["host"] = host
    labels["severity"] = _severity(said, transition)
    moment = time_of(said.get("date") or said.get("last_updated"), flags)
    is_over = status == "resolved"
    return Draft(
        _identity(said, source),
        _PREFIX.sub("", title, count=1) or title,
        AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,
        labels,
        {
            "summary": title,
            "description": said.get("body"),
            "metric": said.get("alert_metric"),
            "query": said.get("alert_query"),
            "organization": text_of(inner(item.get("org"), "name")),
            NO_DATA: transition if has_no_data else "",
        },
        None if is_over else moment,
        moment if is_over else None,
        said.get("link"),
        flags,
    )


def _said(value: Any) -> str:
    """What a variable of the template became; one that Datadog does not know stays as it was written."""
    text = text_of(value).strip()
    return "" if text.startswith("$") or text in ("null", "None", "n/a") else text


def _identity(said: dict[str, str], source: str) -> str:
    if cycle := said.get("alert_cycle_key"):
        return f"datadog/{source}:cycle/{cycle}"
    if aggregate := said.get("aggreg_key"):
        return f"datadog/{source}:aggregate/{aggregate}"
    if monitor := said.get("alert_id"):
        scope = ",".join(sorted(part.strip() for part in said.get("alert_scope", "").split(",")))
        return f"datadog/{source}:monitor/{monitor}/{scope}"
    return ""


def _labels(tags: str) -> dict[str, str]:
    """`k:v` pairs; of a name that comes more than once the first in the alphabet, so that order changes nothing."""
    pairs = [tag.strip().partition(":") for tag in sorted(tags.split(",")[:TAGS_MAX], reverse=True)]
    return {TAG_LABELS.get(name, name): value for name, colon, value in pairs if colon and name and value}


def _severity(said: dict[str, str], transition: str) -> str:
    for name in ("alert_priority", "priority"):
        if _PRIORITY.fullmatch(said.get(name, "")):
            return said[name].lower()
    is_warning = transition in ("warn", "re-warn", "no data", "re-no data") or said.get("alert_type") == "warning"
    return "warning" if is_warning else "critical"
