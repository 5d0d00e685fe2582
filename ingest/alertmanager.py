"""Alertmanager's webhook (version 4) and its own API v2, which Prometheus speaks: both give the same alert.

The identity is always Prometheus' fingerprint of the labels, computed here, so one alert through both doors is one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.alert import Alert, AlertStatus, prometheus_fingerprint
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

FINGERPRINTS_KEPT_MAX = 65_536
FINGERPRINT_KEPT_BYTES_MAX = 2_048  # larger label sets are rare, and would make the memory unbounded
_STATUS = {status.value: status for status in AlertStatus}


def parse_webhook(body: Any, source: str, now: datetime) -> Parsed:
    """A webhook of Alertmanager, Grafana or SigNoz: an object with `alerts`. Raises Unusable where it is not that."""
    items = body.get("alerts") if isinstance(body, dict) else None
    if not isinstance(items, list):
        hint = " An array belongs to /api/v2/alerts." if isinstance(body, list) else ""
        raise Unusable(RejectReason.WRONG_SHAPE, f"The body must be an object with an array `alerts`.{hint}")
    left_out = body.get("truncatedAlerts")
    truncated = max(left_out, 0) if isinstance(left_out, int) else 0
    return parse_each(items, lambda item: _alert(item, source, now, _said_status), truncated)


def parse_v2(body: Any, source: str, now: datetime) -> Parsed:
    """The array of `POST /api/v2/alerts`; an end in the past means resolved. Raises Unusable where it is no array."""
    if not isinstance(body, list):
        hint = " A webhook belongs to /api/v1/webhooks/alertmanager." if isinstance(body, dict) else ""
        raise Unusable(RejectReason.WRONG_SHAPE, f"The body must be an array of alerts.{hint}")
    return parse_each(body, lambda item: _alert(item, source, now, _ended_status))


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
    """`prom:` and the fingerprint; remembered, since most alerts are repeats."""
    # 0xff is in no UTF-8, so it separates safely.
    joined = b"\xff".join([part.encode() for item in sorted(labels.items()) for part in item])
    if len(joined) > FINGERPRINT_KEPT_BYTES_MAX:
        return f"prom:{prometheus_fingerprint(labels)}"
    return _identity(joined)


@lru_cache(maxsize=FINGERPRINTS_KEPT_MAX)
def _identity(joined: bytes) -> str:
    parts = [part.decode() for part in joined.split(b"\xff")]
    return f"prom:{prometheus_fingerprint(dict(zip(parts[::2], parts[1::2], strict=True)))}"


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
        (ends_at or now) if status is AlertStatus.RESOLVED else None,
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
