"""Teams: who belongs to them, and which services are theirs, so that there is one answer to whom to ask."""

from collections.abc import Sequence

from core.errors import BadInput, IllegalTransition, NotFound
from store import audit, people
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

TEAMS = Queries("teams")
TEAMS_MAX = 1_000


async def add(
    conn: Connection, name: str, *, purpose: str, members: Sequence[str], services: Sequence[str], by: str
) -> Row:
    """A new team. Raises BadInput where the name is taken, a member is unknown, or a service has another owner."""
    if (await one(conn, TEAMS["count"]))["teams"] >= TEAMS_MAX:
        raise BadInput(f"There are {TEAMS_MAX} teams already; remove some first.")
    row = await maybe(conn, TEAMS["add"], [new_id(), name, purpose])
    if row is None:
        raise BadInput(f"There is a team {name!r} already; choose another name.")
    await _fill(conn, {**row, "name": name}, members, services)
    detail = {"purpose": purpose, "members": sorted(members), "services": sorted(services)}
    await audit.write(conn, actor=by, action="team.add", subject=f"team:{name}", detail=detail)
    return await get(conn, name)


async def every(conn: Connection) -> list[Row]:
    """All teams in the order of their names, each with `members` who work here, `services` and `rota`."""
    return await many(conn, TEAMS["all"], {"name": None})


async def get(conn: Connection, name: str) -> Row:
    """One team with its members and services. Raises NotFound."""
    row = await maybe(conn, TEAMS["all"], {"name": name})
    if row is None:
        raise _unknown(name)
    return row


async def change(
    conn: Connection, name: str, *, purpose: str, members: Sequence[str], services: Sequence[str], by: str
) -> Row:
    """Describe a team anew, whole. Raises NotFound, and BadInput as `add` does."""
    team = await lock(conn, name)
    before = await get(conn, name)
    await conn.execute(TEAMS["set_purpose"], [purpose, team["id"]])
    await _fill(conn, team, members, services)
    after = await get(conn, name)
    detail = {"before": _told(before), "after": _told(after)}
    if detail["before"] != detail["after"]:
        await audit.write(conn, actor=by, action="team.change", subject=f"team:{name}", detail=detail)
    return after


async def remove(conn: Connection, name: str, *, by: str) -> Row:
    """Remove a team and give what it was; the audit keeps it. Raises IllegalTransition while it has a rota."""
    team = await lock(conn, name)
    before = await get(conn, name)
    if before["rota"]:
        raise IllegalTransition(f"The team has the rota {before['rota']!r}: remove that first.", "has_rota")
    await conn.execute(TEAMS["remove"], [team["id"]])
    await audit.write(conn, actor=by, action="team.remove", subject=f"team:{name}", detail=_told(before))
    return before


async def owner(conn: Connection, service: str) -> Row | None:
    """`id` and `name` of the team that owns a service; None where none does."""
    return await maybe(conn, TEAMS["owner"], [service])


async def lock(conn: Connection, name: str) -> Row:
    """One team, against everybody who changes it. Raises NotFound."""
    row = await maybe(conn, TEAMS["lock"], [name])
    if row is None:
        raise _unknown(name)
    return row


async def _fill(conn: Connection, team: Row, members: Sequence[str], services: Sequence[str]) -> None:
    ids = [(await people.working(conn, name))["id"] for name in sorted(set(members))]
    await conn.execute(TEAMS["clear_members"], [team["id"], ids])
    for person_id in ids:
        await conn.execute(TEAMS["add_member"], [team["id"], person_id])
    wanted = sorted(set(services))
    await conn.execute(TEAMS["clear_services"], [team["id"], wanted])
    for service in wanted:
        await conn.execute(TEAMS["add_service"], [service, team["id"]])
        owned_by = await owner(conn, service)
        if owned_by is not None and owned_by["id"] != team["id"]:
            raise BadInput(f"{service} is owned by the team {owned_by['name']!r}: take it from that team first.")


def _told(team: Row) -> dict[str, object]:
    members = [member["name"] for member in team["members"]]
    return {"purpose": team["purpose"], "members": members, "services": team["services"]}


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no team {name!r}. List them with: nightshift teams")
