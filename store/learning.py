"""What learning reads: outcomes once an action and incident, what people did by hand, and shadow proposals."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from store.pool import Connection, Row, many, maybe, one
from store.sql_files import Queries

LEARNING = Queries("learning")
HISTORY_MAX = 5_000
ROWS_MAX = 1_000
WORDS_LIKENESS_MIN = 0.5
"""Of trigrams: from here on, two people said the same."""


async def history(
    conn: Connection,
    *,
    actions: Iterable[str] | None = None,
    signature: str | None = None,
    rows: int = HISTORY_MAX,
) -> list[Row]:
    """The newest outcomes, of these action types or this signature; `at` in unix seconds."""
    params = {"actions": None if actions is None else sorted(set(actions)), "signature": signature, "rows": rows}
    return await many(conn, LEARNING["history"], params)


async def occurrences(conn: Connection, signature: str | None = None, *, rows: int = ROWS_MAX) -> list[Row]:
    """How often each signature came, the most frequent first."""
    return await many(conn, LEARNING["occurrences"], {"signature": signature, "rows": rows})


async def tell_fix(conn: Connection, values: Mapping[str, Any]) -> Row:
    """Keep what fixed an incident, by the word of a person."""
    return await one(conn, LEARNING["tell_fix"], values)


async def human_fix(conn: Connection, incident_id: UUID) -> Row | None:
    """What a person said about an incident."""
    return await maybe(conn, LEARNING["human_fix"], [incident_id])


async def human_fixes(conn: Connection, signature: str | None = None) -> list[Row]:
    """What people did by hand, in counts."""
    return await many(conn, LEARNING["human_fixes"], {"signature": signature, "rows": ROWS_MAX})


async def shadow(conn: Connection, signature: str | None = None) -> list[Row]:
    """The first recorded proposal of each incident beside what people did: `done` is '' for nothing, None if unsaid."""
    return await many(conn, LEARNING["shadow"], {"signature": signature, "rows": HISTORY_MAX})


async def habit(conn: Connection, signature: str, playbook_id: str | None, words: str) -> Row:
    """How often people did the same about a kind of trouble (`times`), and the `words` of the first."""
    params = {"signature": signature, "playbook": playbook_id, "words": words, "likeness": WORDS_LIKENESS_MIN}
    return await one(conn, LEARNING["habit"], params)


async def lock_draft(conn: Connection, playbook_id: str) -> None:
    """Hold the draft of this id until the transaction ends."""
    await conn.execute(LEARNING["lock_draft"], [playbook_id])


async def is_healed(conn: Connection, incident_id: UUID) -> bool:
    """Did an action of ours help, as far as is known?"""
    return bool((await one(conn, LEARNING["is_healed"], [incident_id]))["is_healed"])


async def was_asked(conn: Connection, incident_id: UUID) -> bool:
    """Was it asked what fixed it?"""
    return bool((await one(conn, LEARNING["was_asked"], [incident_id]))["was_asked"])


async def in_shadow(conn: Connection, incident_id: UUID) -> str | None:
    """The playbook that the shadow mode would have proposed."""
    row = await maybe(conn, LEARNING["in_shadow"], [incident_id])
    return str(row["playbook_id"]) if row else None
