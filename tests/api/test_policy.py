"""The policy at the front door: checked, versioned, and a change voids what waits for approval."""

import asyncio
from typing import Any

import pytest

from tests.api.test_approvals import WANTED, ask, decision, path_of

BODY = {"actions_per_hour_max": 5, "protected": ["*billing*"]}
FREEZE = {"id": "always", "title": "the year's end"}


async def put(door: Any, body: Any, holder: str = "admin", **headers: str) -> Any:
    async with door.client(holder) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.put("/api/v1/policy", json=body, headers=named)


async def test_the_defaults_rule_before_anybody_applied_one(door: Any) -> None:
    found = (await door.get("/api/v1/policy")).json()
    assert (found["version"], found["body"], found["applied_at"]) == (0, {}, None)
    assert found["rules"]["actions_per_hour_max"] == 20
    assert found["rules"]["service_actions_per_hour_max"] == 10
    assert "*postgres*" in found["rules"]["protected"]
    assert set(found["rules"]["hands_off"]) == {"database", "dns"}


async def test_each_change_is_a_version_that_stays_readable(door: Any) -> None:
    first, same = await put(door, BODY), await put(door, BODY)
    second = await put(door, {**BODY, "actions_per_hour_max": 6})
    assert [a.json()["changed"] for a in (first, same, second)] == [True, False, True]
    assert first.json()["version"] == same.json()["version"] < second.json()["version"]
    found = await door.get("/api/v1/policy")
    assert found.headers["etag"] == f'"{second.json()["version"]}"'
    assert found.json()["body"]["actions_per_hour_max"] == 6
    assert found.json()["applied_by"] == "person:the admin"
    old = (await door.get(f"/api/v1/policy/versions/{first.json()['version']}")).json()
    assert old["body"] == BODY
    page = (await door.get("/api/v1/policy/versions?limit=1")).json()
    assert [p["version"] for p in page["items"]] == [second.json()["version"]]
    rest = (await door.get(f"/api/v1/policy/versions?before={page['next']}")).json()
    assert ([p["version"] for p in rest["items"]], rest["next"]) == ([first.json()["version"]], None)
    assert (await door.get("/api/v1/policy/versions/99")).status_code == 404
    audited = await door.rows("SELECT from_state, to_state, actor FROM audit WHERE action = 'policy.apply' ORDER BY id")
    versions = [str(first.json()["version"]), str(second.json()["version"])]
    assert [(row["from_state"], row["to_state"]) for row in audited] == [("", versions[0]), tuple(versions)]


async def test_what_the_site_protects_stays_protected(door: Any) -> None:
    await put(door, {"protected": ["*billing*"]})
    rules = (await door.get("/api/v1/policy")).json()["rules"]["protected"]
    assert "*billing*" in rules
    assert "*postgres*" in rules


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"protect": []}, "policy: unknown key 'protect'; known keys: protected, "),
        ({"freezes": [{**FREEZE, "at": "25:00"}]}, "policy.freezes[0].at: '25:00' is no time of day"),
        ({"auto": {"stable_min": 0}}, "policy.auto.stable_min: at least 1"),
    ],
)
async def test_a_fault_names_its_place_and_changes_nothing(door: Any, body: Any, said: str) -> None:
    answer = await put(door, body)
    assert (answer.status_code, answer.json()["reason"]) == (422, "bad_policy")
    assert answer.json()["detail"].startswith(said)
    assert await door.rows("SELECT 1 FROM policies") == []


@pytest.mark.parametrize("holder", ["viewer", "responder", "approver", "operator", "prometheus"])
async def test_only_an_admin_applies_a_policy(door: Any, holder: str) -> None:
    assert (await put(door, BODY, holder)).status_code == 403


async def test_if_match_keeps_two_writers_apart(door: Any) -> None:
    version = (await put(door, BODY, If_Match='"0"')).json()["version"]
    answers = await asyncio.gather(
        *(put(door, {"actions_per_hour_max": n}, If_Match=f'"{version}"') for n in range(1, 6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    assert len(await door.rows("SELECT 1 FROM policies")) == 2


async def test_a_version_is_never_rewritten(door: Any) -> None:
    await put(door, BODY)
    with pytest.raises(Exception, match="policies is append-only"):
        await door.rows("UPDATE policies SET body = '{}' RETURNING version")


async def test_a_change_voids_what_waits(door: Any) -> None:
    approval = await ask(door)
    answer = await put(door, BODY)
    assert (answer.json()["changed"], answer.json()["voided"]) == (True, 1)
    late = await door.post(path_of(approval), decision(approval), "approver")
    assert late.status_code == 409
    found = (await door.get(f"/api/v1/approvals/{approval['id']}")).json()
    assert (found["state"], found["execution_state"]) == ("superseded", "superseded")
    [moved] = await door.rows("SELECT reason, actor FROM audit WHERE to_state = 'superseded'")
    assert (moved["reason"], moved["actor"]) == ("rules_changed", "person:the admin")
    assert await door.rows("SELECT 1 FROM procrastinate_jobs WHERE task_name = 'resume_incident'")
    assert (await put(door, BODY)).json() | {"changed": False, "voided": 0} == (await put(door, BODY)).json()


async def test_a_change_voids_what_was_approved_and_has_not_begun(door: Any) -> None:
    approval = await ask(door)
    assert (await door.post(path_of(approval), decision(approval), "approver")).status_code == 200
    assert (await put(door, BODY)).json()["voided"] == 1
    [row] = await door.rows("SELECT state FROM executions")
    assert row["state"] == "superseded"


async def test_decisions_and_changes_at_once_leave_nothing_that_may_run(door: Any) -> None:
    approval = await ask(door)
    voted, changed = await asyncio.gather(
        door.post(path_of(approval), decision(approval), "approver"), put(door, {"actions_per_hour_max": 4})
    )
    assert changed.status_code == 200, changed.text
    assert voted.status_code in (200, 409), voted.text
    [row] = await door.rows(
        "SELECT e.state, a.state AS approval FROM executions e JOIN approvals a ON a.execution_id = e.id"
    )
    assert (row["state"], row["approval"]) == ("superseded", "superseded")


async def explained(door: Any, playbook: str = WANTED["playbook_id"]) -> dict[str, Any]:
    items = (await door.get("/api/v1/playbooks/explain/1")).json()["items"]
    return next(dict(item) for item in items if item["playbook_id"] == playbook)


@pytest.mark.parametrize(
    ("body", "verb", "guardrail", "said"),
    [
        ({}, "ask", "tier", "tier 3: one person must approve"),
        ({"freezes": [FREEZE]}, "refuse", "freeze", "frozen by the year's end until "),
        ({"protected": ["*shop*"]}, "refuse", "protected_resource", "service:test/shop is protected (matches *shop*)"),
        (
            {"allow": [{"playbooks": ["restart-*"]}]}, "refuse", "not_allowed",
            "the allow-list has no deploy_rollback by rollback-bad-release on service:test/shop",
        ),
        ({"hands_off": ["errors"]}, "alert_only", "hands_off", "the policy keeps its hands off trouble of the kind"),
        ({"actions_per_hour_max": 0}, "alert_only", "blast_radius", "0 actions in the last hour, at most 0"),
        (
            {"approvals": [{"approvers": 3, "role": "operator", "services": ["shop"]}]}, "ask", "tier",
            "tier 3: 3 people must approve as operator",
        ),
    ],
)  # fmt: skip
async def test_the_gate_explains_what_the_policy_makes_of_a_playbook(
    door: Any, body: Any, verb: str, guardrail: str, said: str
) -> None:
    await ask(door)
    await put(door, body)
    # What voided it is settled; the rollback may be asked for again.
    found = await explained(door)
    assert (found["verb"], found["guardrail"]) == (verb, guardrail), found
    assert found["detail"].startswith(said)
    names = [one["guardrail"] for one in found["guardrails"]]
    assert names[:3] == ["kill_switch", "observe_only", "maintenance"]
    assert names[-1] == "tier"


async def test_every_playbook_is_explained_and_the_kill_switch_speaks_first(door: Any) -> None:
    await ask(door)
    async with door.client("responder") as client:
        assert (await client.put("/api/v1/switches/kill", json={"on": True, "reason": "?"})).status_code == 200
    items = (await door.get("/api/v1/playbooks/explain/1")).json()["items"]
    listed = (await door.get("/api/v1/playbooks?limit=200")).json()["items"]
    assert [item["playbook_id"] for item in items] == [book["id"] for book in listed]
    assert {item["guardrail"] for item in items} == {"kill_switch"}


async def test_observe_only_lets_people_be_told_and_nothing_touched(door: Any) -> None:
    await ask(door)
    async with door.client("responder") as client:
        await client.put("/api/v1/switches/observe_only", json={"on": True, "reason": "?"})
        refused = await client.put("/api/v1/switches/observe_only", json={"on": False, "reason": "?"})
    assert refused.status_code == 403
    assert (await explained(door))["guardrail"] == "observe_only"
    assert (await explained(door, "ask-a-human"))["verb"] == "alert_only"


async def test_the_schema_is_there_for_editors(door: Any) -> None:
    schema = (await door.get("/api/v1/policy/schema")).json()
    assert schema["properties"]["freezes"]["items"]["required"] == ["id"]
    assert schema["additionalProperties"] is False
