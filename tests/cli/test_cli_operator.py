"""What an operator sets, at the command line: windows, inhibitions, escalation, sources, services; and quarantine."""

import json
from pathlib import Path
from typing import Any

import pytest

MAINTENANCE = (
    "maintenance", "add", "service=orders-db", "--title", "upgrade", "--from", "2026-03-07T22:00:00+01:00",
    "--for", "2h", "--repeat", "weekly", "--zone", "Europe/Berlin", "--weekdays", "sat",
)  # fmt: skip
INHIBITION = (
    "inhibitions", "add", "--title", "host", "--source", "alertname=HostDown", "--target", "severity!=critical",
    "--equal", "host",
)  # fmt: skip
ESCALATION = (
    "escalation", "add", "service=shop", "--title", "shop", "--step", "on-call@0s", "--step", "lead@10m,2,5m",
    "--priority", "P1", "--priority", "P2",
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "listed", "changed", "shown"),
    [
        (MAINTENANCE, ("upgrade", "weekly", "2 h"), ("--for", "3h", "--weekdays", "sun"), ("weekly on sun", "10800 s")),
        (INHIBITION, ("alertname=HostDown", "host"), ("--equal", "cluster"), ("With equal", "cluster")),
        (ESCALATION, ("lead after 600 s", "P1, P2"), ("--step", "lead@1m"), ("lead after 60 s", "service=shop")),
    ],
)
async def test_added_listed_changed_and_removed(office: Any, words: Any, listed: Any, changed: Any, shown: Any) -> None:
    command = words[0]
    added = await office.run("operator", *words)
    assert (added.code, added.out.endswith(": active, version 1\n")) == (0, True), added.err
    rule = added.out.split(":")[0]
    table = await office.run("viewer", command)
    for word in listed:
        assert word in table.out
    again = await office.run("operator", command, "change", rule, *changed)
    assert again.out == f"{rule}: active, version 2\n", again.err
    page = await office.run("viewer", command, "show", rule)
    for word in (*shown, "version 2 by person:operator"):
        assert word in page.out
    refused = await office.run("responder", command, "remove", rule)
    assert (refused.code, "role_missing" in refused.err) == (2, True)
    assert (await office.run("operator", command, "remove", rule)).out == f"{rule}: expired, version 3\n"
    assert "None. Add one" in (await office.run("viewer", command, "list")).err
    kept = json.loads((await office.run("viewer", command, "list", "--all", "--json")).out)["items"]
    assert [one["id"] for one in kept] == [rule]


async def test_refusals_are_one_line(office: Any) -> None:
    for words, code, said in (
        (("escalation", "add", "--title", "x", "--step", "nobody"), 1, "write a step as"),
        (("maintenance", "add", "a=b", "--title", "x", "--from", "now", "--for", "1h"), 2, "with its offset"),
        (("inhibitions", "change", "x/y", "--title", "z"), 1, "is not an id"),
        (("sources", "change", "app", "labels"), 1, "SETTING=VALUE"),
        (("quarantine", "show", "../site"), 1, "is not an id"),
    ):
        ran = await office.run("operator", *words)
        assert (ran.code, ran.out) == (code, ""), words
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1


async def test_a_source_with_settings_is_changed_rotated_and_removed(office: Any) -> None:
    mapping = json.dumps({"summary": "$.text"})
    words = ("sources", "add", "app", "--kind", "generic", f"mapping={mapping}", "labels.team=shop", "secret=-")
    added = await office.run("admin", *words, typed="0123456789abcdef\n")
    assert added.code == 0, added.err
    changed = await office.run("admin", "sources", "change", "app", "labels.zone=eu", "--drop", "mapping")
    assert changed.out == "app: labels, mapping changed\n", changed.err
    shown = json.loads((await office.run("operator", "sources", "show", "app", "--json")).out)
    assert (shown["settings"], shown["signed"]) == ({"labels": {"team": "shop", "zone": "eu"}}, True)
    rotated = await office.run("admin", "sources", "rotate", "app", "--overlap", "2h")
    assert rotated.out.startswith("ns_")
    page = (await office.run("operator", "sources", "show", "app")).out
    for word in (added.out.strip()[-4:], rotated.out.strip()[-4:], "in use", "secret"):
        assert word in page
    assert (await office.run("admin", "sources", "remove", "app")).out == "app is disabled\n"
    assert "disabled" in (await office.run("operator", "sources")).out
    assert (await office.run("admin", "sources", "enable", "app")).out == "app is in use\n"


async def test_services_are_imported_and_shown(office: Any, tmp_path: Path) -> None:
    file = tmp_path / "services.yaml"
    file.write_text("services:\n  checkout:\n    depends_on: [payments]\n  payments:\n", "utf-8")
    taken = await office.run("admin", "topology", "import", str(file))
    assert (taken.code, taken.out) == (0, "site version 2\n"), taken.err
    file.write_text("payments: [bank]\nbank:\n", "utf-8")
    assert (await office.run("admin", "topology", "import", str(file))).out == "site version 3\n"
    async with office.house.store.begin() as conn:
        await conn.execute(
            "INSERT INTO dependencies (service, depends_on, label, source) VALUES ('mail', 'relay', 'upstream', 'prom')"
        )
    office.house._site = None
    shown = (await office.run("viewer", "topology")).out
    for row in ("checkout", "payments", "bank", "label upstream of prom", "file"):
        assert row in shown
    file.write_text("- no\n", "utf-8")
    assert "must be YAML" in (await office.run("admin", "topology", "import", str(file))).err


async def test_quarantine_is_listed_and_read(office: Any) -> None:
    from store import quarantine

    async with office.house.store.begin() as conn:
        await quarantine.keep(conn, source="app", reason="not_json", detail="no JSON", body=b"{\x00\n\xff}")
    listed = await office.run("operator", "quarantine", "list", "--reason", "not_json", "--json")
    [one] = json.loads(listed.out)["items"]
    assert "no JSON" in (await office.run("operator", "quarantine")).out
    read = await office.run("operator", "quarantine", "show", one["id"])
    assert (read.out, "no JSON" in read.err) == ("{\\u0000\n\\xff}\n", True)
