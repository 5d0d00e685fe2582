"""A fire that comes after its own resolve is a replica's old copy, unless nobody resolves it again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.alert import Alert, AlertStatus
from engine.incidents import late_alert
from ingest.intake import Intake
from store.pool import Store, many

LABELS = {"alertname": "Down", "service": "shop", "environment": "late"}


class _House:
    """What the job needs of a house."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake


async def test_a_late_fire_counts_after_the_window_if_no_resolve_follows(store: Store, intake: Intake) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    fires = Alert("am", "prom:late", LABELS, AlertStatus.FIRING, began)
    over = replace(fires, status=AlertStatus.RESOLVED, ends_at=began + timedelta(minutes=4))
    assert (await intake.accept([fires])).new == 1
    assert (await intake.accept([over])).resolved == 1
    assert (await intake.accept([fires])).late == 1

    async def timers() -> list[dict[str, object]]:
        async with store.begin() as conn:
            return await many(conn, "SELECT args FROM due WHERE kind = 'late_alert'")

    (timer,) = await timers()
    await intake.accept([over])  # the old copy's own end: nothing is left to look at
    assert await timers() == []

    assert (await intake.accept([fires])).late == 1
    (timer,) = await timers()
    async with store.begin() as conn:  # two minutes later
        await conn.execute("UPDATE alerts SET last_received_at = last_received_at - interval '3 minutes'")
    await late_alert(_House(intake), **timer["args"])  # type: ignore[arg-type]
    async with store.begin() as conn:
        open_now = await many(conn, "SELECT identity FROM alerts WHERE ended_at IS NULL")
    assert [row["identity"] for row in open_now] == ["prom:late"]
