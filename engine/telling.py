"""Telling people: pages and cards into the outbox, and the sending of one message."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.burst import as_one
from core.card import card_lines
from core.frequency import Frequency, frequency
from core.muting import Mute, MuteReason
from core.regrouping import OVER
from core.site import Site
from engine.aggregating import look
from engine.flapping import mute_of_flapping, told_of
from engine.following import want_findings
from engine.house import House
from engine.muting import hold, mute_of
from engine.outbox import tell
from engine.storms import mute_of_storm
from store import aggregates, alerts, diagnoses, firing, incidents, jobs, notifications, staleness, timeline
from store.pool import Connection, Row
from tools.notify.send import send

# About an hour and a half: a chat that is down for a while must not cost the only page.
ATTEMPTS_MAX = 90
TOGETHER_MAX = 100  # messages of one channel in one job
RETRY_S = 2.0
RETRY_S_MAX = 60.0


async def page_incident(house: House, incident_id: str, kind: str, muted: str = "") -> None:
    """One message a channel for one kind of news: the page, a reopening, an escalation.

    What is silenced, in maintenance, inhibited, part of a storm or flapping is held back, and told later if it still
    fires; `muted` says by what it was held back so far.
    """
    site = await house.site()
    async with house.store.begin() as conn:
        # First, since whoever looks at alerts locks their resources before the incident.
        await look(conn, UUID(incident_id), site.limits.aggregation)
        incident = await incidents.get(conn, UUID(incident_id))
        if muted and incident["state"] in OVER:
            return  # it came and went while nobody wanted to hear of it; the timeline has it
        mute = await _mute(conn, site, incident, kind, muted)
        if mute.reason is MuteReason.SETTLED:
            return
        if mute.is_muted or (muted and mute.reason is MuteReason.NOTHING_FIRES):
            await hold(conn, incident, kind, mute, muted)
            return
        unknown = sum((await staleness.counts(conn, incident["id"])).values())
        if kind == "stale" and not unknown:
            return  # repeated meanwhile
        rows = await alerts.summary(conn, incident["id"])
        known = await diagnoses.last(conn, incident["id"])
        body = {
            "incident": incident["number"],
            "title": incident["title"],
            "priority": incident["priority"],
            "service": incident["service"],
            "state": incident["state"],
            "firing": incident["firing_count"],
            "unknown": unknown,
            "frequency": (await frequency_of(conn, incident)).words,
            "alerts": [f"{row['firing']} x {row['name']} on {row['service']}" for row in rows[:5]],
            "found": known["body"].get("summary", "") if known else "",
            "aggregates": [
                as_one(row["count"], row["resource_id"], row["last_at"] - row["began_at"])
                for row in await aggregates.of_incident(conn, incident["id"], rows_max=5)
            ],
            "flapping": await told_of(conn, incident["id"]),
        }
        subject = f"page:{incident_id}" if kind == "page" else ""
        await _queue(conn, site.channels, incident["id"], f"{kind}:{incident['reopened']}", body, subject=subject)


async def _mute(conn: Connection, site: Site, incident: Row, kind: str, muted: str) -> Mute:
    """What people set speaks first, then the storm, then the flapping."""
    mute = await mute_of(conn, incident["id"], kind)
    if mute.is_muted:
        return mute
    storm = await mute_of_storm(conn, incident, kind, was_muted=bool(muted))
    if storm.is_muted:
        return storm
    flap = await mute_of_flapping(conn, incident, kind, site.limits, before=muted)
    return flap if flap.reason is not MuteReason.ALWAYS_TOLD else mute


async def frequency_of(conn: Connection, incident: Row) -> Frequency:
    """How often trouble of this signature had come when the incident opened, this time included."""
    return frequency(
        await firing.occurrences(conn, incident["signature"], incident["opened_at"]), incident["opened_at"]
    )


async def tell_card(conn: Connection, channels: Any, incident_id: UUID, approval: Mapping[str, Any]) -> None:
    """The approval card, as text for channels without buttons."""
    card = approval["card"]
    body = {
        "incident": card.get("incident"),
        "title": f"Approve? {card['title']}",
        "approval_id": str(approval["id"]),
        "intent_hash": card["intent_hash"],
        "card": [f"{label}: {text}" if label else text for label, text in card_lines(card)],
    }
    subject = f"card:{approval['execution_id']}"
    await want_findings(conn, channels, incident_id)
    await _queue(conn, channels, incident_id, f"card:{approval['id']}", body, subject=subject)


async def _queue(
    conn: Connection, channels: Any, incident_id: UUID, kind: str, body: Mapping[str, Any], *, subject: str = ""
) -> None:
    key, more = f"{incident_id}:{kind}", {"news": kind}
    await tell(conn, channels, incident_id, kind.split(":")[0], body, key=key, subject=subject, more=more)


async def send_notification(house: House, notification_id: str) -> None:
    """Send a message, then what else waits for its channel: jobs of one channel never overlap, so they start slowly.

    Each message has its own job too, which finds it sent, or sends it where this one broke off.
    """
    first = waiting = UUID(notification_id)
    for _ in range(TOGETHER_MAX):
        if not await _send(house, waiting):
            return
        async with house.store.begin() as conn:
            following = await notifications.next_waiting(conn, first)
        if following is None:
            return
        waiting = following


async def _send(house: House, notification_id: UUID) -> bool:
    """Send one message, at least once; retried with growing pauses, then failed and shown as such. Did it work?"""
    site = await house.site()
    async with house.store.begin() as conn:
        row = await notifications.take(conn, notification_id)
    if row is None:
        return True
    channel = site.channel(row["channel"])
    message = {"kind": row["kind"], "notification_id": str(notification_id), **row["body"]}
    error = await send(channel, message, house.client) if channel else "this channel is not described any more"
    async with house.store.begin() as conn:
        if not error:
            await notifications.settle(conn, row["id"], "sent")
            if row["incident_id"]:
                body = {"channel": row["channel"], "kind": row["kind"]}
                await timeline.append(conn, row["incident_id"], "page.sent", reason=row["kind"], body=body)
        elif row["attempts"] >= ATTEMPTS_MAX:
            await notifications.settle(conn, row["id"], "failed", error)
        else:
            await notifications.settle(conn, row["id"], "pending", error)
            pause = min(RETRY_S * 2 ** min(row["attempts"] - 1, 10), RETRY_S_MAX)
            key = str(notification_id)
            await jobs.at(conn, "send_notification", key, delay_s=pause, notification_id=key)
    return not error
