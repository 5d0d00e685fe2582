"""SigNoz: Alertmanager's webhook, or a flat form of one alert; both name the same alert by its labels."""

from datetime import datetime
from typing import Any

from ingest.alertmanager import parse_webhook
from ingest.draft import object_of
from ingest.parsed import Parsed, RejectReason, Unusable


def parse(body: Any, source: str, now: datetime) -> Parsed:
    """Either form, or an array of flat ones. Raises Unusable where it is neither."""
    if isinstance(body, list):
        return parse_webhook(
            {"alerts": [_unfolded(item) if isinstance(item, dict) else item for item in body]}, source, now
        )
    given = object_of(body, "The body")
    if "alerts" in given:
        return parse_webhook(given, source, now)
    if "alertname" not in given and "labels" not in given:
        raise Unusable(RejectReason.WRONG_SHAPE, "The body must have `alerts`, or `alertname` and `labels`.")
    return parse_webhook({"alerts": [_unfolded(given)]}, source, now)


def _unfolded(item: dict[str, Any]) -> dict[str, Any]:
    """With the name among the labels, where the other form has it."""
    labels, name = item.get("labels"), item.get("alertname")
    if name is None or not isinstance(labels, dict | None):
        return item
    return {**item, "labels": {"alertname": name, **(labels or {})}}
