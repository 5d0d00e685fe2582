"""A draft: the fields of one alert as a sender words them, and the way from there to an alert within all limits."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.alert import Alert, AlertStatus
from core.plain_text import storable
from ingest.parsed import (
    ALERTS_MAX,
    EARLIEST,
    FLAGS,
    LATEST,
    TIME_CHARS_MAX,
    Flag,
    Parsed,
    RejectReason,
    Unusable,
    annotations_of,
    clamped,
    cleaned,
    cut_bytes,
    flagged,
    limited,
    moment_of,
    raw,
    url_of,
)

EPOCH_MS_FROM = 100_000_000_000  # a number above this counts milliseconds: as seconds it were the year 5138
IDENTITY_BYTES_MAX = 512
NO_DATA = "nightshift_no_data"  # annotation: the sender cannot see the condition any more, which is not health
_EPOCH = re.compile(r"\d{9,13}(\.\d{1,9})?")
_LOOSE_OFFSET = re.compile(r"\s+(UTC|[+-]\d{2}:?\d{2})$")


@dataclass(slots=True)
class Draft:
    """One alert before cleaning. Empty labels and annotations are left out; `identity` is unique for its sender."""

    identity: str
    name: str
    status: AlertStatus
    labels: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, Any] = field(default_factory=dict)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    url: Any = ""
    flags: set[Flag] = field(default_factory=set)

    def alert(self, source: str, now: datetime) -> Alert:
        """The alert. Raises Unusable without a name or identity."""
        if not self.name.strip():
            raise Unusable(RejectReason.FIELD_MISSING, "The alert has no name.")
        if not self.identity:
            raise Unusable(RejectReason.NO_IDENTITY, "Nothing in this body tells which alert it is.")
        labels = {**_texts(self.labels), "alertname": self.name.strip()}
        annotations = annotations_of(_texts(self.annotations), self.flags)
        is_over = self.status is AlertStatus.RESOLVED
        return Alert(
            source,
            cut_bytes(storable(self.identity), IDENTITY_BYTES_MAX),
            limited(cleaned(labels, self.flags), self.flags),
            self.status,
            self.starts_at or now,
            (self.ends_at or now) if is_over else None,
            flagged(annotations, self.flags),
            url_of(self.url),
        )


def parse_drafts(items: list[Any], source: str, now: datetime, draft: Callable[[dict[str, Any]], Draft]) -> Parsed:
    """An alert of each item; a bad one never costs its neighbours. Raises Unusable for too many."""
    if len(items) > ALERTS_MAX:
        raise Unusable(RejectReason.TOO_MANY, f"One body has at most {ALERTS_MAX} alerts; send smaller batches.")
    parsed, flagged_alerts = Parsed(), 0
    for item in items:
        try:
            if type(item) is not dict:
                raise Unusable(RejectReason.NOT_AN_OBJECT, f"An alert must be an object, not {type(item).__name__}.")
            alert = draft(item).alert(source, now)
        except Unusable as error:
            parsed.rejected.append(error.rejected(item))
        else:
            parsed.alerts.append(alert)
            flagged_alerts += FLAGS in alert.annotations
    return Parsed(parsed.alerts, parsed.rejected, flagged_alerts)


def object_of(value: Any, what: str) -> dict[str, Any]:
    """The value where it is an object. Raises Unusable."""
    if type(value) is not dict:
        raise Unusable(RejectReason.WRONG_SHAPE, f"{what} must be an object, not {type(value).__name__}.")
    return value


def inner(value: Any, *names: str) -> Any:
    """What stands under these names, one inside the other; None where nothing does."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_of(value: Any) -> str:
    """A text as it is, nothing as an empty one, the rest as JSON."""
    if value is None:
        return ""
    return value if type(value) is str else raw(value).decode()


def time_of(given: Any, flags: set[Flag]) -> datetime | None:
    """RFC 3339 or seconds or milliseconds since 1970; None (and a flag) where it is no time at all."""
    try:
        if type(given) is str and _EPOCH.fullmatch(given):
            given = float(given)
        if isinstance(given, int | float) and not isinstance(given, bool):
            return clamped(datetime.fromtimestamp(given / 1000 if given > EPOCH_MS_FROM else given, UTC))
        is_short = type(given) is str and len(given) <= TIME_CHARS_MAX
        moment = moment_of(_LOOSE_OFFSET.sub(_tight, given) if is_short else given)
    except (ValueError, OverflowError, OSError):
        flags.add(Flag.TIME_GUESSED)
        return None
    if moment is EARLIEST or moment is LATEST:
        flags.add(Flag.TIME_CLAMPED)
    return moment


def _tight(found: "re.Match[str]") -> str:
    return "+00:00" if found[1] == "UTC" else found[1]


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, value in given.items() if name and (text := text_of(value))}
