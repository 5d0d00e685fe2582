"""Playbooks at the front door: versions, ETags, faults with their place, and what the gate says."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from store import playbooks
from tests.api.test_approvals import ask, decision, path_of

BOOK = {"id": "restart-cache", "title": "Restart the cache", "action": "restart_instance", "tier": 1}
PATH = "/api/v1/playbooks/restart-cache"


async def put(door: Any, body: dict[str, Any], holder: str = "operator", **headers: str) -> Any:
    async with door.client(holder) as client:
        return await client.put(PATH, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def test_each_change_is_a_version_and_the_old_ones_stay(door: Any) -> None:
    first, same = await put(door, BOOK), await put(door, BOOK)
    second = await put(door, {**BOOK, "title": "Restart it"})
    told = [(a.json()["version"], a.json()["changed"], a.headers["etag"]) for a in (first, same, second)]
    assert told == [(1, True, '"1"'), (1, False, '"1"'), (2, True, '"2"')]
    newest = await door.get(PATH)
    assert (newest.json()["body"]["title"], newest.headers["etag"]) == ("Restart it", '"2"')
    assert (newest.json()["created_by"], newest.json()["source"]) == ("person:the operator", "api")
    assert (await door.get(f"{PATH}?version=1")).json()["body"] == BOOK
    assert (await door.get(f"{PATH}?version=9")).status_code == 404
    assert (await door.get("/api/v1/playbooks/other")).status_code == 404
    audited = await door.rows("SELECT to_state FROM audit WHERE subject = 'playbook:restart-cache' ORDER BY id")
    assert [row["to_state"] for row in audited] == ["1", "2"]


async def test_if_match_keeps_two_writers_from_undoing_each_other(door: Any) -> None:
    assert (await put(door, BOOK, If_Match="*")).status_code == 412
    await put(door, BOOK)
    ours = await put(door, {**BOOK, "title": "Ours"}, If_Match='"1"')
    theirs = await put(door, {**BOOK, "title": "Theirs"}, If_Match='"1"')
    assert (ours.status_code, theirs.status_code) == (200, 412)
    assert theirs.json()["reason"] == "stale"
    assert (await door.get(PATH)).json()["body"]["title"] == "Ours"


async def test_ten_writers_at_once_leave_numbered_versions(door: Any) -> None:
    answers = await asyncio.gather(*(put(door, {**BOOK, "title": f"Take {n}"}) for n in range(10)))
    counted = Counter(answer.status_code for answer in answers)
    assert set(counted) <= {200, 409}
    assert counted[200] >= 1
    versions = await door.rows("SELECT version FROM playbooks WHERE id = 'restart-cache' ORDER BY version")
    assert [row["version"] for row in versions] == list(range(1, counted[200] + 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"action": "format_disk"}, ["playbook restart-cache.action", "format_disk", "restart_instance"]),
        ({"colour": "red"}, ["colour", "known keys", "title"]),
        ({"tier": 9}, ["tier", "1 (restart)"]),
        ({"parameters": {"x": {"kind": "shell"}}}, ["playbook restart-cache.parameters.x.kind", "choice"]),
        ({"id": "another"}, ["restart-cache"]),
        ({"title": None}, ["title"]),
    ],
)
async def test_fault_names_its_place_and_what_is_allowed(door: Any, change: dict[str, Any], said: list[str]) -> None:
    answer = await put(door, {**BOOK, **change})
    assert answer.status_code == 422
    for word in said:
        assert word in answer.json()["detail"]
    assert await door.rows("SELECT 1 FROM playbooks") == []


@pytest.mark.parametrize("holder", ["viewer", "approver", "prometheus"])
async def test_only_operators_write(door: Any, holder: str) -> None:
    assert (await put(door, BOOK, holder)).status_code == 403


async def test_list_is_paged_by_id(door: Any) -> None:
    for name in ("b", "a", "c"):
        async with door.client("operator") as client:
            assert (await client.put(f"/api/v1/playbooks/{name}", json={**BOOK, "id": name})).status_code == 200
    first = (await door.get("/api/v1/playbooks?limit=2")).json()
    assert ([book["id"] for book in first["items"]], first["next"]) == (["a", "b"], "b")
    second = (await door.get("/api/v1/playbooks?limit=2&after=b")).json()
    assert ([book["id"] for book in second["items"]], second["next"]) == (["c"], None)


async def change(door: Any, method: str, path: str = PATH, holder: str = "operator", **body: Any) -> Any:
    async with door.client(holder) as client:
        return await client.request(method, path, json=body or None)


async def test_a_draft_rules_only_once_a_person_publishes_it(door: Any) -> None:
    await put(door, BOOK)
    drafted = await change(door, "PUT", f"{PATH}?draft=true", **{**BOOK, "title": "Better"})
    assert (drafted.json()["version"], drafted.json()["status"]) == (2, "draft")
    assert (await door.get(PATH)).json()["version"] == 1
    listed = (await door.get("/api/v1/playbooks")).json()["items"]
    assert [(b["version"], b["status"]) for b in listed] == [(1, "published")]
    both = (await door.get("/api/v1/playbooks?status=all&limit=1")).json()
    assert ([(b["version"], b["status"]) for b in both["items"]], both["next"]) == (
        [(1, "published"), (2, "draft")], None,
    )  # fmt: skip
    assert len((await door.get("/api/v1/playbooks?status=draft")).json()["items"]) == 1
    assert (await change(door, "POST", f"{PATH}/publish", "approver", version=2)).status_code == 403
    published = (await change(door, "POST", f"{PATH}/publish", version=2)).json()
    assert (published["version"], published["status"], published["changed"]) == (3, "published", True)
    assert (await change(door, "POST", f"{PATH}/publish", version=2)).json()["changed"] is False
    assert (await change(door, "POST", f"{PATH}/publish", version=9)).status_code == 404
    assert (await door.get(PATH)).json()["body"]["title"] == "Better"
    again = await change(door, "POST", f"{PATH}/publish", version=1)
    assert (again.json()["version"], again.json()["body"]["title"]) == (4, BOOK["title"]), "an older one comes back"


async def test_a_withdrawn_playbook_stays_readable_and_can_come_back(door: Any) -> None:
    assert (await change(door, "DELETE")).status_code == 404
    await put(door, BOOK)
    assert (await change(door, "DELETE", holder="approver")).status_code == 403
    gone = (await change(door, "DELETE")).json()
    assert (gone["version"], gone["status"], gone["changed"]) == (2, "withdrawn", True)
    assert (await change(door, "DELETE")).json()["changed"] is False
    assert (await door.get("/api/v1/playbooks")).json()["items"] == []
    assert (await door.get(PATH)).json()["status"] == "withdrawn"
    assert (await put(door, BOOK)).json()["status"] == "published"
    versions = (await door.get(f"{PATH}/versions")).json()["items"]
    assert [(b["version"], b["status"]) for b in versions] == [(3, "published"), (2, "withdrawn"), (1, "published")]
    assert (await door.get("/api/v1/playbooks/other/versions")).status_code == 404


async def test_another_version_voids_what_waits_for_the_one_before(door: Any) -> None:
    approval = await ask(door)
    own = approval["card"]["playbook"].split()[0]
    draft = {**(await door.get(f"/api/v1/playbooks/{own}")).json()["body"], "title": "Else"}
    assert (await change(door, "PUT", f"/api/v1/playbooks/{own}?draft=true", **draft)).json()["voided"] == 0
    other = await change(door, "PUT", PATH, **BOOK)
    assert other.json()["voided"] == 0
    assert (await change(door, "DELETE", f"/api/v1/playbooks/{own}")).json()["voided"] == 1
    assert (await door.post(path_of(approval), decision(approval), "approver")).status_code == 409


async def test_a_file_is_brought_in_once_and_never_over_what_a_person_did(door: Any) -> None:
    async def bring(source: str, **body: Any) -> int | None:
        async with door.store.begin() as conn:
            return await playbooks.bring(conn, {**BOOK, **body}, source=source, by="test")

    assert [await bring("shipped"), await bring("shipped"), await bring("shipped", tier=2)] == [1, None, 2]
    await change(door, "DELETE")  # 3
    assert [await bring("shipped", tier=2), await bring("shipped", tier=3)] == [None, None]
    assert [await bring("file"), await bring("file")] == [4, None]
    await put(door, {**BOOK, "title": "By hand"})  # 5
    assert [await bring("file"), await bring("shipped", tier=3)] == [None, None], "a restart brings nothing back"
    assert await bring("file", title="The file was edited") == 6


async def test_the_schema_is_there_for_editors(door: Any) -> None:
    schema = (await door.get("/api/v1/playbooks/schema")).json()
    assert schema["required"] == ["id", "title", "action"]
    assert "version" not in schema["properties"]


async def test_gate_explains_itself_for_an_incident(door: Any) -> None:
    await put(door, BOOK)
    alert = {"name": "HighErrorRate", "service": "shop", "status": "firing"}
    await door.post("/api/v1/webhooks/generic/shopmon", alert, "shopmon")
    [told] = (await door.get("/api/v1/playbooks/explain/1")).json()["items"]
    assert (told["playbook_id"], told["version"]) == ("restart-cache", 1)
    speaking = [one["guardrail"] for one in told["guardrails"] if one["verb"]]
    assert told["detail"]
    assert len(told["guardrails"]) > len(speaking) >= 1
    assert (await door.get("/api/v1/playbooks/explain/999")).status_code == 404


async def test_nothing_was_learned_yet(door: Any) -> None:
    assert (await door.get("/api/v1/learning/stats")).json()["items"] == []


async def test_every_route_of_ours_is_described_with_an_example(door: Any) -> None:
    described = (await door.get("/openapi.json", None)).json()
    for path in ("incidents", "approvals", "playbooks", "executions", "switches", "jobs", "learning/stats"):
        operation = described["paths"][f"/api/v1/{path}"]["get"]
        assert operation["security"], path
        assert operation["responses"]["200"]["content"]["application/json"]["schema"], path
    schemas = described["components"]["schemas"]
    for name in ("Incident", "Approval", "PlaybookOut", "Execution", "Switch", "Queue", "TimelineRow"):
        assert "example" in schemas[name], name
