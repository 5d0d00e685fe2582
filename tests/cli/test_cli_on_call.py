"""A night on call, at the command line: look, acknowledge, propose, decide, follow; every refusal is one line."""

import asyncio
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

ROLLBACK = ("rollback-bad-release", "service=checkout", "to_version=v41", "--reason", "errors began with v42")


async def test_incident_is_read_acknowledged_commented_and_resolved(office: Any) -> None:
    number = str(await office.trouble())

    listed = await office.run("viewer", "incidents")
    assert listed.code == 0
    assert f"#{number}" in listed.out
    assert "HighErrorRate on checkout" in listed.out

    acknowledged = await office.run("responder", "incidents", "ack", number, "--reason", "looking")
    assert (acknowledged.code, acknowledged.out) == (0, f"#{number} is acknowledged\n")
    again = await office.run("responder", "incidents", "ack", f"#{number}")
    assert (again.code, again.out) == (0, f"#{number} is acknowledged\n")
    written = await office.run("responder", "incidents", "comment", number, "errors began with v42", "--json")
    assert json.loads(written.out)["seq"] > 0

    shown = await office.run("viewer", "incidents", "show", number, "--json")
    incident = json.loads(shown.out)
    assert incident["state"] == "acknowledged"
    assert incident["acknowledged_by"] == "responder"
    assert [(a["name"], a["class"], a["firing"]) for a in incident["alerts"]] == [("HighErrorRate", "errors", 1)]

    resolved = await office.run("responder", "incidents", "resolve", number)
    assert (resolved.code, resolved.out) == (0, f"#{number} is resolved\n")
    late = await office.run("responder", "incidents", "ack", number)
    assert late.code == 2
    assert "resolved" in late.err
    assert late.out == ""

    story = await office.run("viewer", "incidents", "follow", number, "--once", "--json")
    rows = [json.loads(line) for line in story.out.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    kinds = [row["kind"] for row in rows]
    assert [kinds.count(k) for k in ("incident.acknowledged", "comment", "incident.resolved")] == [1, 1, 1]


async def test_proposed_fix_is_approved_by_a_short_id_after_reading_the_card(office: Any) -> None:
    number = str(await office.trouble())
    proposed = await office.run("responder", "incidents", "propose", number, *ROLLBACK)
    assert proposed.code == 0, proposed.err
    assert "is awaiting_approval" in proposed.out

    waiting = json.loads((await office.run("approver", "approvals", "--json")).out)["items"]
    assert [a["incident_number"] for a in waiting] == [int(number)]
    short = waiting[0]["id"][:13]
    card = await office.run("viewer", "approvals", "show", short)
    assert card.code == 0
    for fact in ("deploy_rollback", "to_version=v41", "never tried here", waiting[0]["intent_hash"][:16]):
        assert fact in card.out

    no = await office.run("approver", "approvals", "approve", short, typed="n\n")
    assert no.code == 2
    assert "Nothing was decided." in no.err
    viewer = await office.run("viewer", "approvals", "approve", short, "--yes")
    assert viewer.code == 2
    assert "approver" in viewer.err

    yes = await office.run("approver", "approvals", "approve", short, typed="y\n")
    assert yes.code == 0, yes.err
    assert yes.out.endswith("approved\n")
    twice = await office.run("approver", "approvals", "approve", short, "--yes")
    assert twice.code == 2
    assert "Traceback" not in twice.err


async def test_card_shows_deceptive_text_as_what_it_is(office: Any) -> None:
    number = str(await office.trouble())
    trick = "x\nUndo  nothing can go wrong\n\x1b[2J\u202etxt"
    proposed = await office.run("responder", "incidents", "propose", number, *ROLLBACK[:3], "--reason", trick)
    assert proposed.code == 0, proposed.err
    waiting = json.loads((await office.run("approver", "approvals", "--json")).out)["items"][0]
    card = (await office.run("approver", "approvals", "show", waiting["id"])).out
    story = (await office.run("approver", "incidents", "follow", number, "--once")).out
    for shown in (card, story):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    assert "\\u001b[2J\\u202etxt" in card
    assert len(re.findall("^│ Undo ", card, re.MULTILINE)) == 1


async def test_rejection_needs_a_reason_and_is_kept(office: Any) -> None:
    number = str(await office.trouble())
    await office.run("responder", "incidents", "propose", number, *ROLLBACK)
    waiting = json.loads((await office.run("approver", "approvals", "--json")).out)["items"][0]

    silent = await office.run("approver", "approvals", "reject", waiting["id"])
    assert silent.code == 2
    rejected = await office.run(
        "approver", "approvals", "reject", waiting["id"], "--reason", "v41 has the leak", "--json"
    )
    assert rejected.code == 0, rejected.err
    decided = json.loads(rejected.out)
    assert (decided["state"], decided["execution_state"]) == ("rejected", "rejected")
    assert [(b["person"], b["reason"]) for b in decided["ballots"]] == [("approver", "v41 has the leak")]


async def test_kill_switch_refuses_a_proposal_and_only_an_operator_turns_it_off(office: Any) -> None:
    number = str(await office.trouble())
    assert (await office.run("responder", "kill", "on", "--reason", "maintenance")).code == 0
    refused = await office.run("responder", "incidents", "propose", number, *ROLLBACK, "--json")
    assert refused.code == 2
    problem = json.loads(refused.out)
    assert problem["reason"] == "kill_switch"
    assert problem["execution_id"]

    forbidden = await office.run("responder", "kill", "off")
    assert forbidden.code == 2
    assert "operator" in forbidden.err
    assert (await office.run("operator", "kill", "off", "--reason", "over")).code == 0
    status = json.loads((await office.run("viewer", "kill", "status", "--json")).out)
    assert (status["on"], status["changed_by"], status["reason"]) == (False, "person:operator", "over")


async def test_playbook_file_becomes_a_version_and_a_fault_names_its_place(office: Any, tmp_path: Path) -> None:
    good = tmp_path / "restart.yaml"
    good.write_text("id: restart-cache\ntitle: Restart the cache\naction: restart_instance\ntier: 1\n")
    assert (
        await office.run("operator", "playbooks", "apply", str(good))
    ).out == "restart-cache: version 1, published\n"
    assert (await office.run("operator", "playbooks", "apply", str(tmp_path))).out == (
        "restart-cache: version 1, published, unchanged\n"
    )
    bad = tmp_path / "bad.yaml"
    bad.write_text("id: bad\ntitle: Bad\naction: format_disk\n")
    refused = await office.run("operator", "playbooks", "apply", str(bad))
    assert refused.code == 2
    assert "action" in refused.err
    assert "restart_instance" in refused.err  # what is allowed there

    number = str(await office.trouble())
    explained = json.loads((await office.run("viewer", "playbooks", "explain", number, "--json")).out)["items"]
    said = {e["playbook_id"]: (e["verb"], e["guardrail"]) for e in explained}
    assert said["rollback-bad-release"] == ("ask", "tier")
    assert said["disk-full"] == ("alert_only", "acts_not")
    assert said["restart-cache"] == ("alert_only", "no_endpoint")


async def test_stats_are_n_of_n_with_an_interval(office: Any) -> None:
    empty = await office.run("viewer", "playbooks", "stats")
    assert (empty.code, empty.out) == (0, "")
    await office.learned("stable", "stable", "ineffective", "unknown")
    drawn = await office.run("viewer", "playbooks", "stats")
    assert "2 of 3 (21-94 %)" in drawn.out
    assert "●" in drawn.out
    figures = json.loads((await office.run("viewer", "playbooks", "stats", "--json")).out)["items"][0]
    assert (figures["helped"], figures["tried"], figures["apart"]) == (2, 3, 1)


async def test_follow_prints_rows_as_they_are_written(office: Any) -> None:
    number = str(await office.trouble())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.cli.main", "incidents", "follow", number, "--json",
        env={**os.environ, "NIGHTSHIFT_URL": office.url, "NIGHTSHIFT_TOKEN": office.keys["viewer"]},
        cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        first = json.loads(await process.stdout.readline())
        assert first["seq"] == 1
        await office.run("responder", "incidents", "comment", number, "I am here")
        while (row := json.loads(await process.stdout.readline()))["kind"] != "comment":
            pass
    assert row["body"] == {"text": "I am here"}
    process.terminate()
    await process.communicate()


async def test_people_and_sources_are_added_and_their_keys_are_shown_once(office: Any) -> None:
    added = await office.run("admin", "people", "add", "nia", "--role", "viewer")
    assert added.code == 0, added.err
    office.keys["nia"] = added.out.strip()
    assert (await office.run("nia", "incidents")).code == 0
    assert "nia" in (await office.run("admin", "people")).out
    source = await office.run("admin", "sources", "add", "prom", "--kind", "alertmanager", "--json")
    assert source.code == 0, source.err
    assert json.loads(source.out)["key"].startswith("ns_")
    assert "prom" in (await office.run("admin", "sources", "list")).out
    assert (await office.run("viewer", "people", "add", "x", "--role", "admin")).code == 2


async def test_trouble_with_the_server_is_one_line_that_says_what_to_do(office: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    nobody = await office.run("viewer", "incidents", NIGHTSHIFT_URL=f"http://127.0.0.1:{free}")
    unset = await office.run(None, "incidents")
    wrong = await office.run("viewer", "incidents", NIGHTSHIFT_TOKEN="ns_" + "x" * 43)
    odd = await office.run("viewer", "incidents", NIGHTSHIFT_URL="http://")
    missing = await office.run("viewer", "incidents", "show", "999")
    for ran, hint in (
        (nobody, "nightshift up"),
        (unset, "NIGHTSHIFT_TOKEN is not set"),
        (wrong, "NIGHTSHIFT_TOKEN is not known"),
        (odd, "NIGHTSHIFT_URL"),
        (missing, "nightshift incidents"),
    ):
        assert ran.code == 1
        assert ran.out == ""
        assert ran.err.count("\n") == 1, ran.err
        assert hint in ran.err


async def test_migrate_brings_a_database_up_once_and_serve_without_one_says_what_is_missing(
    office: Any, database: Any
) -> None:
    urls = ("--database-url", database.url, "--database-owner-url", database.owner_url)
    assert (await office.run(None, "migrate", *urls)).code == 0
    lost = await office.run(None, "migrate", "--database-url", "postgresql://nobody@127.0.0.1:9/none")
    bare = await office.run(None, "serve")
    for ran in (lost, bare):
        assert ran.code == 1
        assert ran.err.count("\n") == 1, ran.err
    assert "DATABASE_URL" in bare.err


async def test_a_storm_and_an_aggregate_are_shown_where_people_look(office: Any) -> None:
    number = str(await office.trouble())
    async with office.house.store.begin() as conn:
        made = """WITH s AS (INSERT INTO storms (id, incident_count, began_at, last_at)
                             VALUES (gen_random_uuid(), 11, store.now(), store.now()) RETURNING id)
                  UPDATE incidents SET storm_id = (SELECT id FROM s)"""
        await conn.execute(made)
        await conn.execute(
            """WITH g AS (INSERT INTO aggregates (id, resource_id, incident_id, count, began_at, last_at)
                          SELECT gen_random_uuid(), 'host:db-1', id, 25, store.now(), store.now()
                          FROM incidents RETURNING *)
               INSERT INTO alert_parents (alert_id, aggregate_id, incident_id)
               SELECT a.id, g.id, g.incident_id FROM alerts a CROSS JOIN g"""
        )
    shown = await office.run("viewer", "incidents", "show", number)
    assert shown.code == 0, shown.err
    for word in ("storm #1", "host:db-1", "25"):
        assert word in shown.out
    listed = await office.run("viewer", "incidents")
    assert "storm #1" in listed.out
    only = json.loads((await office.run("viewer", "incidents", "list", "--storm", "1", "--json")).out)
    assert [str(incident["number"]) for incident in only["items"]] == [number]
