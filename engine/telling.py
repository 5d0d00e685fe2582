"""Telling people: pages and cards into the outbox, and the sending of one message."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.card import card_lines
from core.incident import IncidentState
from core.muting import MuteReason
from engine.house import House
from engine.muting import hold, mute_of
from store import alerts, diagnoses, incidents, jobs, notifications, timeline
from store.pool import Connection
from tools.notify.send import send

# About an hour and a half: a chat that is down for a while must not cost the only page.
ATTEMPTS_MAX = 90
RETRY_S = 2.0
RETRY_S_MAX = 60.0


async def page_incident(house: House, incident_id: str, kind: str, muted: str = "") -> None:
    """One message a channel for one kind of news: the page, a reopening, an escalation.

    What is silenced, in maintenance or inhibited is held back, and told later if it still fires; `muted` says by what
    it was held back so far.
    """
    site = await house.site()
    async with house.store.begin() as conn:
        incident = await incidents.get(conn, UUID(incident_id))
        if muted and incident["state"] == IncidentState.RESOLVED:
            return  # it came and went while nobody wanted to hear of it; the timeline has it
        mute = await mute_of(conn, incident["id"], kind)
        if mute.is_muted or (muted and mute.reason is MuteReason.NOTHING_FIRES):
            await hold(conn, incident, kind, mute, muted)
            return
        rows = await alerts.summary(conn, incident["id"])
        known = await diagnoses.last(conn, incident["id"])
        body = {
            "incident": incident["number"],
            "title": incident["title"],
            "priority": incident["priority"],
            "service": incident["service"],
            "state": incident["state"],
            "firing": incident["firing_count"],
            "alerts": [f"{row['firing']} x {row['name']} on {row['service']}" for row in rows[:5]],
            "found": known["body"].get("summary", "") if known else "",
        }
        await _queue(conn, site.channels, incident["id"], f"{kind}:{incident['reopened']}", body)


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
    await _queue(conn, channels, incident_id, f"card:{approval['id']}", body)


async def _queue(conn: Connection, channels: Any, incident_id: UUID, kind: str, body: Mapping[str, Any]) -> None:
    for channel in channels:
        key = f"{incident_id}:{kind}:{channel.id}"
        await notifications.queue(
            conn, incident_id=incident_id, kind=kind.split(":")[0], channel=channel.id, dedup_key=key, body=body
        )


async def send_notification(house: House, notification_id: str) -> None:
    """Send one message: at least once, retried with growing pauses, then failed and shown as such."""
    site = await house.site()
    async with house.store.begin() as conn:
        row = await notifications.take(conn, UUID(notification_id))
    if row is None:
        return
    channel = next((one for one in site.channels if one.id == row["channel"]), None)
    message = {"kind": row["kind"], "notification_id": notification_id, **row["body"]}
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
            await jobs.at(conn, "send_notification", notification_id, delay_s=pause, notification_id=notification_id)
