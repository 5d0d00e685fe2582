"""Rotas: who is on call when, for a team or for the whole house; overrides; and who it is at a moment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from core.errors import BadInput, NotFound
from core.rota import OVERRIDE_S_MAX, OVERRIDES_MAX, OnCall, on_call
from core.rota_form import read_rota
from store import audit, people, teams
from store.ids import new_id
from store.people import ROTAS
from store.pool import Connection, Row, many, maybe, now, one

ROTAS_MAX = 1_000


async def add(conn: Connection, name: str, *, team: str | None, fallback: str, body: Mapping[str, Any], by: str) -> Row:
    """A new rota, of a team or (None) of the whole house. Raises BadInput where there is one already."""
    if len(await every(conn)) >= ROTAS_MAX:
        raise BadInput(f"There are {ROTAS_MAX} rotas already; remove some first.")
    values = await _checked(conn, team, fallback, body, by)
    if await maybe(conn, ROTAS["add"], {**values, "id": new_id(), "name": name}) is None:
        whose = f"of the team {team!r}" if team else "of the whole house"
        raise BadInput(f"There is a rota {name!r}, or a rota {whose}, already: change that one.")
    await _audit(conn, "add", name, by, {"team": team, "fallback": fallback, "body": dict(body)})
    return await get(conn, name)


async def change(
    conn: Connection, name: str, *, team: str | None, fallback: str, body: Mapping[str, Any], by: str
) -> Row:
    """Describe a rota anew, whole; its overrides stay. Raises NotFound, and BadInput as `add` does."""
    row = await lock(conn, name)
    values = await _checked(conn, team, fallback, body, by)
    held = await maybe(conn, ROTAS["of_team"], [values["team_id"]])
    if held is not None and held["name"] != name:
        raise BadInput(f"The rota {held['name']!r} is there for them already: change that one.")
    await conn.execute(ROTAS["change"], {**values, "id": row["id"]})
    await _audit(conn, "change", name, by, {"team": team, "fallback": fallback, "body": dict(body)})
    return await get(conn, name)


async def remove(conn: Connection, name: str, *, by: str) -> Row:
    """Remove a rota and give what it was; the audit keeps it."""
    row = await lock(conn, name)
    before = await get(conn, name)
    await conn.execute(ROTAS["remove"], [row["id"]])
    detail = {"team": before["team"], "fallback": before["fallback"], "body": before["body"]}
    await _audit(conn, "remove", name, by, detail)
    return before


async def every(conn: Connection, *, since: datetime | None = None) -> list[Row]:
    """All rotas in the order of their names, with the `overrides` that were not over at `since` (None: now)."""
    return await many(conn, ROTAS["all"], {"name": None, "since": since})


async def get(conn: Connection, name: str, *, since: datetime | None = None) -> Row:
    """One rota with its overrides. Raises NotFound."""
    row = await maybe(conn, ROTAS["all"], {"name": name, "since": since})
    if row is None:
        raise _unknown(name)
    return row


async def lock(conn: Connection, name: str) -> Row:
    """One rota, against everybody who changes it. Raises NotFound."""
    row = await maybe(conn, ROTAS["lock"], [name])
    if row is None:
        raise _unknown(name)
    return row


async def override(
    conn: Connection, name: str, *, person: str, starts_at: datetime, ends_at: datetime, reason: str, by: str
) -> Row:
    """Let somebody stand in. The one given last wins. Raises BadInput where it is over, too long, or one too many."""
    rota = await lock(conn, name)
    await people.working(conn, person)
    if ends_at <= max(starts_at, await now(conn)):
        raise BadInput("An override ends after it begins, and not in the past.")
    if (ends_at - starts_at).total_seconds() > OVERRIDE_S_MAX:
        raise BadInput(f"An override lasts at most {OVERRIDE_S_MAX / 86_400:.0f} days; change the rota for longer.")
    if (await one(conn, ROTAS["overrides"], [rota["id"]]))["overrides"] >= OVERRIDES_MAX:
        raise BadInput(f"{name} has {OVERRIDES_MAX} overrides that are not over; end some first.")
    row = await one(
        conn,
        ROTAS["override"],
        {
            "id": new_id(),
            "rota_id": rota["id"],
            "person": person,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "reason": reason,
            "by": by,
        },
    )
    told = {"person": person, "from": starts_at.isoformat(), "to": ends_at.isoformat()}
    await _audit(conn, "override", name, by, told, reason=reason)
    return row


async def end_override(conn: Connection, name: str, override_id: UUID, *, by: str) -> None:
    """End an override now; one that has not begun never does. Raises NotFound."""
    rota = await lock(conn, name)
    which = {"id": override_id, "rota_id": rota["id"]}
    row = await maybe(conn, ROTAS["drop_override"], which) or await maybe(conn, ROTAS["end_override"], which)
    if row is None:
        raise NotFound(f"The rota {name!r} has no override {override_id} that is not over.")
    await _audit(conn, "end_override", name, by, {"person": row["person"], "override": str(override_id)})


async def answers(conn: Connection, moment: datetime) -> list[tuple[Row, OnCall]]:
    """Each rota, and who is on call by it at a moment."""
    left = await _left(conn)
    return [(row, _who(row, moment, left)) for row in await every(conn, since=moment)]


async def for_service(conn: Connection, service: str, moment: datetime) -> tuple[Row, OnCall] | None:
    """The rota of the team that owns a service, else that of the whole house, and who is on call by it; None if there
    is neither."""
    owner = await teams.owner(conn, service)
    held = await maybe(conn, ROTAS["of_team"], [owner["id"]]) if owner else None
    held = held or await maybe(conn, ROTAS["of_team"], [None])
    if held is None:
        return None
    row = await get(conn, held["name"], since=moment)
    return row, _who(row, moment, await _left(conn))


def _who(row: Row, moment: datetime, left: frozenset[str]) -> OnCall:
    rota = read_rota(row["body"], fallback=row["fallback"], overrides=row["overrides"], left=left)
    return on_call(rota, moment)


async def _left(conn: Connection) -> frozenset[str]:
    return frozenset(row["name"] for row in await many(conn, ROTAS["gone"]))


async def _checked(
    conn: Connection, team: str | None, fallback: str, body: Mapping[str, Any], by: str
) -> dict[str, Any]:
    rota = read_rota(body, fallback=fallback)
    for name in sorted({fallback, *(name for shift in rota.shifts for name in shift.people)}):
        await people.working(conn, name)
    team_id = (await teams.lock(conn, team))["id"] if team else None
    return {"team_id": team_id, "fallback": fallback, "body": Jsonb(dict(body)), "by": by}


async def _audit(
    conn: Connection, verb: str, name: str, by: str, detail: Mapping[str, Any], *, reason: str = ""
) -> None:
    await audit.write(conn, actor=by, action=f"rota.{verb}", subject=f"rota:{name}", reason=reason, detail=detail)


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no rota {name!r}. List them with: nightshift rota")
