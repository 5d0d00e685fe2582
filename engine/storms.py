"""Storms: many incidents that opened together are told as one, except what is critical."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core.burst import news_of
from core.incident import IncidentState, Priority
from core.muting import Mute, MuteReason, mute_in_storm
from engine.house import House
from engine.muting import mute_of
from engine.outbox import refresh, tell
from ingest.storming import END_MARGIN_S
from store import firing, jobs, storms
from store.pool import Connection, Row

# Asked one by one whether anything of a storm is to be heard of.
MEMBERS_MAX = 50
SHOWN_MAX = 5
MUTED_AGAIN_S = 15.0


async def page_storm(house: House, storm_id: str) -> None:
    """One message a channel when a storm begins and whenever it has doubled.

    Where all of it is silenced, in maintenance or inhibited, it is asked about again while it lasts.
    """
    site = await house.site()
    async with house.store.begin() as conn:
        storm = await storms.get(conn, UUID(storm_id))
        news = news_of(storm["incident_count"], site.limits.storm)
        if news <= storm["told"]:
            return
        members = await storms.members(conn, storm["id"], rows_max=MEMBERS_MAX)
        worst = await _audible(conn, members)
        if worst is None:
            if storm["ended_at"] is None:
                await jobs.at(conn, "page_storm", storm_id, delay_s=MUTED_AGAIN_S, storm_id=storm_id)
        else:
            # The incident before the storm, as those lock them who open incidents; told twice it is queued once.
            key = f"storm:{storm_id}:{news}"
            body = _body(storm, worst, members)
            await tell(conn, site.channels, worst["id"], "storm", body, key=key, subject=f"storm:{storm_id}")
            await storms.set_told(conn, storm["id"], news)


async def end_storm(house: House, storm_id: str) -> None:
    """End a storm that nothing joined for a whole window; otherwise look again."""
    site = await house.site()
    window_s = site.limits.storm_window_s
    async with house.store.begin() as conn:
        if not await storms.end(conn, UUID(storm_id), window_s):
            await jobs.at(conn, "end_storm", storm_id, delay_s=window_s + END_MARGIN_S, storm_id=storm_id)
        elif (await storms.get(conn, UUID(storm_id)))["told"]:
            await refresh(conn, site.channels, f"storm:{storm_id}", "storm")


async def mute_of_storm(conn: Connection, incident: Row, kind: str, *, was_muted: bool) -> Mute:
    """Is this news told by the incident's storm already?"""
    if incident["storm_id"] is None:
        return Mute(MuteReason.AUDIBLE)
    storm = await storms.get(conn, incident["storm_id"])
    is_critical = incident["priority"] == Priority.P1 and await firing.is_critical(conn, incident["id"])
    return mute_in_storm(
        kind, storm["number"], is_over=storm["ended_at"] is not None, was_muted=was_muted, is_critical=is_critical
    )


async def _audible(conn: Connection, members: Sequence[Row]) -> Row | None:
    """The worst of these incidents that nothing else holds back."""
    for row in members:
        if row["state"] != IncidentState.RESOLVED and not (await mute_of(conn, row["id"], "storm")).is_muted:
            return row
    return None


def _body(storm: Row, worst: Row, members: Sequence[Row]) -> Mapping[str, Any]:
    count, number = storm["incident_count"], storm["number"]
    return {
        "storm": number,
        "incidents": count,
        "title": f"storm #{number}: {count} incidents, the worst: #{worst['number']} {worst['title']}",
        "incident": worst["number"],
        "priority": worst["priority"],
        "service": worst["service"],
        "worst": [f"#{row['number']} {row['priority']} {row['title']}" for row in members[:SHOWN_MAX]],
    }
