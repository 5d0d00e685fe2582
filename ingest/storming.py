"""Which storm the incidents that just opened join or begin; called where they open, so that each is placed once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.burst import Arrival, Burst, BurstReason, Recent, arrive, news_of
from core.site import Site
from store import jobs, storms, timeline
from store.ids import new_id
from store.pool import Connection, now

# Of the end: a little later than the window, so that the timer finds it over.
END_MARGIN_S = 1.0


async def join_storms(conn: Connection, site: Site, incident_ids: Sequence[UUID]) -> None:
    """Place new incidents, in this order, among those of the last window of the whole site."""
    limits = site.limits.storm
    await storms.lock(conn)
    moment = await now(conn)
    newest = await storms.newest(conn)
    burst = Burst(str(newest["id"]), newest["incident_count"], newest["last_at"]) if newest else None
    before = await storms.singles(conn, limits.window_s, incident_ids)
    opened: dict[str, datetime] = {str(row["id"]): row["opened_at"] for row in reversed(before)}
    recent = Recent(tuple(Arrival(key, at) for key, at in opened.items()), burst)
    grown: dict[str, tuple[Burst, list[str], BurstReason]] = {}
    for incident_id in incident_ids:
        opened[str(incident_id)] = moment
        recent, placed = arrive(recent, Arrival(str(incident_id), moment), str(new_id()), limits)
        if recent.burst:
            _, joined, reason = grown.get(recent.burst.id, (None, [], placed.reason))
            grown[recent.burst.id] = (recent.burst, [*joined, *placed.children], reason)
    for parent, (now_, joined, reason) in grown.items():
        began_at = min(opened[one] for one in joined)
        storm = storms.Grown(UUID(parent), now_.count, began_at, now_.last_at, [UUID(one) for one in joined])
        number = await storms.grow(conn, storm)
        await _tell(conn, number, storm, reason)
        if reason is BurstReason.BEGUN or news_of(now_.count, limits) > news_of(now_.count - len(joined), limits):
            await jobs.defer(conn, "page_storm", storm_id=parent)
        await jobs.at(conn, "end_storm", parent, delay_s=limits.window_s + END_MARGIN_S, storm_id=parent)


async def _tell(conn: Connection, number: int, storm: storms.Grown, reason: BurstReason) -> None:
    """Each incident shows which storm it is in."""
    body = {"storm": number, "incidents": storm.size, "text": f"one of {storm.size} incidents of storm #{number}"}
    rows = [
        {"incident_id": str(one), "kind": "storm.joined", "reason": reason, "body": body} for one in storm.incident_ids
    ]
    await timeline.append_many(conn, rows)
