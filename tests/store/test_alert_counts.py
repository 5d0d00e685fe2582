"""What `/metrics` asks of alerts stays cheap, however many have ended."""

from typing import Any

import psycopg

from store import alerts
from store.bus import open_bus
from store.pool import many, one, open_store


async def test_metrics_count_without_reading_what_ended(database: Any) -> None:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as store:
        async with store.begin() as conn:
            assert dict(await alerts.counts(conn)) == {"firing": 0, "last_at": None}
            await conn.execute(
                "INSERT INTO incidents (id, priority, group_key, environment, cluster, service, title,"
                " signature, started_at) VALUES (gen_random_uuid(), 'P1', 'g', 'e', 'c', 's', 't', 's', now())"
            )
            await conn.execute(
                "INSERT INTO alerts (id, incident_id, source, identity, name, class, severity, status, environment,"
                " cluster, service, resource_id, labels, annotations, generator_url, content_hash, starts_at, ended_at,"
                " last_received_at) SELECT gen_random_uuid(), (SELECT id FROM incidents), 's', n::text, 'n', 'c', 's',"
                " 'x', 'e', 'c', 's', 'r', '{}', '{}', '', 'h', now(), t, coalesce(t, to_timestamp(500))"
                " FROM generate_series(1, 20000) n, "
                " LATERAL (SELECT CASE WHEN n > 3 THEN to_timestamp(1000 + n) END) x (t)"
            )
        async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as owner:
            await owner.execute("VACUUM ANALYZE alerts")
        async with store.begin() as conn:
            row = await alerts.counts(conn)
            assert (row["firing"], row["last_at"]) == (3, 21000)
            plan = await many(conn, "EXPLAIN " + alerts.ALERTS["counts"])
            text = "\n".join(line["QUERY PLAN"] for line in plan)
            assert "Seq Scan" not in text, text
            await conn.execute("UPDATE alerts SET last_received_at = to_timestamp(90000) WHERE identity = '1'")
            assert (await one(conn, alerts.ALERTS["counts"]))["last_at"] == 90000
    await bus.close()
