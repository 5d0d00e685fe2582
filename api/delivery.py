"""One delivery: read, parse, store, keep in quarantine what cannot be used, and count; a 2xx only after the commit."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg

from api.body import NotJson, read_json
from api.figures import Figures
from api.problems import Problem
from core.alert import Alert
from ingest.intake import CONNECTION_WAIT_S, Folded, Intake
from ingest.parsed import Parsed, Rejected, RejectReason, Unusable, raw
from store import quarantine
from store.pool import Store, refuses_value

REJECTED_KEPT_MAX = 100  # rows in quarantine for one body; the rest of it goes into one more row
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where the bodies of one source go."""

    store: Store
    intake: Intake
    figures: Figures
    source: str

    async def read(self, body: bytes, parse: Callable[[Any, str, datetime], T]) -> T:
        """Parse a body. One that cannot be used is kept in quarantine, and answered with a 400 problem."""
        try:
            return parse(read_json(body), self.source, datetime.now(UTC))
        except NotJson as error:
            fault = Rejected(RejectReason(error.reason), str(error), body)
        except Unusable as error:
            fault = Rejected(error.reason, error.detail, body)
        await self.keep([fault])
        self.figures.refused.labels(self.source, fault.reason).inc()
        raise Problem(400, fault.detail, reason=fault.reason)

    async def store_alerts(self, parsed: Parsed) -> tuple[dict[str, int], list[Rejected]]:
        """Fold the alerts, then keep the rest; what became of each in numbers, and all that was rejected."""
        folded, unstorable = await self._fold(parsed.alerts)
        rejected = [*parsed.rejected, *unstorable]
        await self.keep(rejected)
        counts = asdict(folded) | {"quarantined": len(rejected)}
        for result, number in counts.items():
            if number:
                self.figures.alerts.labels(self.source, result).inc(number)
        self.figures.flagged.labels(self.source).inc(parsed.flagged)
        self.figures.truncated.labels(self.source).inc(parsed.truncated)
        received = len(parsed.alerts) + len(parsed.rejected)
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

    async def _fold(self, alerts: Sequence[Alert]) -> tuple[Folded, list[Rejected]]:
        """Fold; should the database refuse a value in spite of all cleaning, halve until the one alert is found."""
        try:
            return await self.intake.accept(alerts), []
        except psycopg.Error as error:
            if not refuses_value(error):
                raise
            if len(alerts) == 1:
                detail = f"The database cannot keep this alert ({type(error).__name__})."
                return Folded(), [Rejected(RejectReason.UNSTORABLE, detail, raw(readable(alerts[0])))]
        middle = len(alerts) // 2
        folded, rejected = await self._fold(alerts[:middle])
        others, more = await self._fold(alerts[middle:])
        folded.add(others)
        return folded, rejected + more


def readable(alert: Alert) -> dict[str, Any]:
    """An alert as it may stand in quarantine."""
    return {"labels": dict(alert.labels), "annotations": dict(alert.annotations), "startsAt": str(alert.starts_at)}
