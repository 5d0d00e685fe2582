"""A chat without a model: recognised questions are answered from the tables, and it says that no model speaks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.diagnosis_form import diagnosis_to_json
from core.diagnosis import Cause
from core.evidence import Evidence, EvidenceKind
from engine import approving
from knowledge.embedding import EndpointEmbedder
from knowledge.memory import remember_by_hand
from store import approvals, changes, diagnoses, incidents, people, rotas
from store import site as sites
from store.ids import new_id
from store.pool import Connection, Row
from tests.agent.chat_world import ChatWorld, open_chat_world
from tests.agent.model_world import DRAFT, RELEASE
from tools.act.gate import KILL_SWITCH
from tools.act.proposals import submit_by_person

ALONE = "Answered by fixed rules: no model is set."
ROLLBACK: dict[str, Any] = {
    "playbook_id": "rollback-bad-release",
    "parameters": {"service": "shop", "to_version": "2.3.9"},
}
LEAKY = Evidence(
    "E3", EvidenceKind.LOG_TEMPLATE, "new kind of log line of shop: password=hunter2secret", "log:shop", "shop",
    outsider=True,
)  # fmt: skip
FOUND = replace(
    DRAFT, cause=Cause.BAD_RELEASE, summary="shop 2.4.0 was deployed 12 s before.", evidence=(RELEASE, LEAKY),
    unknowns=("Which part of the release it is.",),
)  # fmt: skip


@pytest.fixture
async def world(database: Any, tmp_path: Path) -> AsyncIterator[ChatWorld]:
    async with open_chat_world(database, tmp_path) as made:
        yield made


async def test_how_things_are_is_told_with_its_evidence_and_what_is_not_known(world: ChatWorld) -> None:
    first = await world.ask("what's going on?")
    async with world.shop.store.begin() as conn:
        await diagnoses.put(conn, world.shop.incident["id"], 1, diagnosis_to_json(FOUND))
    second = await world.ask("status")

    assert "The cause is not known yet." in first.text
    assert "No action was proposed yet." in first.text
    lines = second.text.split("\n")
    assert lines[0].startswith("#1 HighErrorRate on shop: P1, open, since ")
    assert lines[0].endswith("Nobody has taken it.")
    assert lines[1:5] == [
        "Suspected, not confirmed (bad_release): shop 2.4.0 was deployed 12 s before.",
        "Evidence E1: deploy shop 2.3.9 -> 2.4.0, 12 s before the first alert",
        "Evidence E3 (an outsider could have written this): new kind of log line of shop: password=<SECRET:1>",
        "Not known: Which part of the release it is.",
    ]
    assert lines[-1] == ALONE
    assert second.outcome == "answered"
    assert [body["id"] for body in world.told("evidence")] == ["E1", "E3"]
    assert "hunter2" not in str(world.events)
    assert not world.told("degraded"), "nothing failed: there is no model"


async def test_which_incident_is_meant_is_found_or_asked_for(world: ChatWorld) -> None:
    world.in_thread = False
    only = await world.ask("why not restart?")
    async with world.shop.store.begin() as conn:
        await _another(conn, "pricing", "P2")
    several = await world.ask("similar incidents?")
    every = await world.ask("any open incidents?")
    named = await world.ask("status of #2, please")
    by_service = await world.ask("how bad is pricing?")
    nowhere = await world.ask("status #99")
    async with world.shop.store.begin() as conn:
        for number in (1, 2):
            row = await incidents.by_number(conn, number)
            await incidents.set_state(conn, row["id"], "resolved", by="test", only_from=["open"])
    over = await world.ask("recommended fix?")

    assert only.text.startswith("restart-dependency on ")
    assert several.text.split("\n")[0] == "Which incident? Say it with its number, such as: status #1."
    assert [line[:2] for line in every.text.split("\n")[:3]] == ["2 ", "#1", "#2"]
    assert named.text.startswith("#2 Slow on pricing: P2")
    assert by_service.text.startswith("#2 Slow on pricing")
    assert nowhere.text.startswith("There is no incident #99.")
    assert over.text.startswith("No incident is open.")


async def test_what_changed_is_told_for_a_service_and_for_all(world: ChatWorld) -> None:
    async with world.shop.store.begin() as conn:
        await _changed(conn, "billing", "3.1", hours=5)
    of_shop = await world.ask("what changed on shop?")
    of_billing = await world.ask("what changed on billing in the last 30 min?")
    earlier = await world.ask("what changed on billing in the last day?")
    world.in_thread = False
    async with world.shop.store.begin() as conn:
        await incidents.set_state(conn, world.shop.incident["id"], "resolved", by="test", only_from=["open"])
    anywhere = await world.ask("最近24小时有什么变更？")

    heading, change, *_ = of_shop.text.split("\n")
    assert heading.startswith("Changes of shop from ")
    assert change.endswith("deploy shop 2.3.9 -> 2.4.0 by ci, 12 s before the first alert")
    assert [body["source"] for body in world.told("evidence")] == ["deploy:ci", "deploy:ci"]
    assert of_billing.text.startswith("No change of billing was reported from ")
    assert "What nobody reports is not seen." in of_billing.text
    assert "deploy billing 3.0 -> 3.1 by ci\n" in earlier.text, "billing is not in trouble: there is no first alert"
    assert anywhere.text.startswith("shop, pricing, orders-db, billing 从 ")
    assert anywhere.text.count("deploy ") == 2


async def test_why_something_is_not_done_names_the_guardrail(world: ChatWorld) -> None:
    allowed = await world.ask("why not roll back?")
    nothing = await world.ask("why was it refused?")
    async with world.shop.store.begin() as conn:
        await sites.set_switch(conn, KILL_SWITCH, True, by="lead", reason="test")
        await _asked_for(conn, world)
    stopped = await world.ask("why not restart-dependency?")
    refused = await world.ask("why was it refused?")
    traditional = await world.ask("為什麼不回滾？")
    foreign = await world.ask("why not clean-old-logs?")

    assert allowed.text.startswith(
        "rollback-bad-release on shop (demo): allowed once approved (tier: people must approve) tier 3: "
    )
    assert nothing.text.startswith("Nothing was refused on #1.")
    assert stopped.text.startswith("restart-dependency on ")
    assert ": refused (kill_switch: the kill switch is on) " in stopped.text
    assert "rollback-bad-release was proposed instead." in stopped.text
    assert refused.text.startswith("rollback-bad-release on shop (demo) was refused: refused (kill_switch: ")
    assert traditional.text.startswith("rollback-bad-release（shop (demo)）：拒絕（kill_switch：總開關已停止一切操作）")
    assert traditional.text.endswith("由固定規則回答：未設定模型。")
    assert "It is not written for this kind of trouble (errors)." in foreign.text


async def test_who_approved_is_told_with_the_door_and_the_words(world: ChatWorld) -> None:
    nobody = await world.ask("who approved this?")
    async with world.shop.store.begin() as conn:
        row = await _asked_for(conn, world)
    waits = await world.ask("who approved this?")
    async with world.shop.store.begin() as conn:
        approval = await approvals.of_execution(conn, row["id"])
        assert approval
        lead = await people.add_person(conn, "lead", "approver", by="test")
        person = approving.Person(lead, "lead", "telegram")
        await approving.decide(
            conn, approval["id"], person, verdict="approve", intent_hash=row["intent_hash"], reason="2.3.9 was well"
        )
    said = await world.ask("谁批准的？")
    world.in_thread = False
    anywhere = await world.ask("who approved #1?")

    assert nobody.text.startswith("Nobody was asked to approve anything yet.")
    assert waits.text.startswith("#1 rollback-bad-release (shop (demo)): 0 of 1 approved (approver); open until ")
    assert said.text.startswith("#1 rollback-bad-release (shop (demo)): lead 于 ")
    assert "通过 telegram 批准。 理由：“2.3.9 was well”" in said.text
    assert "lead approved at " in anywhere.text


async def test_who_is_on_call_is_told_by_the_rota_or_that_there_is_none(world: ChatWorld) -> None:
    none = await world.ask("who is on call?")
    body = {"zone": "UTC", "first_day": "2026-01-05", "shifts": []}
    async with world.shop.store.begin() as conn:
        await rotas.add(conn, "house", team=None, fallback="night", body=body, by="test")
    told = await world.ask("/oncall")

    assert none.text.startswith("There is no rota: who is on call is not known.")
    assert told.text.startswith("On call for house: night (fallback, nobody is planned).")


async def test_history_is_told_with_its_counts_and_what_policy_says_today(world: ChatWorld) -> None:
    nothing = await world.ask("has this happened before?")
    async with world.shop.store.begin() as conn:
        before = await _another(conn, "shop", "P1", group="before")
        await remember_by_hand(conn, before, "went back to the release before", diagnosis_to_json(FOUND))
        await diagnoses.put(conn, world.shop.incident["id"], 1, diagnosis_to_json(FOUND))
    world.embedder = EndpointEmbedder("http://127.0.0.1:1/v1", "", "away")
    similar = await world.ask("similar incidents of #1?")
    fix = await world.ask("what should we do about #1?")

    assert nothing.text.startswith("No similar incident with a known outcome is remembered.")
    assert similar.text.startswith("Similar before #1:\n#2 (")
    assert "Done: by hand: went back to the release before Result: A person says that it fixed it." in similar.text
    assert [body["id"] for body in world.told("evidence")] == []
    assert fix.text.startswith(
        "rollback-bad-release (Go back to the release that ran before): helped never tried here."
    )
    assert "Because: no playbook has 5 outcomes here" in fix.text
    assert "Policy now on shop (demo): allowed once approved (tier: people must approve)" in fix.text


async def test_what_is_not_understood_is_answered_with_what_can_be_asked(world: ChatWorld) -> None:
    lost = await world.ask("write me a poem")
    world.language = "zh-TW"
    helped = await world.ask("/help")

    assert lost.outcome == "not_understood"
    assert lost.text.startswith("That I cannot answer without a model.\nI can answer: status · what changed · ")
    assert lost.text.endswith(ALONE)
    assert helped.text.startswith("我可以回答：狀態 · 有什麼變更 · ")
    assert helped.outcome == "answered"


async def test_a_run_answered_again_says_the_same(
    world: ChatWorld,
) -> None:
    turn = world.turn("status")
    first = await world.hear(turn)
    async with world.shop.store.begin() as conn:
        await incidents.set_state(conn, world.shop.incident["id"], "acknowledged", by="night", only_from=["open"])
    again = await world.hear(turn)
    size = await _remembered(world)
    for _ in range(3):
        await world.ask("who is on call?")
    later = await world.ask("status")
    size_later = await _remembered(world)
    await world.chats.forget(str(world.thread_id))

    assert again == first
    assert ", acknowledged, " in later.text
    assert "With: night." in later.text
    assert 0 < size_later <= size
    assert await _remembered(world) == 0


async def _remembered(world: ChatWorld) -> int:
    """How many rows the checkpointer holds."""
    tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
    async with world.shop.store.begin() as conn:
        counts = [
            (await (await conn.execute(f"SELECT count(*) AS n FROM checkpoints.{table}")).fetchone() or {})["n"]
            for table in tables
        ]
    return sum(counts)


async def _asked_for(conn: Connection, world: ChatWorld) -> Row:
    return await submit_by_person(
        conn, world.shop.site, world.shop.incident, person="night", reason="it is the release", **ROLLBACK
    )


async def _another(conn: Connection, service: str, priority: str, group: str = "other") -> Row:
    values = {
        "id": str(new_id()), "priority": priority, "group_key": f"demo/-/{group}", "environment": "demo",
        "cluster": "-", "service": service, "title": f"Slow on {service}",
        "signature": "v1|HighErrorRate|service|errors", "started_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    (created,) = await incidents.create(conn, [values])
    return await incidents.get(conn, created["id"])


async def _changed(conn: Connection, service: str, version: str, *, hours: float) -> None:
    values = {
        "source": "ci", "external_id": version, "kind": "deploy", "environment": "demo", "service": service,
        "version": version, "previous_version": "3.0", "summary": "", "author": "ci",
        "at": datetime.now(UTC) - timedelta(hours=hours),
    }  # fmt: skip
    await changes.insert(conn, values)
