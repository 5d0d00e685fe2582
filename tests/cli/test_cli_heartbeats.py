"""Heartbeats, repeat intervals and frequencies at the command line."""

import json
from datetime import UTC, datetime
from typing import Any

from core.alert import Alert, AlertStatus
from ingest.heartbeats import Beat, read_rules, record
from store import heartbeats


async def test_rules_are_added_and_ended_and_heartbeats_listed_and_retired(office: Any) -> None:
    assert "No heartbeats yet" in (await office.run("viewer", "heartbeats")).err
    added = await office.run(
        "operator", "heartbeats", "add", "alertname=NightlyBackup", "--title", "backup", "--every", "1d", "--json"
    )
    assert added.code == 0, added.err
    rule = json.loads(added.out)
    labels = {"alertname": "NightlyBackup", "cluster": "eu-1"}
    alert = Alert("cron", "cron:backup", labels, AlertStatus.FIRING, datetime.now(UTC))
    async with office.house.store.begin() as conn:
        await heartbeats.hear(conn)
        found = (await read_rules(conn)).of("cron", labels)
        assert found is not None
        assert await record(conn, [Beat(found, alert)]) == []
    listed = (await office.run("viewer", "heartbeats", "list")).out
    for word in ("NightlyBackup", "eu-1", "cron", "beating", "86400 s configured", "backup"):
        assert word in listed
    rules = (await office.run("viewer", "heartbeats", "rules")).out
    for word in (rule["id"], "alertname=NightlyBackup", "86400 s", "person:operator"):
        assert word in rules
    [one] = json.loads((await office.run("viewer", "heartbeats", "--json")).out)["items"]
    refused = await office.run("viewer", "heartbeats", "retire", one["id"])
    assert (refused.code, refused.out) == (2, "")
    retired = await office.run("operator", "heartbeats", "retire", one["id"])
    assert retired.out == "NightlyBackup: nobody waits for it any more\n"
    assert (await office.run("operator", "heartbeats", "expire", rule["id"])).out == f"{rule['id']}: expired\n"
    assert "No rules but those" in (await office.run("viewer", "heartbeats", "rules")).err


async def test_a_source_is_told_to_repeat(office: Any) -> None:
    added = await office.run("admin", "sources", "add", "am", "--kind", "alertmanager", "--repeat", "4h")
    assert added.code == 0, added.err
    [one] = json.loads((await office.run("operator", "sources", "--json")).out)["sources"]
    assert one["settings"] == {"repeat_interval_s": 14_400}
    assert (await office.run("admin", "sources", "repeat", "am", "1h")).out == "am: every 3600 s\n"
    assert (await office.run("admin", "sources", "repeat", "am", "unknown")).out == "am: unknown\n"
    refused = await office.run("operator", "sources", "repeat", "am", "1h")
    assert (refused.code, refused.out) == (2, "")


async def test_an_incident_says_how_often_it_came_and_what_is_unknown(office: Any) -> None:
    number = await office.trouble()
    shown = await office.run("viewer", "incidents", "show", str(number))
    assert "first in 30 days" in shown.out
    assert "Unknown" not in shown.out
    async with office.house.store.begin() as conn:
        await conn.execute("INSERT INTO stale_alerts SELECT id, received_at FROM alerts")
    shown = await office.run("viewer", "incidents", "show", str(number))
    assert "1 alerts are not repeated any more" in shown.out
