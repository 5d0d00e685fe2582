"""Flapping: an incident whose firing alerts all come and go too often is told when that begins, and when it settled."""

from datetime import datetime
from uuid import UUID

from core.flapping import Flapping, FlapReason, flapping
from core.incident import IncidentState
from core.muting import FOLDED, Mute, MuteReason
from core.site import Limits
from engine.house import House
from store import flaps, incidents, jobs, timeline
from store.pool import Connection, Row, now

# An incident with more firing alerts than this is no matter of one that flaps.
ALERTS_MAX = 1_000
NAMES_MAX = 5
# Of the settling: a little later than the change that leaves the window.
SETTLE_MARGIN_S = 0.2


async def mute_of_flapping(conn: Connection, incident: Row, kind: str, limits: Limits, *, before: str) -> Mute:
    """Is this news of an alert that flaps already? `before` is what the news was held back by so far.

    Where flapping begins with this news it is told, and a timer for each alert waits until it has settled.
    """
    if kind.partition(":")[0] not in FOLDED - {"worse"}:
        return Mute(MuteReason.ALWAYS_TOLD)
    rows = await flaps.changes(conn, incident["id"], limits.flap_window_s, rows_max=ALERTS_MAX + 1)
    was_flapping = before.startswith(MuteReason.FLAPPING)
    if was_flapping and not await flaps.of_incident(conn, incident["id"]):
        return Mute(MuteReason.SETTLED)
    if not rows:
        return Mute(MuteReason.NOTHING_FIRES)
    moment = await now(conn)
    each = [(row, judge(row["times"], moment, limits, was_flapping=row["flaps"])) for row in rows[:ALERTS_MAX]]
    steady = [row for row, answer in each if not (row["flaps"] or answer.is_flapping)]
    if steady or len(rows) > ALERTS_MAX:
        return Mute(MuteReason.AUDIBLE)
    await incidents.get(conn, incident["id"], lock=True)
    known = await flaps.of_incident(conn, incident["id"])
    began = [(row, answer) for row, answer in each if answer.reason is FlapReason.BEGAN]
    await flaps.keep(conn, incident["id"], [{"identity": row["identity"], "name": row["name"]} for row, _ in each])
    for row, answer in began:
        await _wait(conn, row["identity"], answer.next_at or moment, moment)
    names = sorted({row["name"] for row in await flaps.of_incident(conn, incident["id"])})[:NAMES_MAX]
    if began:
        most = max(answer.changes for _, answer in began)
        body = {"alerts": names, "changes": most, "window_s": limits.flap_window_s, "text": _said(names, most, limits)}
        await timeline.append(conn, incident["id"], "flapping.began", reason=FlapReason.BEGAN, body=body)
    if known or len(began) < len(each):
        until = min((answer.next_at for _, answer in each if answer.next_at), default=None)
        return Mute(MuteReason.FLAPPING, tuple(f"alert:{name}" for name in names), until)
    return Mute(MuteReason.AUDIBLE)


def judge(times: list[datetime], moment: datetime, limits: Limits, *, was_flapping: bool) -> Flapping:
    """The judgement by the limits of this site."""
    return flapping(
        times,
        moment,
        was_flapping=was_flapping,
        changes_max=limits.flap_changes_max,
        window_s=limits.flap_window_s,
    )


async def settle_flapping(house: House, identity: str) -> None:
    """Has it settled? Then that is told, with the last one of its incident; otherwise it is asked again."""
    limits = (await house.site()).limits
    async with house.store.begin() as conn:
        row = await flaps.get(conn, identity)
        if row is None:
            return
        incident = await incidents.get(conn, row["incident_id"], lock=True)
        times = (await flaps.changes_of(conn, identity, limits.flap_window_s))["times"]
        moment = await now(conn)
        answer = judge(times, moment, limits, was_flapping=True)
        if answer.is_flapping:
            await _wait(conn, identity, answer.next_at or moment, moment)
            return
        await flaps.settle(conn, identity)
        if not await flaps.of_incident(conn, incident["id"]):
            await _tell_settled(conn, incident, row)


async def _tell_settled(conn: Connection, incident: Row, row: Row) -> None:
    quiet = incident["state"] == IncidentState.RESOLVED
    text = f"{row['name']} has settled: " + ("quiet" if quiet else "it fires")
    body = {"alert": row["name"], "began_at": row["began_at"].isoformat(), "text": text}
    await timeline.append(conn, incident["id"], "flapping.settled", reason=FlapReason.SETTLED, body=body)
    kind = f"settled:{row['began_at'].isoformat()}"
    await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind=kind)


async def told_of(conn: Connection, incident_id: UUID) -> str:
    """What a page says about flapping; empty where nothing flaps."""
    names = sorted({row["name"] for row in await flaps.of_incident(conn, incident_id)})[:NAMES_MAX]
    return f"{', '.join(names)} comes and goes; told again when that has settled" if names else ""


def _said(names: list[str], changes: int, limits: Limits) -> str:
    return (
        f"{', '.join(names)} changed {changes} times in {limits.flap_window_s / 60:.0f} min: told once until it settles"
    )


async def _wait(conn: Connection, identity: str, until: datetime, moment: datetime) -> None:
    delay_s = max((until - moment).total_seconds(), 0.0) + SETTLE_MARGIN_S
    await jobs.at(conn, "settle_flapping", identity, delay_s=delay_s, identity=identity)
