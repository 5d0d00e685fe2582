"""One delivery: read, parse, store, keep in quarantine what cannot be used, and count; a 2xx only after the commit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import psycopg

from api.body import NotJson, read_json
from api.figures import Figures
from api.problems import Problem
from core.alert import Alert
from ingest.heard import Heard, hear
from ingest.intake import CONNECTION_WAIT_S, Folded, Intake
from ingest.parsed import Parsed, Rejected, RejectReason, Unusable, limited, raw
from store import deliveries, quarantine
from store.pool import Store, refuses_value

REJECTED_KEPT_MAX = 100  # rows in quarantine for one body; the rest of it goes into one more row
FORM_FIELDS_MAX = 200
FORM = "application/x-www-form-urlencoded"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the bodies of one source go. `labels` are set on each of its alerts, whatever the sender says."""

    store: Store
    intake: Intake
    figures: Figures
    source: str
    labels: Mapping[str, str] = field(default_factory=dict)

    async def read(self, body: bytes, parse: Callable[[Any, str, datetime], T], content_type: str = "") -> T:
        """Parse a body. One that cannot be used is kept in quarantine, and answered with a 400 problem."""
        decode = read_form if content_type.lower().startswith(FORM) else read_json
        try:
            return parse(decode(body), self.source, datetime.now(UTC))
        except NotJson as error:
            fault = Rejected(RejectReason(error.reason), str(error), body)
        except Unusable as error:
            fault = Rejected(error.reason, error.detail, body)
        await self.keep([fault])
        self.figures.refused.labels(self.source, fault.reason).inc()
        raise Problem(400, fault.detail, reason=fault.reason)

    async def store_alerts(self, parsed: Parsed) -> tuple[dict[str, int], list[Rejected]]:
        """Fold the alerts, then keep the rest; what became of each in numbers, and all that was rejected."""
        heard = parsed.heard or [hear(self._labelled(alert)) for alert in parsed.alerts]
        folded, unstorable = await self._fold(heard)
        rejected = [*parsed.rejected, *unstorable]
        await self.keep(rejected)
        counts = asdict(folded) | {"quarantined": len(rejected)}
        for result, number in counts.items():
            if number:
                self.figures.alerts.labels(self.source, result).inc(number)
        self.figures.flagged.labels(self.source).inc(parsed.flagged)
        self.figures.truncated.labels(self.source).inc(parsed.truncated)
        received = len(heard) + len(parsed.rejected)
        return {"received": received, **counts, "flagged": parsed.flagged, "truncated": parsed.truncated}, rejected

    async def keep(self, rejected: Sequence[Rejected]) -> None:
        """Put what cannot be used into quarantine, readable."""
        if not rejected:
            return
        shown, rest = rejected[:REJECTED_KEPT_MAX], rejected[REJECTED_KEPT_MAX:]
        if rest:
            body = b"[" + b",".join(one.raw for one in rest) + b"]"
            shown = [*shown, Rejected(rest[0].reason, f"{len(rest)} more of the same body. {rest[0].detail}", body)]
        async with self.store.begin(wait_s=CONNECTION_WAIT_S) as conn:
            for one in shown:
                await quarantine.keep(conn, source=self.source, reason=one.reason, detail=one.detail, body=one.raw)

    async def is_taken(self, delivery_id: str) -> bool:
        """Did this delivery come before?"""
        async with self.store.begin(wait_s=CONNECTION_WAIT_S) as conn:
            return await deliveries.is_taken(conn, self.source, delivery_id)

    async def take(self, delivery_id: str) -> None:
        """Remember a delivery by the sender's own id."""
        async with self.store.begin(wait_s=CONNECTION_WAIT_S) as conn:
            await deliveries.take(conn, self.source, delivery_id)

    def _labelled(self, alert: Alert) -> Alert:
        if not self.labels:
            return alert
        return replace(alert, labels=limited({**alert.labels, **self.labels}, set()))

    async def _fold(self, alerts: Sequence[Heard]) -> tuple[Folded, list[Rejected]]:
        """Fold; should the database refuse a value in spite of all cleaning, halve until the one alert is found."""
        try:
            return await self.intake.accept_heard(alerts), []
        except psycopg.Error as error:
            if not refuses_value(error):
                raise
            if len(alerts) == 1:
                detail = f"The database cannot keep this alert ({type(error).__name__})."
                return Folded(), [Rejected(RejectReason.UNSTORABLE, detail, raw(readable(alerts[0].alert)))]
        middle = len(alerts) // 2
        folded, rejected = await self._fold(alerts[:middle])
        others, more = await self._fold(alerts[middle:])
        folded.add(others)
        return folded, rejected + more


def read_form(body: bytes) -> Any:
    """The fields of a form, or the JSON in its only field `payload`. Raises NotJson."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NotJson("not_utf8", f"The form is not UTF-8 (at byte {error.start}).") from None
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX))
    except ValueError:
        raise NotJson("not_json", f"A form has at most {FORM_FIELDS_MAX} fields.") from None
    if not fields:
        raise NotJson("empty", "The form has no fields.")
    return read_json(fields["payload"].encode()) if fields.keys() == {"payload"} else fields


def readable(alert: Alert) -> dict[str, Any]:
    """An alert as it may stand in quarantine."""
    return {"labels": dict(alert.labels), "annotations": dict(alert.annotations), "startsAt": str(alert.starts_at)}
