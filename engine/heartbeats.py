"""Heartbeats that stop: an alert of our own through the usual intake, resolved when the heartbeat is back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from core.alert import Alert, AlertStatus, Severity
from core.heartbeat import HeartbeatRule, HeartbeatState, Pulse, pulse
from core.resource import UNKNOWN, place_of
from engine.house import House
from ingest.heartbeats import OWN_SOURCE, Rules, read_rules
from store import heartbeats
from store.pool import Connection, Row, now

log = structlog.get_logger(__name__)

ALERT_NAME = "HeartbeatAbsent"


@dataclass(frozen=True, slots=True)
class Heard:
    """A heartbeat as it is judged now; without a rule nobody waits for it any more."""

    row: Row
    rule: HeartbeatRule | None
    pulse: Pulse | None

    @property
    def identity(self) -> str:
        """Its key."""
        return str(self.row["identity"])

    @property
    def is_over(self) -> bool:
        """Was it retired, or did its rule go?"""
        return self.pulse is None or self.row["retired_at"] is not None

    @property
    def state(self) -> HeartbeatState:
        """What the pulse says; absent stays absent until it beats again, also while we could not hear it."""
        if self.pulse is None:
            return HeartbeatState.UNKNOWN
        was_absent = self.row["absent_since"] is not None and self.pulse.state is not HeartbeatState.BEATING
        return HeartbeatState.ABSENT if was_absent else self.pulse.state


async def judged(conn: Connection) -> list[Heard]:
    """Every heartbeat as it is judged now. While nobody listens, nothing is newly absent."""
    rows = await heartbeats.every(conn)
    rules = await read_rules(conn)
    moment = await now(conn)
    heard_since = await heartbeats.heard_since(conn) or moment
    return [judge(row, rules, moment, heard_since) for row in rows]


def judge(row: Row, rules: Rules, moment: datetime, heard_since: datetime) -> Heard:
    """One heartbeat, by the rule that matches it now."""
    rule = rules.of(row["source"], row["labels"])
    beats = [*row["beats"], row["last_beat_at"]]
    return Heard(row, rule, pulse(rule, beats, moment, heard_since) if rule else None)


async def sweep_heartbeats(house: House) -> None:
    """Raise what is absent, resolve what is back or over. Each step may be repeated after a crash without harm.

    The absence is written down before it is raised, and raised at every sweep while it lasts; the alert is ended
    before that is written down.
    """
    async with house.store.begin() as conn:
        found = await judged(conn)
        moment = await now(conn)
        new = [one.identity for one in found if one.state is HeartbeatState.ABSENT and not one.is_over]
        marked = await heartbeats.mark_absent(conn, new, moment) if new else set()
    back = [one for one in found if one.row["absent_since"] and (one.is_over or one.state is HeartbeatState.BEATING)]
    gone = [one for one in found if one.is_over]
    absent = [one for one in found if one not in back and (one.row["absent_since"] or one.identity in marked)]
    for one in absent:
        if one.identity in marked:
            log.warning("heartbeat.absent", heartbeat=one.identity, last_beat_at=str(one.row["last_beat_at"]))
    await house.intake.accept(
        [*_alerts(absent, moment, AlertStatus.FIRING), *_alerts(back, moment, AlertStatus.RESOLVED)]
    )
    if back or gone:
        async with house.store.begin() as conn:
            await heartbeats.mark_back(conn, [one.identity for one in back])
            await heartbeats.forget(conn, [one.identity for one in gone], moment)


def _alerts(found: Sequence[Heard], moment: datetime, status: AlertStatus) -> list[Alert]:
    return [_alert(one, moment, status) for one in found]


def _alert(one: Heard, moment: datetime, status: AlertStatus) -> Alert:
    """What is told of an absence; the same at each sweep, so that it is counted as a repeat."""
    own, source = one.row["labels"], one.row["source"]
    place = {} if place_of(own).service != UNKNOWN else {"service": source}
    rule = (one.rule.title or one.rule.id) if one.rule else one.row["rule_id"]
    labels = {
        **own,
        **place,
        "alertname": ALERT_NAME,
        "severity": Severity.CRITICAL.value,
        "heartbeat": own.get("alertname", ""),
        "heartbeat_rule": rule,
        "heartbeat_source": source,
    }
    since = one.row["last_beat_at"].strftime("%Y-%m-%d %H:%M:%S UTC")
    is_over = status is AlertStatus.RESOLVED
    return Alert(
        source=OWN_SOURCE,
        identity=f"heartbeat:{one.identity}",
        labels={name: text for name, text in labels.items() if text},
        status=status,
        starts_at=one.row["absent_since"] or moment,
        ends_at=moment if is_over else None,
        annotations={} if is_over else {"summary": f"No heartbeat since {since}: what it watches over may be mute."},
    )


async def stay_reachable(house: House) -> None:
    """Say again and again that this process takes alerts; only while that is so can a heartbeat be missed."""
    while True:
        try:
            async with house.store.begin() as conn:
                await heartbeats.hear(conn)
        except Exception as error:  # a database that is away makes us deaf, which is what the missing word says
            log.warning("reception.lost", error=repr(error))
        await asyncio.sleep(heartbeats.HEAR_EVERY_S)
