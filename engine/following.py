"""Following an incident: what its messages in chats show may have changed, so they are looked at again."""

from collections.abc import Iterable
from uuid import UUID

from core.execution import State
from core.site import Channel
from engine.house import House
from engine.outbox import want
from store import approvals, conversations, diagnoses, executions, notifications, timeline
from store.pool import Connection, Row

SHOWN_UNASKED = frozenset(State) - {State.PROPOSED, State.DENIED, State.AWAITING_APPROVAL}
"""What runs by a standing approval has no card before; its outcome is told all the same."""


async def follow_incident(house: House, incident_id: str) -> None:
    """Have everything posted or edited that people in the incident's threads should see and do not yet.

    Findings and cards follow the page: where nobody was paged there is no thread, and nothing is said.
    """
    site = await house.site()
    chats = {channel.id: channel for channel in site.channels if channel.is_chat}
    async with house.store.begin() as conn:
        threads = await conversations.of_incident(conn, UUID(incident_id))
        if not (threads and chats):
            return
        posted = await _posted(conn, UUID(incident_id))
        subjects = await _subjects(conn, UUID(incident_id))
        for thread in threads:
            channel = chats.get(thread["channel"])
            if channel is None:
                continue
            for subject, kind in subjects.items():
                if kind == "finding" and (channel.id, subject) in posted:
                    continue  # written once
                await want(conn, channel, subject, UUID(incident_id), kind)
            await notifications.wake(conn, channel.id)


async def follow_cards(house: House) -> None:
    """Have every thread looked at in which a card waits: something that all cards tell has changed."""
    async with house.store.begin() as conn:
        await timeline.follow_cards(conn)


async def want_findings(conn: Connection, channels: Iterable[Channel], incident_id: UUID) -> None:
    """Have what was found said before what it led to, wherever it is not yet: a card is read below it."""
    posted = await _posted(conn, incident_id)
    findings = await _findings(conn, incident_id)
    for channel in channels:
        for subject in findings:
            if channel.is_chat and (channel.id, subject) not in posted:
                await want(conn, channel, subject, incident_id, "finding")


async def _posted(conn: Connection, incident_id: UUID) -> set[tuple[str, str]]:
    """Which subjects stand in which channels."""
    return {(row["channel"], row["subject"]) for row in await conversations.posts_of_incident(conn, incident_id)}


async def _findings(conn: Connection, incident_id: UUID) -> list[str]:
    """One for each attempt that found something."""
    last = await diagnoses.last(conn, incident_id)
    return [f"finding:{incident_id}:{attempt}" for attempt in range(1, int(last["attempt"]) + 1 if last else 1)]


async def _subjects(conn: Connection, incident_id: UUID) -> dict[str, str]:
    """What is to be seen of an incident, with its kind in the outbox, in the order in which it is said."""
    found = {f"page:{incident_id}": "page"}
    found |= dict.fromkeys(await _findings(conn, incident_id), "finding")
    for row in await executions.of_incident(conn, incident_id):
        if row["card"] and await _is_seen(conn, row):
            found[f"card:{row['id']}"] = "card"
    if await timeline.is_asked(conn, incident_id):
        found[f"fix:{incident_id}"] = "fix_asked"
    return found


async def _is_seen(conn: Connection, row: Row) -> bool:
    """A card is announced once the thread that made it has come to rest."""
    approval = await approvals.of_execution(conn, row["id"])
    return bool(approval and (approval["announced_at"] or row["state"] in SHOWN_UNASKED))
