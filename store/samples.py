"""The samples of the built-in collector."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from core.canonical import canonical
from core.series import Series
from store.pool import Connection, many
from store.sql_files import Queries

SAMPLES = Queries("samples")
Sample = tuple[str, Mapping[str, str], float]
"""Metric, labels, value."""


class SeriesIndex:
    """Remembers the ids of known series, so that a scrape costs one insert."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}

    async def insert(self, conn: Connection, at: datetime, samples: Iterable[Sample]) -> int:
        """Store the samples of one scrape; how many."""
        keyed = {(metric, tuple(sorted(labels.items()))): float(value) for metric, labels, value in samples}
        unknown = [key for key in keyed if key not in self._ids]
        if unknown:
            await self._register(conn, unknown)
        rows = ([self._ids[key] for key in keyed], list(keyed.values()))
        await conn.execute(SAMPLES["insert"], [at, *rows])
        return len(keyed)

    async def _register(self, conn: Connection, keys: Sequence[tuple[str, tuple[tuple[str, str], ...]]]) -> None:
        rows = [
            {
                "digest": hashlib.sha256(canonical([metric, labels])).hexdigest(),
                "metric": metric,
                "labels": dict(labels),
            }
            for metric, labels in keys
        ]
        found = await many(conn, SAMPLES["register"], {"rows": Jsonb(rows)})
        by_digest = {row["digest"]: int(row["id"]) for row in found}
        for key, row in zip(keys, rows, strict=True):
            self._ids[key] = by_digest[str(row["digest"])]


async def read(
    conn: Connection, metrics: Sequence[str], matchers: Mapping[str, str], start: datetime, end: datetime
) -> list[Series]:
    """The raw series of some metrics whose labels contain `matchers`, with their points in a range of time."""
    rows = await many(conn, SAMPLES["read"], [start, end, list(metrics), Jsonb(dict(matchers))])
    return [Series(r["metric"], r["labels"], list(zip(r["times"], r["values"], strict=True))) for r in rows]


async def forget(conn: Connection, *, older_than_s: float) -> int:
    """Drop samples that are older than the retention."""
    return (await conn.execute(SAMPLES["forget"], [older_than_s])).rowcount
