"""What was learned, at the front door: n of N, recommendations, summaries, and what people did by hand."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from core.intent import Intent
from core.playbook import ActionType
from core.rates import Outcome
from core.site import Channel, Endpoint, Service, Site
from ingest.playbook_file import shipped_playbooks
from store import changes, diagnoses, executions, incidents, playbooks
from store.ids import new_id

DEPLOY = {
    "source": "deployer", "external_id": "1", "kind": "deploy", "environment": "test", "service": "shop",
    "version": "v42", "previous_version": "v41", "summary": "v42", "author": "",
}  # fmt: skip
SIGNATURE = "v1|HighErrorRate|http|errors"
BOOK = "rollback-bad-release"


@pytest.fixture
async def desk(door: Any) -> Any:
    """The door of a house with the shipped playbooks, a deployer and somebody to tell."""

    async def site() -> Site:
        deployer = Endpoint("deployer", ActionType.DEPLOY_ROLLBACK, "shop", "http://127.0.0.1:9/rollback")
        return Site(
            1, "test", services={"shop": Service("shop")}, endpoints=(deployer,), channels=(Channel("screen", "log"),)
        )

    door.house.site = site
    async with door.store.begin() as conn:
        for body in shipped_playbooks():
            await playbooks.put(conn, body["id"], body, source="test", by="test")
    return door


async def opened(desk: Any, signature: str = SIGNATURE, cause: str = "") -> tuple[UUID, int]:
    """An incident of the shop, with what was found; its id and number."""
    async with desk.store.begin() as conn:
        key = new_id()
        row = {
            "id": str(key), "priority": "P1", "group_key": str(key), "title": "HighErrorRate on shop", "cluster": "-",
            "environment": "test", "service": "shop", "signature": signature,
            "started_at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        [made] = await incidents.create(conn, [row])
        if cause:
            await diagnoses.put(conn, key, 1, {"cause": cause, "summary": "found", "evidence": []})
    return key, made["number"]


async def learned(desk: Any, *outcomes: str, playbook: str = BOOK, action: str = "deploy_rollback") -> None:
    """Executions of the past, each in an incident of its own."""
    for number, outcome in enumerate(outcomes):
        key, _ = await opened(desk)
        parameters = {"service": "shop", "to_version": f"v{number}"}
        intent = Intent(action, playbook, 1, parameters, "service:test/shop", "", "deployer", str(key), 1)
        values = {
            "incident_id": key, "attempt": 1, "origin": "thread", "requester": "agent", "signature": SIGNATURE,
            "environment": "test",
        }  # fmt: skip
        async with desk.store.begin() as conn:
            row, _ = await executions.propose(conn, intent, values)
            await executions.learn(conn, row["id"], Outcome(outcome))


async def shadowed(desk: Any, playbook: str = BOOK) -> int:
    """An incident in which a proposal was only recorded; its number."""
    key, number = await opened(desk)
    intent = Intent("deploy_rollback", playbook, 1, {}, "service:test/shop", "", "deployer", str(key), 1)
    values = {
        "incident_id": key, "attempt": 1, "origin": "thread", "requester": "agent", "signature": SIGNATURE,
        "environment": "test",
    }  # fmt: skip
    async with desk.store.begin() as conn:
        row, _ = await executions.propose(conn, intent, values)
        await executions.set_decision(conn, row["id"], {"verb": "alert_only", "guardrail": "shadow"})
    return number


async def tell(desk: Any, number: int, holder: str = "responder", **said: Any) -> Any:
    return await desk.post(f"/api/v1/incidents/{number}/fixed-by", said, holder)


async def told(desk: Any, number: int, *kinds: str) -> list[dict[str, Any]]:
    query = """SELECT t.kind, t.actor, t.body FROM timeline t JOIN incidents i ON i.id = t.incident_id
               WHERE i.number = %s AND t.kind = ANY (%s) ORDER BY t.seq"""
    return list(await desk.rows(query, number, list(kinds)))


async def test_stats_are_n_of_n_with_what_is_told_apart(desk: Any) -> None:
    assert (await desk.get("/api/v1/learning/stats")).json() == {"items": [], "next": None}
    await learned(desk, "stable", "stable", "ineffective", "unknown", "failed", "recovered_alone")
    [item] = (await desk.get("/api/v1/learning/stats")).json()["items"]
    assert (item["playbook_id"], item["signature"]) == (BOOK, SIGNATURE)
    assert (item["helped"], item["tried"], item["apart"], item["words"]) == (2, 3, 3, "2 of 3 (21-94 %)")
    assert (item["rate"], item["by_hand"], item["returned"]) == (pytest.approx(2 / 3), 0, 0)
    assert 0 < item["low"] < item["rate"] < item["high"] < 1
    assert (await desk.get("/api/v1/learning/stats", None)).status_code == 401


async def test_recommendation_for_an_incident_names_action_confidence_and_reasons(desk: Any) -> None:
    await learned(desk, *["stable"] * 9, "ineffective")
    _, number = await opened(desk, cause="bad_release")
    answer = (await desk.get(f"/api/v1/learning/recommendation?incident={number}")).json()
    advice = answer["recommendation"]
    assert (answer["basis"], answer["service"], answer["disagreement"]) == ("learned", "shop", "")
    assert (advice["action"], advice["playbook_id"], advice["tier"]) == ("deploy_rollback", BOOK, 3)
    assert (advice["based_on"], advice["words"]) == (10, "9 of 10 (60-98 %) on this service")
    assert 0.6 <= advice["confidence"] < advice["expected"] < 0.95
    assert answer["reasons"][0] == "helped 9 of 10 (60-98 %) on this service"
    assert answer["reasons"][-1].endswith("the finding agrees: bad_release")
    assert len(advice["alternatives"]) <= 2


async def test_recommendation_says_where_history_and_today_disagree(desk: Any) -> None:
    await learned(desk, *["stable"] * 10)
    _, number = await opened(desk, cause="dependency_down")
    answer = (await desk.get(f"/api/v1/learning/recommendation?incident={number}")).json()
    assert answer["disagreement"] == (
        f"History says {BOOK} (10 of 10 (72-100 %) on this service), but today's evidence disagrees: dependency_down"
    )
    assert not answer["recommendation"] or answer["recommendation"]["playbook_id"] != BOOK


async def test_without_enough_outcomes_the_least_invasive_is_named_as_default(desk: Any) -> None:
    await learned(desk, *["stable"] * 4)
    answer = (await desk.get(f"/api/v1/learning/recommendation?signature={SIGNATURE}&environment=test")).json()
    assert answer["basis"] == "default"
    fitting = [body for body in shipped_playbooks() if "errors" in body.get("classes", ["errors"])]
    acting = [body["tier"] for body in fitting if body["action"] not in ("alert_only", "wait_retry")]
    assert answer["recommendation"]["tier"] == min(acting)
    assert "the least invasive that fits" in answer["reasons"]
    assert (await desk.get(f"/api/v1/learning/recommendation/{SIGNATURE}?environment=test")).json() == answer


async def test_before_anybody_looked_nothing_is_recommended(desk: Any) -> None:
    _, number = await opened(desk, signature="")
    answer = await desk.get(f"/api/v1/learning/recommendation?incident={number}")
    assert (answer.status_code, answer.json()["reason"]) == (422, "no_signature")
    assert "Nobody has looked yet" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("?signature=nonsense", 422), ("?incident=1&signature=v1|A|b|errors", 422), ("?incident=999", 404)],
)
async def test_recommendation_asks_about_one_thing_that_exists(desk: Any, query: str, status: int) -> None:
    assert (await desk.get(f"/api/v1/learning/recommendation{query}")).status_code == status


async def test_summary_of_a_kind_of_trouble(desk: Any) -> None:
    await learned(desk, *["stable"] * 8, "ineffective", "regressed", "unknown")
    await learned(desk, "stable", "stable", playbook="restart-by-hand", action="restart_instance")
    _, number = await opened(desk)
    assert (await tell(desk, number, alone=True)).status_code == 200
    found = (await desk.get(f"/api/v1/learning/summary/{SIGNATURE}")).json()
    assert (found["occurrences"], found["attempts"], found["helped"]) == (14, 12, 10)
    assert (found["status"], found["best_action"]) == ("excellent", BOOK)
    assert [(item["playbook_id"], item["words"]) for item in found["actions"]] == [
        ("restart-by-hand", "2 of 2 (34-100 %)"),
        (BOOK, "8 of 10 (49-94 %)"),
    ]
    assert (found["went_away_alone"], found["by_hand"]) == (1, [])
    page = (await desk.get("/api/v1/learning/summary")).json()
    assert [item["signature"] for item in page["items"]] == [SIGNATURE]
    assert page["items"][0] == found
    assert (await desk.get("/api/v1/learning/summary/v1|Other|http|errors")).status_code == 404


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [(["stable"] * 2, "insufficient"), (["stable"] * 9, "learning"), (["stable", "ineffective"] * 5, "sufficient")],
)
async def test_status_says_how_much_is_known(desk: Any, outcomes: list[str], status: str) -> None:
    await learned(desk, *outcomes)
    assert (await desk.get(f"/api/v1/learning/summary/{SIGNATURE}")).json()["status"] == status


async def test_after_a_repair_by_hand_it_is_asked_once_what_fixed_it(desk: Any) -> None:
    _, number = await opened(desk)
    for turn in ("resolve", "reopen", "resolve"):
        answer = await desk.post(f"/api/v1/incidents/{number}/{turn}", {"reason": "done"}, "responder")
        assert answer.status_code == 200, answer.text
    [asked] = await told(desk, number, "fix.asked")
    assert asked["body"]["how"].startswith(f"nightshift incidents fixed-by {number}")
    sent = await desk.rows("SELECT kind FROM notifications WHERE kind = 'fix_asked'")
    assert len(sent) == 1


async def test_nobody_is_asked_where_an_action_healed_it(desk: Any) -> None:
    key, number = await opened(desk)
    intent = Intent("deploy_rollback", BOOK, 1, {}, "service:test/shop", "", "deployer", str(key), 1)
    values = {"incident_id": key, "attempt": 1, "origin": "thread", "requester": "agent", "signature": SIGNATURE,
              "environment": "test"}  # fmt: skip
    async with desk.store.begin() as conn:
        row, _ = await executions.propose(conn, intent, values)
        await conn.execute("UPDATE executions SET state = 'stable' WHERE id = %s", [row["id"]])
    assert (await desk.post(f"/api/v1/incidents/{number}/resolve", {}, "responder")).status_code == 200
    assert await told(desk, number, "fix.asked") == []


async def test_what_a_person_did_is_counted_apart_from_what_nightshift_did(desk: Any) -> None:
    await learned(desk, "stable")
    _, number = await opened(desk)
    answer = await tell(desk, number, playbook_id=BOOK, words="by the deployer's console")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["playbook_id"], answer.json()["told_by"]) == (BOOK, "person:the responder")
    [row] = await told(desk, number, "fix.told")
    assert (row["actor"], row["body"]["text"]) == ("person:the responder", f"{BOOK} · by the deployer's console")
    [item] = (await desk.get("/api/v1/learning/stats")).json()["items"]
    assert (item["tried"], item["by_hand"]) == (1, 1)
    assert (await tell(desk, number, words="turned it off and on")).status_code == 200, "a later answer replaces it"
    found = (await desk.get(f"/api/v1/learning/summary/{SIGNATURE}")).json()
    assert found["by_hand"] == [{"playbook_id": None, "words": "turned it off and on", "times": 1}]
    assert found["tried"] == 1
    audited = await desk.rows("SELECT actor FROM audit WHERE action = 'incident.fixed_by'")
    assert [row["actor"] for row in audited] == ["person:the responder"] * 2


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, 422),
        ({"words": "   "}, 422),
        ({"alone": True, "words": "something"}, 422),
        ({"playbook_id": "no-such-book"}, 404),
        ({"words": "x" * 100_000}, 422),
    ],
)
async def test_an_answer_says_one_thing_that_exists(desk: Any, said: dict[str, Any], status: int) -> None:
    _, number = await opened(desk)
    assert (await tell(desk, number, **said)).status_code == status
    assert await desk.rows("SELECT 1 FROM human_fixes") == []


async def test_only_who_responds_may_say_it(desk: Any) -> None:
    _, number = await opened(desk)
    assert (await tell(desk, number, "viewer", words="I")).status_code == 403


async def test_what_people_say_three_times_is_drafted_and_never_acts(desk: Any) -> None:
    said = ["restarted the connection pooler", "Restarted the connection-pooler.", "restarted  connection pooler"]
    numbers = []
    for number, words in enumerate(said):
        numbers.append((await opened(desk, cause="dependency_down"))[1])
        assert (await tell(desk, numbers[-1], words=words)).status_code == 200
        drafts = await desk.rows("SELECT id, status, source, body FROM playbooks WHERE source = 'learned'")
        assert len(drafts) == (number == 2)
    [draft] = drafts
    assert (draft["status"], draft["body"]["action"]) == ("draft", "alert_only")
    assert draft["body"]["advice"] == "People fixed this by hand: restarted the connection pooler"
    assert draft["body"]["alert_names"] == ["HighErrorRate*"]
    assert draft["body"]["causes"] == ["dependency_down"]
    [row] = await told(desk, numbers[-1], "playbook.drafted")
    assert row["body"]["text"].startswith("people did the same 3 times: playbook learned-by-hand-")
    _, fourth = await opened(desk, cause="dependency_down")
    assert (await tell(desk, fourth, words=said[0])).status_code == 200
    assert await told(desk, fourth, "playbook.drafted") == [], "it is not brought up again"


async def test_what_people_do_with_a_playbook_is_drafted_for_this_trouble_and_acts_only_once_published(
    desk: Any,
) -> None:
    for _ in range(3):
        _, number = await opened(desk, cause="change")
        assert (await tell(desk, number, playbook_id=BOOK)).status_code == 200
    [draft] = await desk.rows("SELECT id, body, status FROM playbooks WHERE source = 'learned'")
    assert draft["status"] == "draft"
    assert (draft["body"]["causes"], draft["body"]["classes"]) == (["change"], ["errors"])
    listed = (await desk.get(f"/api/v1/playbooks/explain/{number}")).json()["items"]
    assert draft["id"] not in [item["playbook_id"] for item in listed], "the gate does not know a draft"
    wanted = {"playbook_id": draft["id"], "parameters": {"service": "shop", "to_version": "v1"}, "reason": "why not"}
    refused = await desk.post(f"/api/v1/incidents/{number}/propose", wanted, "responder")
    assert (refused.status_code, refused.json()["reason"]) == (403, "unknown_playbook")
    published = await desk.post(f"/api/v1/playbooks/{draft['id']}/publish", {"version": 1}, "operator")
    assert published.status_code == 200, published.text
    listed = (await desk.get(f"/api/v1/playbooks/explain/{number}")).json()["items"]
    assert draft["id"] in [item["playbook_id"] for item in listed]
    _, number = await opened(desk, cause="change")
    assert (await tell(desk, number, playbook_id=BOOK)).status_code == 200
    assert len(await desk.rows("SELECT 1 FROM playbooks WHERE source = 'learned'")) == 2, "what is published rests"


async def test_without_a_known_cause_a_playbook_is_not_narrowed(desk: Any) -> None:
    for _ in range(4):
        _, number = await opened(desk, cause="unknown")
        assert (await tell(desk, number, playbook_id=BOOK)).status_code == 200
    assert await desk.rows("SELECT 1 FROM playbooks WHERE source = 'learned'") == []


async def test_shadow_proposals_are_scored_against_what_people_did(desk: Any) -> None:
    agreed, differed, alone, unsaid, words = [await shadowed(desk) for _ in range(5)]
    await tell(desk, agreed, playbook_id=BOOK)
    await tell(desk, differed, playbook_id="disk-full")
    await tell(desk, alone, alone=True)
    await tell(desk, words, words="something else")
    score = (await desk.get("/api/v1/learning/summary")).json()["shadow"]
    assert score == {"agreed": 1, "compared": 3, "open": 2, "words": "would have agreed 1 of 3 (2 not told)"}
    by_kind = (await desk.get(f"/api/v1/learning/summary/{SIGNATURE}")).json()["shadow"]
    assert by_kind == score
    said = [(await told(desk, number, "fix.told"))[0]["body"]["shadow"] for number in (agreed, differed, alone, words)]
    assert [text.rpartition(": ")[2] for text in said] == [
        "agreed", "differed", "differed", "told in words, not comparable",
    ]  # fmt: skip
    assert await told(desk, unsaid, "fix.told") == []


async def test_the_card_shows_the_record_where_a_person_asks(desk: Any) -> None:
    await learned(desk, *["stable"] * 3, "ineffective")
    _, number = await opened(desk)
    wanted = {"playbook_id": BOOK, "parameters": {"service": "shop", "to_version": "v41"}, "reason": "as last time"}
    async with desk.store.begin() as conn:
        await changes.insert(conn, {**DEPLOY, "at": datetime.now(UTC)})
    asked = await desk.post(f"/api/v1/incidents/{number}/propose", wanted, "responder")
    assert asked.status_code == 201, asked.text
    [approval] = (await desk.get("/api/v1/approvals")).json()["items"]
    assert approval["card"]["track_record"] == "3 of 4 (30-95 %) on this service"
