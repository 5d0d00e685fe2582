"""The desk: every button and command once for good, by people in a chat, over the functions of the HTTP routes."""

import asyncio
from datetime import timedelta

import pytest

from core.alert import AlertStatus
from core.catalogue import Language, say
from core.desk import Command, Done, Refusal
from core.phrases_desk import PHRASES
from engine.desk import FormKind
from engine.muting import mute_of
from store import conversations, heard_updates, one_time_codes, people, rotas, tickets
from store.one_time_codes import Purpose
from store.pool import Row
from tests.engine.chat_room import CHATS, SLACK, TELEGRAM, Room
from tests.engine.ward import Ward


@pytest.fixture
async def room(ward: Ward) -> Room:
    opened = Room(ward)
    await opened.furnish()
    return opened


async def test_a_restart_takes_one_person_and_what_destroys_two_whatever_their_platforms(room: Room) -> None:
    ward = room.ward
    service = await ward.add_service()
    execution = (await ward.ask(service))["id"]
    said = await room.press(await room.card(execution))
    assert (said.reason, said.alert) == (Done.APPROVED, False), said
    [vote] = await ward.rows("SELECT via, person_id FROM approval_votes")
    assert (vote["via"], vote["person_id"]) == ("telegram", ward.people["first"].id)
    await ward.work()
    assert ward.target.effects(str(execution)) == 1

    await room.link("second", SLACK)
    execution = (await ward.ask(await ward.add_service(), "hammer"))["id"]
    one, other = await room.card(execution), await room.card(execution, channel=SLACK)
    said = await room.press(one)
    assert (said.reason, said.words) == (Done.VOTED, "Your approval counts: 1 of 2.")
    await room.link("first", SLACK)
    again = await room.press(other)
    assert again.reason == Refusal.VOTED_ALREADY, "the same person on another platform is the same person"
    assert (await room.press(other, "second")).words == say(PHRASES, "done.approved", Language.ZH_HANS)
    await ward.work()
    assert ward.target.effects(str(execution)) == 1


async def test_a_rejection_asks_for_the_reason_first_and_keeps_it(room: Room) -> None:
    ward = room.ward
    execution = (await ward.ask(await ward.add_service()))["id"]
    button = await room.card(execution, "reject")
    asked = await room.press(button)
    assert asked.form is not None
    assert (asked.reason, asked.form.kind) == (Done.WORDS_NEEDED, FormKind.REASON)
    assert (await room.press(button, text="it is the network\x00")).reason == Done.REJECTED
    assert (await ward.execution(execution))["state"] == "rejected"
    [vote] = await ward.rows("SELECT verdict, reason FROM approval_votes")
    assert (vote["verdict"], vote["reason"]) == ("reject", "it is the network\ufffd")
    late = await room.press(await room.card(execution), "second")
    assert (late.reason, late.words) == (Refusal.DECIDED, "This was decided before: rejected by first.")


async def test_an_edit_shows_the_parameters_and_makes_a_card_of_its_own(room: Room) -> None:
    ward = room.ward
    service = await ward.add_service()
    execution = (await ward.ask(service))["id"]
    button = await room.card(execution, "edit")
    form = (await room.press(button)).form
    assert form is not None
    assert [(f.name, f.value) for f in form.fields] == [("times", "1"), ("service", service), ("reason", "")]
    edited = {"service": service, "times": "2", "reason": "twice is better"}
    assert (await room.press(button, values=edited)).reason == Done.EDITED
    assert (await ward.execution(execution))["state"] == "superseded"
    [fresh] = await ward.rows("SELECT * FROM executions WHERE state = 'awaiting_approval'")
    assert (fresh["intent"]["parameters"]["times"], fresh["requester"]) == (2, "first")
    assert (await room.press(await room.card(execution))).reason == Refusal.DECIDED, "the old card is over"

    by_reply = await room.press(await room.card(fresh["id"], "edit"), text="times = 3\nthree times is best")
    assert by_reply.reason == Done.EDITED
    [last] = await ward.rows("SELECT * FROM executions WHERE state = 'awaiting_approval'")
    assert last["intent"]["parameters"]["times"] == 3
    same = await room.press(await room.card(last["id"], "edit"), text="just because")
    refused = await room.press(await room.card(last["id"], "edit"), text="times=99\nmore")
    assert (same.reason, refused.reason) == ("same_action", "unknown_parameter")
    assert (await ward.execution(last["id"]))["state"] == "awaiting_approval"


async def test_somebody_acknowledges_once_and_somebody_takes_over_and_calls_for_more_people(room: Room) -> None:
    ward = room.ward
    service = await ward.add_service()
    button = await room.button("acknowledge", service)
    first, again = await room.press(button), await room.press(button, "second")
    assert (first.reason, again.reason) == (Done.ACKNOWLEDGED, Done.ACKNOWLEDGED_BEFORE)
    assert "first" in again.words
    incident = await ward.incident(service)
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "first")
    [told] = await ward.told(service, "incident.acknowledged")
    assert (told["actor"], told["body"]["via"]) == ("person:first", "telegram")

    assert (await room.press(await room.button("take_over", service), "second")).reason == Done.TAKEN_OVER
    assert (await ward.incident(service))["assignee"] == "second"
    button = await room.button("escalate", service)
    assert (await room.press(button, "second", text="two of us")).reason == Done.ESCALATED
    assert (await room.press(button)).reason == Done.ESCALATED_BEFORE
    assert (await ward.incident(service))["state"] == "escalated"
    queued = await ward.rows("SELECT args->>'kind' AS kind FROM procrastinate_jobs WHERE task_name = 'page_incident'")
    [kind] = [row["kind"] for row in queued if row["kind"].startswith("escalated")]
    await room.press(await room.button("silence_1h", service))
    async with ward.store.begin() as conn:
        incident = await ward.incident(service)
        assert (await mute_of(conn, incident["id"], "page")).is_muted
        assert not (await mute_of(conn, incident["id"], kind)).is_muted, "who calls for help is heard"
    assert (await room.press(await room.button("take_over", service))).reason == Done.TAKEN_OVER
    assert (await ward.incident(service))["state"] == "acknowledged"


async def test_an_hour_of_silence_holds_exactly_this_incident_and_ends(room: Room) -> None:
    ward = room.ward
    service, neighbour = await ward.add_service(), await ward.add_service()
    await ward.alert(service, name="Slow")
    incident = await ward.incident(service)
    button = await room.button("silence_1h", service)
    said = await room.press(button)
    until = f"{ward.clock.now + timedelta(hours=1):%H:%M} UTC"
    assert (said.reason, until in said.words) == (Done.SILENCED, True), said
    assert said.message is not None
    assert said.message.rows[0] == ("Until", until)
    assert (await room.press(button)).reason == Done.SILENCED_BEFORE
    rules = await ward.rows("SELECT body, ends_at FROM notice_rules WHERE kind = 'silence'")
    assert len(rules) == 2, "one for each kind of alert"
    assert {row["ends_at"] for row in rules} == {ward.clock.now + timedelta(hours=1)}

    async def muted(row: Row) -> bool:
        async with ward.store.begin() as conn:
            return (await mute_of(conn, row["id"], "page")).is_muted

    assert await muted(incident)
    assert not await muted(await ward.incident(neighbour)), "the service next door is heard"
    ward.clock.advance(1800)
    assert (await room.press(button)).reason == Done.SILENCED, "pressed again later it holds for an hour from then"
    ward.clock.advance(3599)
    assert await muted(incident)
    await ward.alert(service, name="Broken")
    assert not await muted(incident), "another kind of alert of the same service is heard"
    ward.clock.advance(2)
    assert not await muted(incident)


async def test_a_silence_of_an_alert_with_a_deceitful_name_holds_that_alert_alone(room: Room) -> None:
    """Who sends alerts chooses their names; a name is compared, and never becomes a pattern."""
    ward = room.ward
    service = await ward.add_service()
    for name in ("~.*", "~(", '"~.*"', " ~.* "):
        await ward.alert(service, name=name)
    await ward.alert(service, AlertStatus.RESOLVED)  # the plain one is over
    assert (await room.press(await room.button("silence_1h", service))).reason == Done.SILENCED
    await ward.alert(service, name="Broken")
    async with ward.store.begin() as conn:
        assert not (await mute_of(conn, (await ward.incident(service))["id"], "page")).is_muted
    assert not [row for row in await ward.rows("SELECT body FROM notice_rules") if "alertname=~.*" in str(row)]


async def test_stop_stops_everything_at_once_and_only_once(room: Room) -> None:
    ward = room.ward
    await ward.add_person("helper", "responder")
    await room.link("helper")
    service = await ward.add_service()
    execution = await ward.approved(service)
    said = await room.press(await room.button("stop", service), "helper")
    assert (said.reason, said.message is not None) == (Done.STOPPED, True)
    assert (await room.write("stop", "again", "helper")).reason == Done.STOPPED_BEFORE
    await ward.work()
    assert ward.target.effects(str(execution)) == 0
    [row] = await ward.rows("SELECT is_on, changed_by, reason FROM switches WHERE name = 'kill'")
    assert (row["is_on"], row["changed_by"], row["reason"]) == (True, "person:helper", "STOP in telegram")
    assert len(await ward.rows("SELECT 1 FROM audit WHERE action = 'switch.set'")) == 1
    told = await ward.rows("SELECT channel, body->>'by' AS by FROM notifications WHERE kind = 'stop'")
    here = {channel["id"] for channel in ward.site["channels"]} - {row["channel"] for row in told}
    assert {row["by"] for row in told} == {"helper"}, "the other channels hear of it"
    assert len(here) == 1, "and where it was pressed it is shown already"


async def test_undo_is_a_proposal_of_its_own_that_waits_for_approval(room: Room) -> None:
    ward = room.ward
    await ward.put_playbook(id="turn", title="Turn the knob", reversible=True, undo="turn it back", verify_within_s=2)
    service = await ward.add_service()
    execution = (await ward.ask(service, "turn", times=3))["id"]
    button = await room.button("undo", service, subject=str(execution))
    assert (await room.press(button)).reason == Refusal.NOTHING_TO_UNDO, "it has not happened yet"
    await ward.decide(execution)
    await ward.reached(execution, "verified", "inconclusive", "ineffective")
    assert (await room.press(button)).reason == Refusal.NOTHING_TO_UNDO, "what was there before is not on record"
    await ward.damage("executions", execution, observed={"before": {"times": 1}})
    assert (await room.press(button, text="it made it worse")).reason == Done.UNDO_PROPOSED
    [back] = await ward.rows("SELECT * FROM executions WHERE state = 'awaiting_approval'")
    assert (back["intent"]["parameters"]["times"], back["requester"]) == (1, "first")
    assert (await room.press(button, "second")).reason == Refusal.UNDO_WAITS
    assert (await room.press(await room.card(back["id"]), "second")).reason == Done.APPROVED
    await ward.work()
    assert ward.target.effects(str(back["id"])) == 1

    await ward.rows("UPDATE executions SET state = 'failed' WHERE id = %s", back["id"])
    await ward.rows("UPDATE incidents SET state = 'resolved', resolved_at = now()")
    before = ward.site["policy"]
    await ward.furnish(policy={**before, "protected": [f"*{service}"]})
    denied = await room.press(button)
    assert (denied.reason, denied.alert) == ("protected_resource", True), "policy's own no, by its name"
    assert (await ward.incident(service))["state"] == "resolved"
    await ward.furnish(policy=before)
    assert (await room.press(button)).reason == Done.UNDO_PROPOSED
    assert (await ward.incident(service))["state"] == "open", "who takes back what ended it has work to do"


async def test_what_fixed_it_is_told_as_a_playbook_in_words_or_as_nothing(room: Room) -> None:
    ward = room.ward
    service = await ward.add_service()
    button = await room.button("fixed_by", service)
    form = (await room.press(button)).form
    assert form is not None
    assert [f.name for f in form.fields] == ["playbook", "words", "alone"]
    for answer, kept in (
        ({"text": "poke"}, ("poke", "", False)),
        ({"values": {"playbook": "", "words": "cable", "alone": ""}}, (None, "cable", False)),
        ({"text": "Alone"}, (None, "", True)),
    ):
        assert (await room.press(button, **answer)).reason == Done.FIX_TOLD
        [row] = await ward.rows("SELECT playbook_id, words, is_alone, told_by FROM human_fixes")
        assert ((row["playbook_id"], row["words"], row["is_alone"]), row["told_by"]) == (kept, "person:first")
    wrong = await room.press(button, values={"playbook": "nonsense"})
    both = await room.press(button, values={"words": "cable", "alone": "yes"})
    assert (wrong.reason, both.reason) == (Refusal.NOT_FOUND, Refusal.BAD_INPUT)


async def test_a_question_joins_the_conversation_of_the_incident_where_it_was_asked(room: Room) -> None:
    ward = room.ward
    await ward.add_person("onlooker", "viewer")
    await room.link("onlooker")
    service = await ward.add_service()
    incident = await ward.incident(service)
    async with ward.store.begin() as conn:
        await conversations.open_thread(conn, TELEGRAM, incident["id"], chat=CHATS[TELEGRAM], thread="77", root="70")
    button = await room.button("ask", service)
    form = (await room.press(button, "onlooker")).form
    assert form is not None
    assert form.kind is FormKind.QUESTION
    assert (await room.press(button, "onlooker", text="what changed?")).reason == Done.ASKED
    assert (await room.write("", "and why not restart?", "first", thread="70")).reason == Done.ASKED
    private = {"chat": "u-first", "language": "zh-TW"}
    assert (await room.write("ask", "狀態如何?", "first", **private)).words == "我來看看。"
    threads = await ward.rows("SELECT door, person_id, incident_id, outside_key FROM threads ORDER BY id")
    assert [(row["door"], row["person_id"], row["incident_id"]) for row in threads] == [
        ("telegram", None, incident["id"]),
        ("telegram", ward.people["first"].id, None),
    ]
    runs = await ward.rows("SELECT person, role, text, language, asked_by FROM thread_runs ORDER BY text")
    assert [(row["person"], row["role"], row["text"], row["language"]) for row in runs] == [
        ("first", "approver", "and why not restart?", "en"),
        ("onlooker", "viewer", "what changed?", "en"),
        ("first", "approver", "狀態如何?", "zh-Hant"),
    ]
    jobs = await ward.rows("SELECT 1 FROM procrastinate_jobs WHERE task_name = 'stream_answer'")
    assert len(jobs) == 3, "each answer is written where it was asked"
    assert {row["asked_by"] for row in runs} == {"u-onlooker", "u-first"}


async def test_commands_show_what_is_open_and_who_is_on_call_and_acknowledge(room: Room) -> None:
    ward = room.ward
    nothing = (await room.write("incidents")).message
    assert nothing is not None
    assert nothing.title == "No incident is open."
    names = [await ward.add_service() for _ in range(12)]
    await room.press(await room.button("acknowledge", names[-1]))
    shown = (await room.write("incidents")).message
    assert shown is not None
    number = (await ward.incident(names[-1]))["number"]
    assert (shown.title, len(shown.rows), shown.footer) == ("Open incidents: 12", 10, "and 2 more")
    assert (shown.rows[0][0], "acknowledged" in shown.rows[0][1]) == (f"#{number}", True)
    assert "rota" in getattr((await room.write("oncall")).message, "title", "")
    body = {"zone": "UTC", "first_day": "2026-01-05", "shifts": []}
    async with ward.store.begin() as conn:
        await rotas.add(conn, "house", team=None, fallback="second", body=body, by="test")
    on_call = (await room.write("oncall")).message
    assert on_call is not None
    assert on_call.rows == [("house", "second")]
    listed = (await room.write("help", person="nobody")).message
    assert listed is not None
    assert [label for label, _ in listed.rows] == [f"/{command}" for command in Command]
    assert "nightshift identities link" in listed.footer, "who is nobody reads how to become somebody"
    of_first = (await room.write("help")).message
    assert of_first is not None
    assert of_first.footer == ""

    one, other = names[:2]
    incident = await ward.incident(other)
    number = (await ward.incident(one))["number"]
    assert (await room.write("ack", f"#{number} on it")).reason == Done.ACKNOWLEDGED
    assert (await room.write("ack", str(number), "second")).reason == Done.ACKNOWLEDGED_BEFORE
    assert (await room.write("ack")).reason == Refusal.NO_INCIDENT_NAMED
    assert (await room.write("ack", "99999999")).reason == Refusal.NO_SUCH_INCIDENT
    async with ward.store.begin() as conn:
        await conversations.open_thread(conn, TELEGRAM, incident["id"], chat=CHATS[TELEGRAM], thread="78", root="71")
    assert (await room.write("ack", thread="78")).reason == Done.ACKNOWLEDGED
    assert (await ward.incident(other))["state"] == "acknowledged"


async def test_a_stranger_becomes_somebody_by_a_code_in_private_and_a_ticket_stays_the_same(room: Room) -> None:
    ward = room.ward
    newcomer = await ward.add_person("newcomer", "responder")
    service = await ward.add_service()
    button = await room.button("acknowledge", service)
    assert (await room.press(button, "newcomer")).reason == Refusal.NOT_LINKED
    async with ward.store.begin() as conn:
        row = await people.get(conn, "newcomer")
        assert row["id"] == newcomer.id
        seen, heard, code = (one_time_codes.new_code(Purpose.LINK) for _ in range(3))
        await one_time_codes.add(conn, row, Purpose.LINK, seen, by="test")
    private = {"person": "newcomer", "chat": "u-newcomer"}
    assert (await room.write("link", seen, "newcomer")).reason == Refusal.NOT_HERE, "the group has read the code"
    assert (await room.write("link", seen, "reader", chat="u-reader")).reason == "code_no_good"
    async with ward.store.begin() as conn:
        await one_time_codes.add(conn, row, Purpose.LINK, heard, by="test")
    account = room.account("newcomer", SLACK)
    in_slack = {"person": "newcomer", "channel": SLACK, "chat": CHATS[SLACK], "account": account}
    assert (await room.write("link", heard, **in_slack, is_read_by_all=True)).reason == Refusal.NOT_HERE
    assert (await room.write("link", heard, **in_slack)).reason == "code_no_good"
    async with ward.store.begin() as conn:
        await one_time_codes.add(conn, row, Purpose.LINK, code, by="test")
    assert (await room.write("link", **private)).reason == Refusal.NO_CODE
    assert (await room.write("link", "ABCDEFGHJK", **private)).reason == "code_no_good"
    said = await room.write("/link", f"{code[:5].lower()}-{code[5:]}", **private)
    assert (said.reason, said.words) == (Done.LINKED, "This account is newcomer now, with the role responder.")
    assert (await room.press(button, "newcomer")).reason == Done.ACKNOWLEDGED

    incident = (await ward.incident(service))["id"]

    async def mint(subject: str = "") -> str:
        async with ward.store.begin() as conn:
            thing = {"channel": TELEGRAM, "verb": "acknowledge", "incident_id": incident, "subject": subject}
            return await tickets.mint(conn, **thing)

    same = set(await asyncio.gather(*(mint() for _ in range(8))))
    assert len(same) == 1
    [ticket] = same
    assert (len(ticket), await mint("other") != ticket) == (12, True)
    async with ward.store.begin() as conn:
        await tickets.shown(conn, ticket, "c", "9", is_question=True)
        await tickets.shown(conn, ticket, "c", "9")
        found = await tickets.question(conn, TELEGRAM, "c", "9")
        assert found is not None
        assert found["ticket"] == ticket
        assert await tickets.question(conn, SLACK, "c", "9") is None
    ward.clock.advance(31 * 86_400)
    assert await mint() == ticket, "while the incident goes on, its buttons stay the same"
    async with ward.store.begin() as conn:
        assert await heard_updates.is_new(conn, TELEGRAM, "update:1")
        assert not await heard_updates.is_new(conn, TELEGRAM, "update:1")
        assert await heard_updates.is_new(conn, SLACK, "update:1")
        assert await tickets.forget(conn) == 1, "only the one that nobody shows any more"
        assert await heard_updates.forget(conn) == 6, "the clicks and codes of a month ago"
    ward.clock.advance(8 * 86_400)
    async with ward.store.begin() as conn:
        assert await heard_updates.forget(conn) == 2
