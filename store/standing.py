"""Standing approvals: who lets which version of a playbook act unasked, why, within which limits, until when."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.errors import NotFound
from store import audit
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

STANDING = Queries("standing")


async def add(conn: Connection, values: Mapping[str, Any], *, by: str) -> Row:
    """A new one. `values`: playbook_id, playbook_version, person_id, reason, environments, services,
    actions_per_hour_max, expires_s. The caller holds the gate's lock."""
    made = await one(conn, STANDING["add"], {**values, "id": new_id()})
    shown = {name: values[name] for name in ("environments", "services", "actions_per_hour_max", "expires_s")}
    await audit.write(
        conn,
        actor=by,
        action="standing.add",
        subject=f"playbook:{values['playbook_id']}",
        after=str(made["id"]),
        reason=str(values["reason"]),
        detail={**shown, "playbook_version": values["playbook_version"]},
    )
    return await get(conn, made["id"])


async def get(conn: Connection, standing_id: UUID) -> Row:
    """One of them; NotFound if there is none."""
    row = await maybe(conn, STANDING["get"], [standing_id])
    if row is None:
        raise NotFound(f"There is no standing approval {standing_id}. List them with: nightshift auto")
    return row


async def page(conn: Connection, *, everything: bool, before: UUID | None, rows: int) -> list[Row]:
    """Those that hold, or all, newest first."""
    return await many(conn, STANDING["page"], {"all": everything, "before": before, "rows": rows})


async def live(conn: Connection, playbook_id: str) -> list[Row]:
    """Those of a playbook that hold now, oldest first, with `used_last_hour`."""
    return await many(conn, STANDING["live"], [playbook_id])


async def end(conn: Connection, standing_id: UUID, *, by: str, reason: str) -> bool:
    """Take one back; False where it was taken back before. The caller holds the gate's lock."""
    row = await maybe(conn, STANDING["end"], {"id": standing_id, "by": by})
    if row:
        subject = f"playbook:{row['playbook_id']}"
        await audit.write(
            conn, actor=by, action="standing.end", subject=subject, before=str(standing_id), reason=reason
        )
    return row is not None
