"""Any JSON becomes alerts, and deployers tell what they changed."""

from typing import Any

GENERIC = "/api/v1/webhooks/generic/"
CHANGES = "/api/v1/webhooks/changes"
CHANGE = {
    "id": "a1", "kind": "deploy", "environment": "test", "service": "shop", "version": "v2",
    "previous_version": "v1", "at": "2026-01-01T08:00:00Z", "by": "deployer", "summary": "shop v1 -> v2",
}  # fmt: skip


async def test_usual_names_are_found_without_a_mapping(door: Any) -> None:
    fire = {"title": "Disk full", "level": "critical", "service": "shop", "state": "problem", "host": "db1"}
    assert (await door.post(GENERIC + "shopmon", fire, "shopmon")).json()["new"] == 1
    worse = await door.post(GENERIC + "shopmon", {**fire, "level": "fatal"}, "shopmon")
    assert worse.json()["changed"] == 1, "severity is a state of the alert, not part of its identity"
    over = await door.post(GENERIC + "shopmon", [{**fire, "state": "OK"}], "shopmon")
    assert over.json()["resolved"] == 1
    rows = await door.rows("SELECT source, name, severity, service, status FROM alerts")
    assert rows == [
        {"source": "shopmon", "name": "Disk full", "severity": "critical", "service": "shop", "status": "resolved"}
    ]


async def test_a_mapping_finds_fields_anywhere(door: Any) -> None:
    mapping = {
        "alerts": "$.data.events",
        "title": "$.rule.name",
        "severity": '$["how bad"]',
        "service": "$.tags[0].value",
        "status": "$.state",
        "identity": ["$.rule.id"],
        "labels": {"region": "$.where.region"},
        "status_words": {"resolved": ["gone"], "firing": ["here"]},
    }
    made = await door.post("/api/v1/sources", {"name": "odd", "kind": "generic", "mapping": mapping}, "admin")
    door.keys["odd"] = made.json()["key"]
    event = {
        "rule": {"name": "Queue grows", "id": 7}, "how bad": "critical", "tags": [{"value": "shop"}],
        "state": "here", "where": {"region": "eu"},
    }  # fmt: skip
    assert (await door.post(GENERIC + "odd", {"data": {"events": [event]}}, "odd")).json()["new"] == 1
    [row] = await door.rows("SELECT name, severity, service, labels FROM alerts")
    assert (row["name"], row["severity"], row["service"], row["labels"]["region"]) == (
        "Queue grows", "critical", "shop", "eu",
    )  # fmt: skip
    renamed = {**event, "state": "gone", "rule": {"name": "Queue still grows", "id": 7}}
    assert (await door.post(GENERIC + "odd", {"data": {"events": [renamed]}}, "odd")).json()["resolved"] == 1


async def test_composed_and_decomposed_letters_are_one_alert(door: Any) -> None:
    for name in ("Caf\u00e9 down", "Cafe\u0301 down"):
        await door.post(GENERIC + "shopmon", {"title": name, "since": "2026-01-01T08:00:00Z"}, "shopmon")
    assert len(await door.rows("SELECT DISTINCT identity FROM alerts")) == 1


async def test_an_item_without_a_title_is_kept_in_quarantine(door: Any) -> None:
    answer = await door.post(GENERIC + "shopmon", {"alerts": [{"level": "low"}, {"title": "Good"}]}, "shopmon")
    assert (answer.json()["new"], answer.json()["quarantined"]) == (1, 1)
    [row] = await door.rows("SELECT reason, detail FROM quarantine")
    assert row["reason"] == "field_missing"
    assert row["detail"].startswith("No title found: send one of alertname, title")


async def test_an_unknown_source_is_told_how_to_be_made(door: Any) -> None:
    answer = await door.post(GENERIC + "nobody", {"title": "x"}, "shopmon")
    assert answer.status_code == 404
    assert "POST /api/v1/sources" in answer.json()["detail"]


async def test_the_key_of_another_source_is_refused(door: Any) -> None:
    await door.add_source("other", "generic")
    answer = await door.post(GENERIC + "other", {"title": "x"}, "shopmon")
    assert (answer.status_code, answer.json()["reason"]) == (403, "other_source")


async def test_a_change_is_kept_once_and_can_be_read(door: Any) -> None:
    assert (await door.post(CHANGES, CHANGE, "deployer")).json()["stored"] == 1
    again = await door.post(CHANGES, {"changes": [CHANGE, {**CHANGE, "id": "a2", "kind": "Restart"}]}, "deployer")
    assert (again.json()["stored"], again.json()["known"]) == (1, 1)
    read = await door.get("/api/v1/changes?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z")
    assert sorted((row["kind"], row["version"], row["author"]) for row in read.json()["changes"]) == [
        ("deploy", "v2", "deployer"),
        ("restart", "v2", "deployer"),
    ]


async def test_a_change_that_lacks_fields_says_which(door: Any) -> None:
    answer = await door.post(
        CHANGES, [{"id": "b", "kind": "deploy", "service": "shop"}, {**CHANGE, "at": "soon"}], "deployer"
    )
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        "A change needs `environment`, `version`.",
        "`at` must be a time such as 2026-01-31T12:00:00Z, or left out.",
    ]
    assert len(await door.rows("SELECT 1 FROM quarantine")) == 2
    mixed = await door.post(CHANGES, [{"id": "b"}, CHANGE], "deployer")
    assert (mixed.status_code, mixed.json()["stored"], mixed.json()["quarantined"]) == (200, 1, 1)


async def test_faulty_mappings_are_refused_when_the_source_is_made(door: Any) -> None:
    for mapping, said in (
        ({"title": "rule.name"}, "begins with $"),
        ({"title": "$.a..b"}, "cannot be read from character 4"),
        ({"titel": "$.a"}, "does not know titel"),
        ({"identity": "$.a"}, "must be an array"),
        ({"status_words": {"resolved": "ok"}}, "status_words"),
    ):
        answer = await door.post("/api/v1/sources", {"name": "m", "kind": "generic", "mapping": mapping}, "admin")
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
