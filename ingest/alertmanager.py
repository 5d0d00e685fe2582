"""Alertmanager's webhook (version 4) and its own API v2, which Prometheus speaks: both give the same alert.

The identity is always computed here from the labels, so one alert through both doors is one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from core.alert import Alert, AlertStatus
from ingest.heard import BY_LABELS, labels_digest
from ingest.parsed import (
    ALERTS_MAX,
    EARLIEST,
    FLAGS,
    LATEST,
    Flag,
    Parsed,
    RejectReason,
    Unusable,
    annotations_of,
    flagged,
    labels_of,
    moment_of,
    url_of,
)

_STATUS = {status.value: status for status in AlertStatus}


def parse_webhook(body: Any, source: str, now: datetime) -> Parsed:
    """A webhook of Alertmanager, Grafana or SigNoz: an object with `alerts`. Raises Unusable where it is not that."""
    items = body.get("alerts") if isinstance(body, dict) else None
    if not isinstance(items, list):
        hint = " An array belongs to /api/v2/alerts." if isinstance(body, list) else ""
        raise Unusable(RejectReason.WRONG_SHAPE, f"The body must be an object with an array `alerts`.{hint}")
    left_out = body.get("truncatedAlerts")
    truncated = max(left_out, 0) if isinstance(left_out, int) else 0
    return parse_each(items, lambda item: read_webhook_alert(item, source, now), truncated)


def parse_v2(body: Any, source: str, now: datetime) -> Parsed:
    """The array of `POST /api/v2/alerts`; an end in the past means resolved. Raises Unusable where it is no array."""
    if not isinstance(body, list):
        hint = " A webhook belongs to /api/v1/webhooks/alertmanager." if isinstance(body, dict) else ""
        raise Unusable(RejectReason.WRONG_SHAPE, f"The body must be an array of alerts.{hint}")
    return parse_each(body, lambda item: read_v2_alert(item, source, now))


def read_webhook_alert(item: Any, source: str, now: datetime) -> Alert:
    """One alert of a webhook, which says whether it fires. Raises Unusable."""
    return _alert(item, source, now, _said_status)


def read_v2_alert(item: Any, source: str, now: datetime) -> Alert:
    """One alert of the API, which is over if its end is. Raises Unusable."""
    return _alert(item, source, now, _ended_status)


def parse_each(items: list[Any], parse: Callable[[Any], Alert], truncated: int = 0) -> Parsed:
    """Parse each item by itself: a bad one never costs its neighbours. Raises Unusable for too many."""
    if len(items) > ALERTS_MAX:
        raise Unusable(RejectReason.TOO_MANY, f"One body has at most {ALERTS_MAX} alerts; send smaller batches.")
    parsed, flagged_alerts = Parsed(truncated=truncated), 0
    for item in items:
        try:
            alert = parse(item)
        except Unusable as error:
            parsed.rejected.append(error.rejected(item))
        else:
            parsed.alerts.append(alert)
            flagged_alerts += FLAGS in alert.annotations
    return Parsed(parsed.alerts, parsed.rejected, flagged_alerts, truncated)


def identity(labels: Mapping[str, str]) -> str:
    """`prom:` and a digest of the labels.

    Not Prometheus' own fingerprint, which is shown beside it: two sets of labels with the same 64 bits of FNV are
    easily made, and the second would hide behind the first.
    """
    return f"{BY_LABELS}:{labels_digest(labels)}"


Status = Callable[[dict[str, Any], datetime | None, datetime, set[Flag]], AlertStatus]


def _alert(item: Any, source: str, now: datetime, status_of: Status) -> Alert:
    if type(item) is not dict:
        raise Unusable(RejectReason.NOT_AN_OBJECT, f"An alert must be an object, not {type(item).__name__}.")
    flags: set[Flag] = set()
    labels = labels_of(item.get("labels"), flags)
    annotations = annotations_of(item.get("annotations"), flags)
    starts_at = _time(item.get("startsAt"), flags) or now
    ends_at = _time(item.get("endsAt"), flags)
    status = status_of(item, ends_at, now, flags)
    return Alert(
        source,
        identity(labels),
        labels,
        status,
        starts_at,
        # For Prometheus, an end in the future is the promise to repeat the alert before it.
        (ends_at or now) if status is AlertStatus.RESOLVED else ends_at if status_of is _ended_status else None,
        flagged(annotations, flags) if flags else annotations,
        url_of(item.get("generatorURL")),
    )


def _time(given: Any, flags: set[Flag]) -> datetime | None:
    try:
        moment = moment_of(given)
    except ValueError:
        flags.add(Flag.TIME_GUESSED)
        return None
    if moment is EARLIEST or moment is LATEST:
        flags.add(Flag.TIME_CLAMPED)
    return moment


def _said_status(item: dict[str, Any], ends_at: datetime | None, now: datetime, flags: set[Flag]) -> AlertStatus:
    said = item.get("status")
    if type(said) is str and (status := _STATUS.get(said.lower())):
        return status
    flags.add(Flag.STATUS_GUESSED)
    return _ended_status(item, ends_at, now, flags)


def _ended_status(item: dict[str, Any], ends_at: datetime | None, now: datetime, flags: set[Flag]) -> AlertStatus:
    return AlertStatus.RESOLVED if ends_at is not None and ends_at <= now else AlertStatus.FIRING
