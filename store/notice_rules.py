"""Silences, maintenance windows, inhibitions and escalation policies: the newest version rules, all are kept."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from core.errors import BadInput, IllegalTransition, NotFound
from core.notice_rule import Draft, NoticeKind
from store import audit
from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

NOTICE_RULES = Queries("notice_rules")
NOT_OVER_MAX = 1_000


async def create(conn: Connection, kind: NoticeKind, draft: Draft, *, by: str) -> Row:
    """The first version. Raises BadInput where too many of the kind are not over."""
    if (await one(conn, NOTICE_RULES["not_over"], [kind]))["rules"] >= NOT_OVER_MAX:
        raise BadInput(f"There are {NOT_OVER_MAX} of kind {kind} already; expire some first.")
    params = {
        "id": new_id(),
        "kind": kind,
        "body": Jsonb(dict(draft.body)),
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
        "by": by,
    }
    return await _written(conn, await one(conn, NOTICE_RULES["create"], params), "create", by)


async def update(conn: Connection, kind: NoticeKind, rule_id: UUID, draft: Draft, *, by: str) -> Row:
    """The next version. Raises IllegalTransition where it is over."""
    params = {
        "id": rule_id,
        "kind": kind,
        "body": Jsonb(dict(draft.body)),
        "starts_at": draft.starts_at,
        "ends_at": draft.ends_at,
        "by": by,
    }
    row = await maybe(conn, NOTICE_RULES["update"], params)
    if row is None:
        raise IllegalTransition(f"The {kind} {rule_id} is over; make a new one.")
    return await _written(conn, row, "update", by)


async def expire(conn: Connection, kind: NoticeKind, rule_id: UUID, *, by: str) -> Row:
    """End it now. Raises IllegalTransition where it is over."""
    row = await maybe(conn, NOTICE_RULES["expire"], {"id": rule_id, "kind": kind, "by": by})
    if row is None:
        raise IllegalTransition(f"The {kind} {rule_id} is over already.")
    return await _written(conn, row, "expire", by)


async def _written(conn: Connection, row: Row, what: str, by: str) -> Row:
    await conn.execute(NOTICE_RULES["keep"], [row["id"]])
    if what != "create":
        await conn.execute(NOTICE_RULES["hear_again"])
    await audit.write(
        conn,
        actor=by,
        action=f"{row['kind']}.{what}",
        subject=f"{row['kind']}:{row['id']}",
        before=str(row["version"] - 1) if row["version"] > 1 else "",
        after=str(row["version"]),
        reason=row["body"].get("override", ""),
        detail=row["body"],
    )
    return row


async def get(conn: Connection, kind: NoticeKind, rule_id: UUID) -> Row:
    """One of a kind. Raises NotFound."""
    row = await maybe(conn, NOTICE_RULES["get"], [rule_id, kind])
    if row is None:
        raise NotFound(f"There is no {kind} {rule_id}.")
    return row


async def versions(conn: Connection, rule_id: UUID) -> list[Row]:
    """Every version of one."""
    return await many(conn, NOTICE_RULES["versions"], [rule_id])


async def page(conn: Connection, kind: NoticeKind, *, ended: bool, before: UUID | None, rows: int) -> list[Row]:
    """Newest first; with those that are over where `ended`."""
    params = {"kind": kind, "ended": ended, "before": before, "rows": rows}
    return await many(conn, NOTICE_RULES["page"], params)


async def in_force(conn: Connection, kinds: Sequence[NoticeKind]) -> list[Row]:
    """What has begun and is not over, of some kinds."""
    return await many(conn, NOTICE_RULES["in_force"], [list(kinds)])
