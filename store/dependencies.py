"""Dependencies that labels of alerts told, and what else stands beside the usual grouping."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from core.topology import Edge
from store.pool import Connection, Row, many
from store.sql_files import Queries

DEPENDENCIES = Queries("dependencies")


@dataclass(frozen=True, slots=True)
class Standing:
    """Incidents that claim groups and identities, and learned dependencies, as far as they were asked for."""

    groups: Mapping[str, UUID]
    identities: Mapping[str, UUID]
    edges: Sequence[tuple[str, str]]


async def standing(
    conn: Connection, *, groups: Iterable[str], identities: Iterable[str], services: Iterable[str], keep_s: float
) -> Standing:
    """What is claimed and learned about a batch, in one query."""
    many_identities = Jsonb(list(identities), dumps=orjson.dumps)
    params = {"groups": list(groups), "identities": many_identities, "services": list(services), "keep_s": keep_s}
    rows = await many(conn, DEPENDENCIES["standing"], params)
    return Standing(
        {row["key"]: UUID(row["target"]) for row in rows if row["kind"] == "group"},
        {row["key"]: UUID(row["target"]) for row in rows if row["kind"] == "identity"},
        [(row["key"], row["target"]) for row in rows if row["kind"] == "edge"],
    )


async def learn(conn: Connection, edges: Mapping[Edge, tuple[str, str]], *, edges_max: int) -> None:
    """Keep edges with the label and the source that told each. Roughly `edges_max` are kept in all."""
    room = sorted(edges.items())[:edges_max]
    rows = [
        {"service": edge.service, "depends_on": edge.depends_on, "label": label, "source": source}
        for edge, (label, source) in room
    ]
    await conn.execute(DEPENDENCIES["learn"], {"edges": Jsonb(rows), "edges_max": edges_max})


async def page(conn: Connection, *, keep_s: float, rows: int) -> list[Row]:
    """The learned edges that are not too old."""
    return await many(conn, DEPENDENCIES["page"], {"keep_s": keep_s, "rows": rows})


async def forget(conn: Connection, *, older_than_s: float) -> None:
    """Forget what was not seen for long."""
    await conn.execute(DEPENDENCIES["forget"], [older_than_s])
