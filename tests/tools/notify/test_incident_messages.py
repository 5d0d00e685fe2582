"""What stands in a chat about incidents, in three languages: nothing is left in English but what is nobody's to
translate."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from core.catalogue import Language
from core.deed import deed_of
from core.desk import Verb
from core.diagnosis import Cause
from core.execution import State
from core.frequency import Frequency
from core.incident import IncidentState
from core.intent import Intent
from core.message import Message, Tone
from core.playbook import ActionType
from core.rates import TrackRecord
from core.resource import target_words
from tools.notify.card_message import CardFacts, card_message
from tools.notify.deed_words import deed_words
from tools.notify.finding_message import finding_message
from tools.notify.fix_message import fix_message
from tools.notify.news_message import news_message
from tools.notify.outcome_message import OutcomeFacts, outcome_message
from tools.notify.page_message import PageFacts, page_message
from tools.notify.storm_message import storm_message

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
ID = UUID(int=7)
TICKETS = {verb: f"{number:012}" for number, verb in enumerate(Verb)}
ALERTS = [{"name": "«1»", "service": "«2»", "firing": 2, "alerts": 3}]
RECORD = TrackRecord(7, 8, 1, returned=1, by_hand=2, on_service=(2, 3), similar=(1, 2), elsewhere=(3, 4))
CARD = {
    "action": "«3»", "playbook": "«4»", "title": "«5»", "does": "«6»", "target": "«7»", "arguments": {"«8»": "«9»"},
    "why": "«10»", "confirmed": False, "evidence": ["«11»", "«12»"], "not_known": ["«13»"], "disagreement": "«14»",
    "blast_radius": "«15»", "others": ["«16»"], "alternatives": ["«17»"], "undo": "«18»", "intent_hash": "1" * 64,
    "record": RECORD.counts,
}  # fmt: skip
VOTES = [{"name": "«19»", "verdict": "approve", "via": "«20»", "reason": ""}]


def incident(state: str = "open") -> dict[str, Any]:
    return {
        "id": ID, "number": 7, "priority": "P1", "title": "«21»", "state": state, "service": "«2»",
        "environment": "«22»", "opened_at": AT, "acknowledged_by": "«23»", "assignee": "«23»",
        "resolved_by": "all alerts resolved",
    }  # fmt: skip


def execution(state: str, **result: Any) -> dict[str, Any]:
    return {"id": ID, "state": state, "card": CARD, "result": result, "intent_hash": "1" * 64}


def every(language: Language) -> Iterator[Message]:
    """One of each message, in each state that it knows."""
    often = Frequency(1, 2, 3, 4)
    many = [{"count": 30, "resource_id": "«35»", "began_at": AT, "last_at": AT}]
    for state in (*IncidentState, "merged"):
        yield page_message(
            PageFacts(incident(state), ALERTS, 2, often, "«24»", False, ["«1»"], many, 3), language, TICKETS
        )
    yield page_message(PageFacts(incident(), (), 0, Frequency(1, 1, 1, 1)), language, {})
    for needed, record in ((2, RECORD), (1, TrackRecord()), (1, TrackRecord(1, 1, on_service=(0, 0)))):
        card = {**CARD, "record": record.counts}
        facts = CardFacts(incident(), card, needed, "«25»", AT, VOTES, ALERTS if needed > 1 else (), needed > 1)
        yield card_message(facts, language, TICKETS)
    for state in State:
        verdict = {"signals": "«26»"}
        yield outcome_message(
            OutcomeFacts(incident(), execution(state, fault="«27»"), votes=VOTES, verdict=verdict, has_way_back=True,
                         learned=RECORD.counts), language, TICKETS,
        )  # fmt: skip
    for reason in ("edited_by_person", "withdrawn_by_person", "incident_moved_on", "rules_changed"):
        yield outcome_message(OutcomeFacts(incident(), execution("superseded"), reason, "person:«19»"), language, {})
    reject = [{"name": "«19»", "verdict": "reject", "via": "«20»", "reason": "«28»"}]
    standing = [{"name": "«19»", "verdict": "approve", "via": "standing approval 1", "reason": ""}]
    yield outcome_message(OutcomeFacts(incident(), execution("rejected"), votes=reject), language, {})
    yield outcome_message(OutcomeFacts(incident(), execution("running"), votes=standing), language, {})
    yield outcome_message(OutcomeFacts(incident(), execution("running"), glass=("«19»", "«28»")), language, {})
    yield outcome_message(OutcomeFacts(incident(), execution("verified", recovered_alone=True)), language, {})
    yield outcome_message(OutcomeFacts(incident(), execution("regressed"), verdict_reason="cascade"), language, {})
    past = {"similar": [{"incident": "#3", "action": "«29»", "result": "«30»"}],
            "helped": [{"playbook": "«4»", "counts": RECORD.counts}]}  # fmt: skip
    for number, cause in enumerate(Cause):
        found = {
            "cause": cause, "service": "«2»", "summary": "«10»", "confirmed": number > 1, "unknowns": ["«13»"],
            "evidence": [{"kind": "metric", "statement": "«11»", "outsider": number > 2}],
            "by": "rules" if number else "«31»", "degraded": "" if number else "«32»",
        }  # fmt: skip
        yield finding_message(found, past, number, language)
    storm = {"number": 2, "incident_count": 12, "ended_at": None}
    yield storm_message(storm, [incident()] * 5, language, TICKETS)
    yield storm_message({**storm, "ended_at": AT}, [incident("resolved")], language, TICKETS)
    yield fix_message(incident("resolved"), None, language, TICKETS)
    told = {"playbook_id": "«4»", "words": "«33»", "is_alone": False, "told_by": "person:«19»"}
    yield fix_message(incident("resolved"), told, language, {})
    yield fix_message(incident("resolved"), {**told, "is_alone": True}, language, {})
    body = {"who": "«34»", "person": "«19»", "call": 2, "by": "«19»", "reason": "«28»", "found": "«24»",
            "neighbour": "«36»", "undo": "«37»"}  # fmt: skip
    for kind in ("reopened:1", "worse:P1:0", "escalated:2", "stale:0", "settled:1", "needs_human:1", "restored:3",
                 "came_back:1", "cascade:1", "failed:1", "call", "break_glass", "something"):  # fmt: skip
        yield news_message(incident(), kind, body, language)


def words(message: Message) -> list[str]:
    """Everything that people read."""
    said = [message.title, message.footer, *(text for row in message.rows for text in row)]
    return [*said, *(button.words for row in message.buttons for button in row)]


@pytest.mark.parametrize("language", [Language.ZH_HANS, Language.ZH_HANT])
def test_no_message_about_an_incident_lacks_a_translation(language: Language) -> None:
    english = list(every(Language.EN))
    for spoken, plain in zip(every(language), english, strict=True):
        left = re.findall(r"[A-Za-z]{2,}", re.sub(r"UTC|P1", "", " ".join(words(spoken))))
        assert left == [], f"{left} in {words(spoken)}"
        assert [b.verb for row in spoken.buttons for b in row] == [b.verb for row in plain.buttons for b in row]
        assert spoken.code == plain.code
        data = re.compile("«[0-9]+»")
        assert sorted(data.findall(" ".join(words(spoken)))) == sorted(data.findall(" ".join(words(plain))))


def test_a_page_says_how_bad_it_is_and_offers_what_can_be_done() -> None:
    open_now = page_message(PageFacts(incident(), ALERTS, 0, Frequency(1, 1, 1, 1)), Language.EN, TICKETS)
    assert (open_now.title, open_now.tone) == ("P1 #7 «21»", Tone.BAD)
    assert ("Firing", "2 of 3") in open_now.rows
    assert ("", "2 × «1» · «2»") in open_now.rows
    taken = page_message(PageFacts(incident("acknowledged"), ALERTS, 0, Frequency(1, 1, 1, 1)), Language.EN, TICKETS)
    assert ("State", "acknowledged by «23»") in taken.rows
    assert Verb.ACKNOWLEDGE not in [b.verb for row in taken.buttons for b in row]
    over = page_message(PageFacts(incident("resolved"), (), 0, Frequency(1, 1, 1, 1)), Language.EN, TICKETS)
    assert over.tone is Tone.GOOD
    assert over.buttons == ()


def test_a_card_shows_one_of_two_votes_and_never_a_bare_percentage() -> None:
    facts = CardFacts(incident(), CARD, 2, "approver", AT, VOTES, ALERTS)
    rows = dict(card_message(facts, Language.EN, TICKETS).rows)
    assert rows["So far"] == "1/2: «19»"
    assert rows["Helped before"] == "7 of 8 (53-98 %); on this service: 2 of 3 (21-94 %)"
    assert rows["Expires"] == "2026-03-01 10:00 UTC"


def test_a_card_names_its_target_as_people_do_and_says_nothing_twice() -> None:
    told = {**CARD, "target": "service:prod/cart", "blast_radius": "all instances of service:prod/cart; 2 services",
            "why": "1.4.2 came, then errors", "evidence": ["1.4.2 came", "errors 3 %"],
            "not_known": ["a", "b", "c", "d", "e"]}  # fmt: skip
    rows = card_message(CardFacts(incident(), told, 1, "approver", AT), Language.EN, TICKETS).rows
    assert ("Target", "cart (prod)") in rows
    assert ("Reaches", "all instances of cart (prod); 2 services") in rows
    assert ("Evidence", "errors 3 %") in rows
    assert [text for _, text in rows if text in ("1.4.2 came", "d", "and 2 more")] == ["and 2 more"]


@pytest.mark.parametrize(
    ("resource_id", "said"),
    [
        ("service:prod/cart", "cart (prod)"),
        ("service:-/cart", "cart"),
        ("instance:prod/cart/cart-1", "cart/cart-1 (prod)"),
        ("instance:prod/cart", "instance:prod/cart"),
        ("service:prod/a/b", "service:prod/a/b"),
        ("service:prod/", "service:prod/"),
        ("k8s:main/shop/deployment/cart", "k8s:main/shop/deployment/cart"),
        ("host:db-1", "host:db-1"),
        ("-", "-"),
    ],
)
def test_a_target_that_could_be_read_in_two_ways_keeps_its_id(resource_id: str, said: str) -> None:
    assert target_words(resource_id) == said


def test_what_fires_is_told_however_many_names_are_over() -> None:
    over = [{"name": f"over{n}", "service": "a", "firing": 0, "alerts": 9} for n in range(6)]
    on = [{"name": f"on{n}", "service": "a", "firing": 1, "alerts": 1} for n in range(7)]
    facts = PageFacts(incident(), [*over, *on], 0, Frequency(1, 1, 1, 1), summaries={("on0", "a"): "the disk is full"})
    said = [text for _, text in page_message(facts, Language.EN, TICKETS).rows]
    assert "1 × on0 · a: the disk is full" in said
    assert "1 × on4 · a" in said
    assert "1 × on5 · a" not in said
    assert "and 2 more" in said


def test_a_button_without_a_ticket_is_not_shown() -> None:
    some = {Verb.APPROVE: "abc"}
    facts = CardFacts(incident(), CARD, 1, "approver", AT)
    assert [[b.ticket for b in row] for row in card_message(facts, Language.EN, some).buttons] == [["abc"]]


@pytest.mark.parametrize("state", list(State))
def test_only_what_happened_can_be_undone(state: State) -> None:
    facts = OutcomeFacts(incident(), execution(state), has_way_back=True)
    offered = outcome_message(facts, Language.EN, TICKETS).buttons != ()
    assert offered == (
        state in {"succeeded", "verifying", "verified", "ineffective", "inconclusive", "stable", "regressed"}
    )
    without = outcome_message(OutcomeFacts(incident(), execution(state)), Language.EN, TICKETS)
    assert without.buttons == ()


DEEDS = {
    "parameters": {"replicas": "«1»", "pod": "«2»", "container": "«3»", "revision": "«4»", "command": "«5»",
                   "value": "«6»", "to_version": "«7»", "memory_mib": "«8»", "cpu_millis": "«9»"},
    "observed": {"seen": {"replicas": "«10»", "revision": "«11»", "value": "«12»", "pods": "«13»"}, "release": "«14»",
                 "line": "«15»"},
}  # fmt: skip


@pytest.mark.parametrize("action", sorted(set(ActionType) - {ActionType.ALERT_ONLY, ActionType.WAIT_RETRY}))
def test_an_action_says_the_same_in_each_language(action: ActionType) -> None:
    """The card's own words are those of `deed_of`; whatever they name, the others name, and nothing else."""
    intent = Intent(action, "book", 1, DEEDS["parameters"], "«16»", "", "«17»", "", 1, observed=DEEDS["observed"])
    plain, data = deed_of(intent), re.compile("«[0-9]+»")
    row = {"intent": intent.bound(), "observed": DEEDS["observed"]}
    assert deed_words(row, Language.EN) == {}
    for language in (Language.ZH_HANS, Language.ZH_HANT):
        said = deed_words(row, language)
        assert set(data.findall(said["does"])) == set(data.findall(plain.does)), action
        assert set(data.findall(said["blast_radius"])) == set(data.findall(plain.reach)), action
