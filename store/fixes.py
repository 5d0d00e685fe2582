"""Past fixes in five elements, found again by signature, words and vectors."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pgvector import HalfVector

from store.ids import new_id
from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

FIXES = Queries("fixes")


async def remember(conn: Connection, values: Mapping[str, Any]) -> UUID | None:
    """Keep a fix once an execution: its new id, or None where it was kept before."""
    row = await maybe(conn, FIXES["remember"], {"id": new_id(), **values})
    return UUID(str(row["id"])) if row else None


async def remember_by_hand(conn: Connection, values: Mapping[str, Any]) -> UUID:
    """Keep what a person did, one an incident; the newest answer counts, and waits for a vector again."""
    row = await one(conn, FIXES["remember_by_hand"], {"id": new_id(), **values})
    return UUID(str(row["id"]))


async def forget_by_hand(conn: Connection, incident_id: UUID) -> None:
    """Nobody did anything after all."""
    await conn.execute(FIXES["forget_by_hand"], [incident_id])


async def unembedded(conn: Connection, model: str, *, rows: int = 50) -> list[Row]:
    """Fixes without a vector of this model: id and text."""
    return await many(conn, FIXES["unembedded"], [model, rows])


async def embed(conn: Connection, fix_id: UUID, vector: Sequence[float], model: str) -> None:
    """Store a vector with the model that made it."""
    await conn.execute(FIXES["embed"], [HalfVector(list(vector)).to_text(), model, fix_id])


async def by_words(conn: Connection, signature: str, words: str, environment: str, *, rows: int) -> list[Row]:
    """Fixes of the same signature or with shared words; same signature first. `score` is the lexical rank."""
    params = {"signature": signature, "words": words, "environment": environment, "rows": rows}
    return await many(conn, FIXES["by_words"], params)


async def by_vector(conn: Connection, vector: Sequence[float], model: str, *, rows: int) -> list[Row]:
    """The nearest fixes by cosine similarity among vectors of this model; `score` is the similarity."""
    text = HalfVector(list(vector)).to_text()
    query = FIXES["by_vector_384"] if len(vector) == 384 else FIXES["by_vector"]
    return await many(conn, query, {"vector": text, "model": model, "rows": rows})
