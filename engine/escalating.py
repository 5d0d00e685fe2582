"""Escalation: calls people step by step until somebody acknowledges or it is over; one timer an incident."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from core.escalation import (
    DEFAULT,
    ON_CALL,
    RAISE_P2_AFTER_S,
    Call,
    Escalation,
    Life,
    RaiseReason,
    escalate,
    raised,
    round_began,
)
from core.incident import Priority
from core.matcher import all_match, read_matchers
from core.notice_rule import NoticeKind, escalation_of
from core.site import Channel
from engine.house import House
from engine.muting import mute_of
from engine.outbox import tell
from store import flaps, incidents, jobs, notice_rules, rotas, timeline
from store.pool import Connection, Row, now
from tools.act.gate import maintenance_of

MUTED_AGAIN_S = 30.0


async def escalate_incident(
    house: House, incident_id: str, began: str = "", round_of: str = "", called: int = 0
) -> None:
    """Call whoever is due, raise what nobody took up, and set the next timer.

    `began`: when this trouble began, if later than its opening; `round_of` and `called`: how far the round of calls is.
    """
    site = await house.site()
    async with house.store.begin() as conn:
        incident = await incidents.get(conn, UUID(incident_id))
        moment = await now(conn)
        life = await _life(conn, incident, datetime.fromisoformat(began) if began else incident["opened_at"], moment)
        priority, why = raised(Priority(incident["priority"]), life, moment)
        if why is RaiseReason.UNACKNOWLEDGED:
            await incidents.raise_priority(conn, incident["id"], priority)
            await timeline.append(conn, incident["id"], "incident.raised", reason=why, body={"priority": priority})
            life = replace(life, began_at=moment)
        policy = await _policy(conn, incident, priority)
        start = round_began(life, policy)
        so_far = called if start.isoformat() == round_of else 0
        done = escalate(replace(life, called=so_far), policy, moment)
        next_at = done.next_at
        if done.calls and (await mute_of(conn, incident["id"], "call")).is_muted:
            next_at = moment + timedelta(seconds=MUTED_AGAIN_S)
        else:
            # The page itself is the call of the first moment.
            heard = [c for c in done.calls if c.at > incident["opened_at"] or why is RaiseReason.UNACKNOWLEDGED]
            if await flaps.only(conn, incident["id"]):
                # Coming back is no news of an alert that flaps; that nobody takes it up while it fires still is.
                heard = [c for c in heard if c.at > start]
            await _call(conn, site.channels, incident, priority, start, heard)
            so_far += len(done.calls)
        if priority is Priority.P2 and incident["resolved_at"] is None:
            raise_at = life.began_at + timedelta(seconds=RAISE_P2_AFTER_S)
            next_at = min(next_at, raise_at) if next_at and raise_at > moment else next_at or raise_at
        if next_at is not None:
            delay_s = max((next_at - moment).total_seconds(), 0.0)
            args = {"began": life.began_at.isoformat(), "round_of": start.isoformat(), "called": so_far}
            await jobs.at(conn, "escalate_incident", incident_id, delay_s=delay_s, incident_id=incident_id, **args)


async def _life(conn: Connection, incident: Row, began_at: datetime, moment: datetime) -> Life:
    maintenance = await maintenance_of(conn, incident["id"], moment)
    until = maintenance.until if maintenance else None
    return Life(began_at, incident["acknowledged_at"], incident["resolved_at"], until)


async def _policy(conn: Connection, incident: Row, priority: Priority) -> Escalation:
    """The newest policy in force that is written for this incident, else the default of its priority."""
    labels = {name: str(incident[name]) for name in ("service", "environment", "cluster")}
    for row in reversed(await notice_rules.in_force(conn, [NoticeKind.ESCALATION])):
        body = row["body"]
        if priority in body["priorities"] and all_match(read_matchers(body["matchers"]), labels):
            return escalation_of(row)
    return DEFAULT[priority]


async def _call(
    conn: Connection,
    channels: Sequence[Channel],
    incident: Row,
    priority: Priority,
    start: datetime,
    calls: Sequence[Call],
) -> None:
    """One message for each call: over the channel of whoever is on call, else the one that it names, else over all."""
    on_call = await rotas.for_service(conn, incident["service"], await now(conn)) if calls else None
    for call in calls:
        person = on_call[1].person if on_call and call.who == ON_CALL else ""
        wanted = person if any(channel.id == person for channel in channels) else call.who
        named = [channel for channel in channels if channel.id == wanted] or channels
        body = {
            "incident": incident["number"],
            "title": incident["title"],
            "priority": priority,
            "service": incident["service"],
            "who": call.who,
            "call": call.number + 1,
            "firing": incident["firing_count"],
            **({"person": person} if person else {}),
        }
        await tell(
            conn, named, incident["id"], "call", body, key=f"{incident['id']}:call:{start.isoformat()}:{call.number}"
        )
        told = {"who": call.who, "call": call.number + 1, **({"person": person} if person else {})}
        await timeline.append(conn, incident["id"], "incident.called", reason="due", body=told)
