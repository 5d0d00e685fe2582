"""Silencing what fires in one incident, and nothing else, for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import Refused
from core.notice_rule import NoticeKind, read_draft
from store import firing, notice_rules, timeline
from store.pool import Connection, Row, now

FIRING_MAX = 10_000
KINDS_MAX = 20
LABELS = ("alertname", "service", "environment", "cluster")
"""What makes two alerts the same kind of trouble in the same place; an absent one has to be absent there too."""
SAME_S = 60.0


@dataclass(frozen=True, slots=True)
class Silenced:
    """Until when all of it is silent, how many kinds of alerts that are, and whether anything was changed."""

    until: datetime
    kinds: int
    is_new: bool


async def silence_incident(conn: Connection, incident: Row, name: str, *, for_s: float, via: str = "") -> Silenced:
    """A silence for each kind of alert that fires in this incident, in the name of a person; the caller has locked it.

    Done again, the silences of before are prolonged. Raises Refused where nothing fires, or too many kinds do.
    """
    moment = await now(conn)
    wanted = await _kinds(conn, incident)
    in_force = await notice_rules.in_force(conn, [NoticeKind.SILENCE])
    known = {tuple(row["body"]["matchers"]): row for row in in_force}
    until, is_new = moment + timedelta(seconds=for_s), False
    for matchers in wanted:
        body = {"matchers": list(matchers), "reason": f"silenced by {name} in incident #{incident['number']}"}
        draft = read_draft(NoticeKind.SILENCE, {**body, "for_s": for_s}, moment)
        row = known.get(tuple(draft.body["matchers"]))
        if row is None:
            await notice_rules.create(conn, NoticeKind.SILENCE, draft, by=f"person:{name}")
        elif row["ends_at"] < until - timedelta(seconds=SAME_S):
            await notice_rules.update(conn, NoticeKind.SILENCE, row["id"], draft, by=f"person:{name}")
        else:
            until = min(until, row["ends_at"])
            continue
        is_new = True
    if is_new:
        text = f"silent until {until.isoformat(timespec='seconds')}"
        told = {"text": text, "until": until.isoformat(), "kinds": len(wanted), **({"via": via} if via else {})}
        actor = f"person:{name}"
        await timeline.append(conn, incident["id"], "incident.silenced", actor=actor, reason="by_person", body=told)
    return Silenced(until, len(wanted), is_new)


async def _kinds(conn: Connection, incident: Row) -> list[tuple[str, ...]]:
    alerts = await firing.of_incident(conn, incident["id"], rows_max=FIRING_MAX)
    if not alerts:
        raise Refused(f"No alert of #{incident['number']} fires.", "nothing_fires")
    found = {tuple(f'{label}="{alert.labels.get(label, "")}"' for label in LABELS) for alert in alerts}
    if len(found) > KINDS_MAX:
        raise Refused(f"#{incident['number']} has more than {KINDS_MAX} kinds of alerts.", "too_wide")
    return sorted(found)
