"""Every way to press a button that one may not press, that we could think of: none of them is accepted.

Each kind gets a service of its own and an action on it that waits for approval, with its card in the chat; it does its
worst, and then a worker works. `calls` of the target and `votes` on the approval are those that were honest.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from core.desk import Done, Refusal
from engine import revising
from engine.desk import Click, Said
from store import identities, one_time_codes, people, tickets
from store.identities import Account
from store.one_time_codes import Purpose
from tests.engine.chat_room import CHANNELS, CHATS, SLACK, TELEGRAM, Room
from tests.engine.ward import Ward

KINDS_MIN = 40
R = Refusal


@dataclass
class Forger:
    """Somebody who wants the action on one service run by a click on its card."""

    room: Room
    service: str
    key: UUID
    click: Click

    @property
    def ward(self) -> Ward:
        return self.room.ward

    async def refused(self, reason: str, person: str = "", **changed: Any) -> None:
        """A click that has to be refused, for this reason."""
        said = await self.room.press(self.click, person, **changed)
        assert (said.reason, said.alert) == (reason, True), f"{self.service}: {said}"

    async def yes(self, person: str = "first", **changed: Any) -> Said:
        """An honest click."""
        said = await self.room.press(self.click, person, **changed)
        assert not said.alert, f"{self.service}: {said}"
        return said

    async def ticket(self, **changed: Any) -> str:
        """A ticket that somebody wrote into the table."""
        approval = await self.ward.approval(self.key)
        honest = {
            "channel": TELEGRAM, "verb": "approve", "subject": str(approval["id"]), "bound": approval["intent_hash"],
            "incident_id": (await self.ward.incident(self.service))["id"],
        }  # fmt: skip
        async with self.ward.store.begin() as conn:
            made = await tickets.mint(conn, **{**honest, **changed})
            await tickets.shown(conn, made, self.click.chat, self.click.ref)
        return made

    async def rewrite_approval(self, **values: Any) -> None:
        await self.ward.damage("approvals", (await self.ward.approval(self.key))["id"], **values)

    async def race(self, clicks: list[tuple[str, dict[str, Any]]]) -> Counter[str]:
        """All of these clicks at once; the reasons of the answers."""
        said = await asyncio.gather(*(self.room.press(self.click, who, **changed) for who, changed in clicks))
        return Counter(one.reason for one in said)


Attack = Callable[[Forger], Awaitable[None]]
KINDS: dict[str, tuple[Attack, str, int, int]] = {}


def kind(playbook: str = "poke", calls: int = 0, votes: int = 0) -> Callable[[Attack], Attack]:
    """Register an attack: on which playbook, and what of it is honest."""

    def put(attack: Attack) -> Attack:
        KINDS[attack.__name__] = (attack, playbook, calls, votes)
        return attack

    return put


# Who clicks


@kind()
async def by_a_stranger_in_the_group(f: Forger) -> None:
    await f.refused(R.NOT_LINKED, "stranger")


@kind()
async def by_an_account_that_was_revoked(f: Forger) -> None:
    await f.refused(R.NOT_LINKED, "revoked")


@kind()
async def by_somebody_who_has_left(f: Forger) -> None:
    await f.refused(R.NOT_LINKED, "gone")


@kind()
async def by_a_viewer(f: Forger) -> None:
    await f.refused(R.ROLE_MISSING, "viewer")


@kind()
async def by_a_responder(f: Forger) -> None:
    await f.refused(R.ROLE_MISSING, "responder")


@kind()
async def by_an_approver_where_an_operator_is_needed(f: Forger) -> None:
    await f.rewrite_approval(role="operator")
    await f.refused(R.ROLE_MISSING)


@kind()
async def by_an_approver_who_was_made_a_viewer_since(f: Forger) -> None:
    name = f"lowered of {f.service}"
    await f.ward.add_person(name)
    await f.room.link(name)
    async with f.ward.store.begin() as conn:
        await people.set_role(conn, name, "viewer", by="test")
    await f.refused(R.ROLE_MISSING, name)


@kind()
async def by_an_account_that_is_somebody_else_by_now(f: Forger) -> None:
    account = await f.room.link("first", SLACK)
    [row] = await f.ward.rows("SELECT id FROM chat_identities WHERE account = %s AND platform = 'slack'", "u-first")
    async with f.ward.store.begin() as conn:
        await identities.revoke(conn, {"id": f.ward.people["first"].id, "name": "first"}, row["id"], by="test")
        await identities.link(conn, {"id": f.ward.people["viewer"].id, "name": "viewer"}, account)
    other = await f.room.card(f.key, channel=SLACK)
    assert (await f.room.press(other, account=account)).reason == R.ROLE_MISSING


@kind()
async def by_the_same_id_in_another_workspace(f: Forger) -> None:
    await f.refused(R.NOT_LINKED, account=Account("telegram", "another-bot", "u-first"))


@kind()
async def by_the_same_id_on_another_platform(f: Forger) -> None:
    await f.refused(R.OTHER_PLATFORM, account=Account("slack", "bot-of-tg", "u-first"))


@kind()
async def by_the_chat_instead_of_a_person(f: Forger) -> None:
    await f.refused(R.NOT_LINKED, account=Account("telegram", "bot-of-tg", CHATS[TELEGRAM]))


@kind()
async def by_an_id_that_looks_alike(f: Forger) -> None:
    for name in ("u-first ", "U-FIRST", "u-fi\u200brst", "u-first\0", "u-f\u0456rst", "u-first'--", "", "%"):
        await f.refused(R.NOT_LINKED, account=Account("telegram", "bot-of-tg", name))


@kind()
async def by_an_id_of_a_million_characters(f: Forger) -> None:
    await f.refused(R.NOT_LINKED, account=Account("telegram", "bot-of-tg", "u" * 1_000_000))


@kind("hammer")
async def by_who_asked_for_something_destructive(f: Forger) -> None:
    await f.refused("requester_is_approver", "carer")


@kind("hammer", votes=1)
async def by_one_person_on_two_platforms(f: Forger) -> None:
    await f.room.link("second", SLACK)
    await f.yes("second")
    other = await f.room.card(f.key, channel=SLACK)
    assert (await f.room.press(other, "second")).reason == R.VOTED_ALREADY


@kind("hammer", votes=1)
async def by_one_person_twice(f: Forger) -> None:
    await f.yes()
    await f.refused(R.VOTED_ALREADY)


# What is clicked


@kind()
async def on_a_ticket_that_was_made_up(f: Forger) -> None:
    for made_up in ("AAAAAAAAAAAA", "", "a", f.click.ticket[:-1], f.click.ticket + "A", f.click.ticket.swapcase()):
        await f.refused(R.NO_SUCH_TICKET, ticket=made_up)


@kind()
async def on_a_ticket_that_is_no_text_of_ours(f: Forger) -> None:
    for odd in (
        "' OR 1=1 --",
        f.click.ticket[:-1] + "\0",
        f"{f.click.ticket}\n",
        "票" * 12,
        "A" * 100_000,
        "../../../ab",
    ):
        await f.refused(R.NO_SUCH_TICKET, ticket=odd)


@kind()
async def on_the_id_of_the_approval_as_a_ticket(f: Forger) -> None:
    await f.refused(R.NO_SUCH_TICKET, ticket=str((await f.ward.approval(f.key))["id"]))


@kind()
async def on_a_ticket_of_another_channel(f: Forger) -> None:
    await f.refused(R.FOREIGN_TICKET, ticket=(await f.room.card(f.key, channel=SLACK)).ticket)


@kind()
async def on_a_ticket_for_something_else(f: Forger) -> None:
    await f.refused(R.OTHER_VERB, ticket=(await f.room.button("acknowledge", f.service)).ticket)
    await f.refused(R.OTHER_VERB, ticket=(await f.room.card(f.key, "reject")).ticket)


@kind()
async def with_another_verb_than_the_ticket_has(f: Forger) -> None:
    for verb in ("reject", "acknowledge", "stop", "APPROVE", "approve ", "", "approve\0", "auto"):
        await f.refused(R.OTHER_VERB, verb=verb)


@kind()
async def on_a_ticket_with_a_verb_that_does_not_exist(f: Forger) -> None:
    await f.refused(R.NO_SUCH_TICKET, ticket=await f.ticket(verb="approve_all"), verb="approve_all")


@kind()
async def on_a_ticket_for_nothing_in_particular(f: Forger) -> None:
    for subject in ("", "approval", str(f.key) + "0"):
        await f.refused(R.NO_SUCH_TICKET, ticket=await f.ticket(subject=subject))


@kind()
async def on_a_ticket_for_the_execution_itself(f: Forger) -> None:
    await f.refused(R.NOT_FOUND, ticket=await f.ticket(subject=str(f.key)))


@kind()
async def on_a_ticket_of_another_incident(f: Forger) -> None:
    other = await f.ward.add_service()
    await f.refused(R.NO_SUCH_TICKET, ticket=await f.ticket(incident_id=(await f.ward.incident(other))["id"]))
    await f.refused(R.NO_SUCH_TICKET, ticket=await f.ticket(incident_id=None))


@kind()
async def on_a_ticket_bound_to_nothing(f: Forger) -> None:
    await f.refused("other_action", ticket=await f.ticket(bound=""))


@kind()
async def on_a_ticket_bound_to_another_action(f: Forger) -> None:
    other = await f.ward.approval((await f.ward.ask(f.service, times=2))["id"])
    for bound in (other["intent_hash"], "0" * 64, (await f.ward.approval(f.key))["intent_hash"].upper()):
        await f.refused("other_action", ticket=await f.ticket(bound=bound))


@kind()
async def on_a_ticket_of_last_month(f: Forger) -> None:
    await f.ward.rows(
        "UPDATE tickets SET created_at = %s WHERE ticket = %s", f.ward.clock.now - timedelta(days=31), f.click.ticket
    )
    await f.refused(R.OLD_TICKET)


@kind()
async def on_a_ticket_that_was_forgotten(f: Forger) -> None:
    await f.ward.rows("DELETE FROM tickets WHERE ticket = %s", f.click.ticket)
    await f.refused(R.NO_SUCH_TICKET)


# Where it is clicked


@kind()
async def in_another_chat(f: Forger) -> None:
    for chat in ("-1008", CHATS[SLACK], "", f"{CHATS[TELEGRAM]} ", "-1007\0"):
        await f.refused(R.OTHER_CHAT, chat=chat)


@kind()
async def in_a_private_chat(f: Forger) -> None:
    await f.refused(R.OTHER_CHAT, chat="u-first")


@kind()
async def below_another_message(f: Forger) -> None:
    for ref in ("502", "", "0501", "501\0"):
        await f.refused(R.OTHER_MESSAGE, ref=ref)


@kind()
async def below_the_card_of_another_action(f: Forger) -> None:
    other = (await f.ward.ask(f.service, times=3))["id"]
    approval = await f.ward.approval(other)
    subject, bound = str(approval["id"]), approval["intent_hash"]
    theirs = await f.room.button("approve", f.service, subject=subject, bound=bound, ref="777")
    await f.refused(R.OTHER_MESSAGE, ref=theirs.ref)


@kind()
async def in_another_chat_before_it_was_shown_anywhere(f: Forger) -> None:
    await f.ward.rows("DELETE FROM ticket_places WHERE ticket = %s", f.click.ticket)
    await f.refused(R.OTHER_CHAT, chat="-1008")


@kind()
async def over_a_channel_that_does_not_exist(f: Forger) -> None:
    for channel in ("nowhere", "", "TG", "tg\0"):
        await f.refused(R.NO_SUCH_CHANNEL, channel=channel)


@kind()
async def over_a_channel_where_nobody_answers(f: Forger) -> None:
    await f.refused(R.NO_SUCH_CHANNEL, channel="pager")


@kind()
async def over_a_channel_that_was_taken_away(f: Forger) -> None:
    await f.ward.furnish(channels=CHANNELS[1:])
    await f.refused(R.NO_SUCH_CHANNEL)
    await f.ward.furnish(channels=[*CHANNELS, {"id": "pager", "kind": "log"}])


# Again, and too late


@kind(calls=1, votes=1)
async def by_the_same_delivery_again(f: Forger) -> None:
    await f.yes(delivery="twice")
    for person in ("first", "second"):
        await f.refused(R.REPEATED, person, delivery="twice")


@kind()
async def by_a_refused_delivery_on_a_better_day(f: Forger) -> None:
    name = f"raised of {f.service}"
    await f.ward.add_person(name, "viewer")
    await f.room.link(name)
    await f.refused(R.ROLE_MISSING, name, delivery="refused once")
    async with f.ward.store.begin() as conn:
        await people.set_role(conn, name, "admin", by="test")
    await f.refused(R.REPEATED, name, delivery="refused once")


@kind()
async def by_a_refused_edit_on_a_better_day(f: Forger) -> None:
    name = f"made editor of {f.service}"
    await f.ward.add_person(name, "viewer")
    await f.room.link(name)
    edit = await f.room.card(f.key, "edit")
    again = {"text": "times=2\ntwice", "delivery": "refused edit"}
    assert (await f.room.press(edit, name, **again)).reason == R.ROLE_MISSING
    async with f.ward.store.begin() as conn:
        await people.set_role(conn, name, "admin", by="test")
    assert (await f.room.press(edit, name, **again)).reason == R.REPEATED


@kind(votes=1)
async def after_somebody_rejected_it(f: Forger) -> None:
    await f.ward.decide(f.key, verdict="reject")
    await f.refused(R.DECIDED, "second")


@kind("hammer", votes=2)
async def after_one_of_two_rejected_it(f: Forger) -> None:
    await f.yes()
    await f.ward.decide(f.key, "second", "reject")
    await f.refused(R.DECIDED, "third")


@kind(calls=1, votes=1)
async def after_it_was_approved(f: Forger) -> None:
    await f.yes()
    await f.refused(R.DECIDED, "second")


@kind(calls=1, votes=1)
async def after_it_ran(f: Forger) -> None:
    await f.yes()
    await f.ward.execute(f.key)
    await f.refused(R.DECIDED, "second")
    await f.refused(R.DECIDED)


@kind()
async def after_its_time(f: Forger) -> None:
    await f.rewrite_approval(expires_at=f.ward.clock.now)
    await f.refused(R.EXPIRED)


@kind()
async def after_it_expired(f: Forger) -> None:
    await f.rewrite_approval(expires_at=f.ward.clock.now)
    await f.ward.work()
    await f.refused(R.EXPIRED)


@kind("hammer", votes=1)
async def in_time_by_one_and_too_late_by_the_other(f: Forger) -> None:
    await f.yes()
    await f.rewrite_approval(expires_at=f.ward.clock.now)
    await f.refused(R.EXPIRED, "second")


@kind()
async def after_it_was_withdrawn(f: Forger) -> None:
    approval = await f.ward.approval(f.key)
    async with f.ward.store.begin() as conn:
        await revising.withdraw(conn, approval["id"], f.ward.people["first"], reason="no", may_all=True)
    await f.refused(R.DECIDED)


@kind()
async def after_it_was_edited(f: Forger) -> None:
    edit = await f.room.card(f.key, "edit")
    assert (await f.room.press(edit, "second", text="times=2\ntwice")).reason == Done.EDITED
    await f.refused(R.DECIDED)


@kind("hammer", votes=1)
async def with_a_vote_for_what_it_was_before_the_edit(f: Forger) -> None:
    await f.yes()
    edit = await f.room.card(f.key, "edit")
    assert (await f.room.press(edit, "third", text="times=2\ntwice")).reason == Done.EDITED
    await f.refused(R.DECIDED, "second")


@kind()
async def after_the_incident_was_over(f: Forger) -> None:
    button = await f.room.button("acknowledge", f.service)
    silence = await f.room.button("silence_1h", f.service)
    await f.ward.rows("UPDATE incidents SET state = 'resolved', resolved_at = now() WHERE service = %s", f.service)
    await f.ward.rows("UPDATE approvals SET state = 'superseded' WHERE execution_id = %s", f.key)
    await f.refused(R.DECIDED)
    for stale in (button, silence):
        assert (await f.room.press(stale)).reason == R.INCIDENT_OVER


@kind()
async def on_what_was_changed_behind_the_card(f: Forger) -> None:
    intent = (await f.ward.execution(f.key))["intent"]
    await f.ward.damage("executions", f.key, intent={**intent, "parameters": {"service": f.service, "times": 3}})
    await f.refused("other_action")


@kind()
async def with_words_where_the_hash_belongs(f: Forger) -> None:
    bound = (await f.ward.approval(f.key))["intent_hash"]
    forged = await f.ticket(bound="1" * 64)
    await f.refused("other_action", ticket=forged, values={"bound": bound, "intent_hash": bound, "verb": "approve"})


# Words that come with a click


@kind()
async def with_a_novel_for_a_reason(f: Forger) -> None:
    await f.refused(R.TOO_LONG, text="x" * 4_001)
    await f.refused(R.TOO_LONG, values={"reason": "x" * 4_001})
    await f.refused(R.TOO_LONG, values={str(number): "x" for number in range(51)})


@kind()
async def by_an_edit_that_policy_refuses(f: Forger) -> None:
    edit = await f.room.card(f.key, "edit")
    for words in ("times=99\nmore", "service=other\nelsewhere", "command=rm\na new one", "times=1e9\nmore"):
        assert (await f.room.press(edit, "second", text=words)).alert, words
    assert (await f.ward.execution(f.key))["state"] == "awaiting_approval"


@kind()
async def by_an_edit_of_a_responder(f: Forger) -> None:
    edit = await f.room.card(f.key, "edit")
    assert (await f.room.press(edit, "responder", text="times=2\ntwice")).reason == R.ROLE_MISSING


@kind()
async def by_a_rejection_of_a_viewer(f: Forger) -> None:
    reject = await f.room.card(f.key, "reject")
    for words in ("", "I do not like it"):
        assert (await f.room.press(reject, "viewer", text=words)).reason == R.ROLE_MISSING
    assert (await f.ward.execution(f.key))["state"] == "awaiting_approval"


# Other buttons and commands by who may not


@kind()
async def by_a_viewer_on_every_other_button(f: Forger) -> None:
    for verb in ("acknowledge", "take_over", "silence_1h", "escalate", "stop", "fixed_by", "undo"):
        button = await f.room.button(verb, f.service, subject=str(f.key) if verb == "undo" else "")
        for person, reason in (("viewer", R.ROLE_MISSING), ("stranger", R.NOT_LINKED), ("revoked", R.NOT_LINKED)):
            assert (await f.room.press(button, person, text="x")).reason == reason, (verb, person)
    await _untouched(f)


@kind()
async def by_commands_of_who_may_not(f: Forger) -> None:
    number = str((await f.ward.incident(f.service))["number"])
    for name, person, reason in (
        ("stop", "viewer", R.ROLE_MISSING), ("stop", "stranger", R.NOT_LINKED), ("stop", "revoked", R.NOT_LINKED),
        ("ack", "viewer", R.ROLE_MISSING), ("ack", "gone", R.NOT_LINKED), ("incidents", "stranger", R.NOT_LINKED),
        ("oncall", "stranger", R.NOT_LINKED), ("ask", "stranger", R.NOT_LINKED),
        ("approve", "first", R.NO_SUCH_COMMAND), ("decide", "first", R.NO_SUCH_COMMAND),
        ("stop\0", "first", R.NO_SUCH_COMMAND),
    ):  # fmt: skip
        assert (await f.room.write(name, number, person)).reason == reason, (name, person)
    await _untouched(f)


@kind()
async def by_commands_in_other_chats(f: Forger) -> None:
    number = str((await f.ward.incident(f.service))["number"])
    for chat in ("-1008", "u-second", "", "-1007 "):
        for name in ("ack", "stop", "incidents", "ask", "oncall"):
            assert (await f.room.write(name, number, chat=chat)).reason == R.OTHER_CHAT, (name, chat)
    await _untouched(f)


@kind()
async def by_a_command_that_is_delivered_again(f: Forger) -> None:
    number = str((await f.ward.incident(f.service))["number"])
    assert (await f.room.write("ack", number, "viewer", delivery=f"order of {f.service}")).reason == R.ROLE_MISSING
    assert (await f.room.write("ack", number, delivery=f"order of {f.service}")).reason == R.REPEATED
    await _untouched(f)


@kind()
async def by_a_code_that_is_guessed_or_used(f: Forger) -> None:
    code = one_time_codes.new_code(Purpose.LINK)
    async with f.ward.store.begin() as conn:
        await one_time_codes.add(conn, await people.get(conn, "first"), Purpose.LINK, code, by="test")
    private = {"chat": "u-thief", "person": "thief"}
    for _ in range(5):
        assert (await f.room.write("link", "AAAAAAAAAA", **private)).reason == "code_no_good"
    assert (await f.room.write("link", code, **private)).reason == "too_many_tries"
    finders = [("finder one", "u-finder one"), ("finder two", "u-finder two")]
    said = await asyncio.gather(*(f.room.write("link", code, who, chat=chat) for who, chat in finders))
    assert sorted(one.reason for one in said) == ["code_no_good", Done.LINKED]
    assert (await f.room.write("link", code, "late", chat="u-late")).reason == "code_no_good"


async def voter(f: Forger, name: str) -> None:
    """Somebody new, linked, whose yes counts."""
    await f.ward.add_person(name)
    await f.room.link(name)
    await f.yes(name)


async def lower(f: Forger, name: str, role: str) -> None:
    async with f.ward.store.begin() as conn:
        await people.set_role(conn, name, role, by="test")


@kind("hammer", votes=2)
async def beside_the_yes_of_somebody_who_may_not_decide_any_more(f: Forger) -> None:
    name = f"lowered after the vote on {f.service}"
    await voter(f, name)
    await lower(f, name, "responder")
    assert (await f.yes("second")).reason == Done.VOTED, "one of the two has no say any more"


@kind("hammer", votes=2)
async def by_two_of_whom_one_lost_the_right_before_it_ran(f: Forger) -> None:
    name = f"lowered before it ran on {f.service}"
    await voter(f, name)
    assert (await f.yes("second")).reason == Done.APPROVED
    await lower(f, name, "viewer")


# At the same moment


@kind(calls=1, votes=1)
async def by_ten_deliveries_of_one_click_at_once(f: Forger) -> None:
    reasons = await f.race([("first", {"delivery": f"one of {f.service}"})] * 10)
    assert reasons == {Done.APPROVED: 1, R.REPEATED: 9}, reasons


@kind(calls=1, votes=1)
async def by_one_person_who_taps_ten_times(f: Forger) -> None:
    reasons = await f.race([("first", {})] * 10)
    assert reasons == {Done.APPROVED: 1, R.DECIDED: 9}, reasons


@kind("hammer", votes=1)
async def by_one_of_two_who_taps_ten_times(f: Forger) -> None:
    reasons = await f.race([("first", {})] * 10)
    assert reasons == {Done.VOTED: 1, R.VOTED_ALREADY: 9}, reasons


@kind("hammer", calls=1, votes=2)
async def by_three_at_once_where_two_are_needed(f: Forger) -> None:
    reasons = await f.race([(who, {}) for who in ("first", "second", "third")])
    assert reasons == {Done.VOTED: 1, Done.APPROVED: 1, R.DECIDED: 1}, reasons


@kind(votes=1)
async def in_the_shadow_of_an_honest_no(f: Forger) -> None:
    reject = await f.room.card(f.key, "reject")
    await asyncio.gather(
        f.room.press(reject, "second", text="no"), *(f.room.press(f.click, who) for who in ("viewer", "stranger"))
    )
    await f.refused(R.DECIDED)


@kind(votes=1)
async def by_a_yes_beside_a_no_and_only_one_of_them_counts(f: Forger) -> None:
    reject = await f.room.card(f.key, "reject")
    said = await asyncio.gather(f.room.press(f.click), f.room.press(reject, "second", text="no"))
    assert sorted(one.alert for one in said) == [False, True], said
    if (await f.ward.execution(f.key))["state"] == "approved":
        async with f.ward.store.begin() as conn:
            approval = await f.ward.approval(f.key)
            await revising.withdraw(conn, approval["id"], f.ward.people["first"], reason="no", may_all=True)


@kind()
async def by_five_at_once_on_each_other_button(f: Forger) -> None:
    """Each is done once, whoever of them was first."""
    for verb, kept in (
        ("acknowledge", "SELECT 1 FROM timeline WHERE kind = 'incident.acknowledged' AND incident_id = %s"),
        ("silence_1h", "SELECT 1 FROM timeline WHERE kind = 'incident.silenced' AND incident_id = %s"),
        ("escalate", "SELECT 1 FROM timeline WHERE kind = 'incident.escalated' AND incident_id = %s"),
    ):
        button = await f.room.button(verb, f.service)
        people_ = ("first", "second", "third", "responder", "carer")
        said = await asyncio.gather(*(f.room.press(button, who) for who in people_))
        assert not any(one.alert for one in said), said
        assert len(await f.ward.rows(kept, (await f.ward.incident(f.service))["id"])) == 1, verb


async def _untouched(f: Forger) -> None:
    """Nothing came of it."""
    incident = await f.ward.incident(f.service)
    assert (incident["state"], incident["assignee"]) == ("open", None)
    assert await f.ward.rows("SELECT 1 FROM switches WHERE is_on") == []
    told = "SELECT 1 FROM timeline WHERE incident_id = %s AND actor LIKE 'person:%%'"
    assert await f.ward.rows(told, incident["id"]) == []


async def test_no_forged_stale_replayed_foreign_double_or_raced_click_is_accepted(ward: Ward) -> None:
    assert len(KINDS) >= KINDS_MIN
    room = await _open(ward)
    accepted: dict[str, str] = {}
    for name, (attack, playbook, honest, votes) in KINDS.items():
        service = await ward.add_service()
        key = (await ward.ask(service, playbook))["id"]
        await attack(Forger(room, service, key, await room.card(key)))
        counted = await ward.rows(
            "SELECT 1 FROM approval_votes v JOIN approvals a ON a.id = v.approval_id WHERE a.execution_id = %s", key
        )
        await ward.work()
        calls = [row for row in ward.target.log if row["event"] == "received" and row["body"]["service"] == service]
        if (len(calls), len(counted)) != (honest, votes):
            accepted[name] = f"{len(calls)} calls, {len(counted)} votes, {await ward.path(key)}"
    print(f"{len(KINDS)} kinds, {len(accepted)} accepted")
    assert not accepted


async def test_the_honest_click_works_after_every_process_was_restarted(ward: Ward) -> None:
    """The same harness accepts what it should; and a card knows nothing that is not in the tables."""
    room = await _open(ward)
    later = count(10**6)
    for playbook, who in (("poke", ("first",)), ("hammer", ("first", "second"))):
        key = (await ward.ask(await ward.add_service(), playbook))["id"]
        card = await room.card(key)
        anew = Room(ward, later)  # nothing of the one that posted the card is left
        said = [await anew.press(card, person) for person in who]
        assert said[-1].reason == Done.APPROVED
        await ward.work()
        assert ward.target.effects(str(key)) == 1, await ward.path(key)


async def _open(ward: Ward) -> Room:
    """Everybody who tries."""
    await ward.add_person("third")
    for role in ("viewer", "responder"):
        await ward.add_person(role, role)
    gone, revoked = await ward.add_person("gone"), await ward.add_person("revoked")
    room = Room(ward)
    await room.furnish()
    await ward.furnish(channels=[*CHANNELS, {"id": "pager", "kind": "log"}])
    await ward.rows("UPDATE persons SET disabled_at = now() WHERE id = %s", gone.id)
    [row] = await ward.rows("SELECT id FROM chat_identities WHERE account = 'u-revoked'")
    async with ward.store.begin() as conn:
        await identities.revoke(conn, {"id": revoked.id, "name": "revoked"}, row["id"], by="test")
    return room
