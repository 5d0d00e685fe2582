"""The gate: every guardrail speaks, in the order of the contract, and no refusal can be talked away."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.alert import AlertClass
from core.diagnosis import Cause, Diagnosis
from core.intent import Intent
from core.playbook import ActionType, ParameterKind, ParameterRule, Playbook
from core.policy import GUARDRAILS, PROTECTED_BY_DEFAULT, Candidate, Decision, Facts, Guardrail, Verb, decide, explain
from core.proposal import choose
from core.rates import TrackRecord

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CART = "service:prod/cart"
DATABASE = "service:prod/orders-db"
BOOK = Playbook("restart", 1, "Restart", ActionType.RESTART_INSTANCE, tier=1, retries_max=2, cooldown_s=600)
FACTS = Facts(NOON, incident_resources=frozenset({CART, DATABASE}), endpoint_known=True)
INTENT = Intent("restart_instance", "restart", 1, {}, CART, "uid-1", "cart-restart", "incident-1", 7)
CLEAR = Candidate(INTENT, BOOK)

# One fault for each guardrail that can speak against the clear candidate: changes of intent, playbook and facts.
# The order of this list is the contract, written a second time.
FAULTS: dict[Guardrail, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    Guardrail.KILL_SWITCH: ({}, {}, {"kill_switch": True}),
    Guardrail.MAINTENANCE: ({}, {}, {"maintenance_until": NOON + timedelta(hours=1)}),
    Guardrail.INCIDENT_OVER: ({}, {}, {"incident_over": True}),
    Guardrail.PROTECTED_RESOURCE: ({"resource_id": DATABASE}, {}, {}),
    Guardrail.ACTS_NOT: ({"action": "alert_only"}, {"action": ActionType.ALERT_ONLY}, {}),
    Guardrail.OUTSIDE_INCIDENT: ({}, {}, {"incident_resources": frozenset({"service:prod/shop"})}),
    Guardrail.UNKNOWN_PARAMETER: ({"parameters": {"force": "yes"}}, {}, {}),
    Guardrail.NO_ENDPOINT: ({}, {}, {"endpoint_known": False}),
    Guardrail.OPEN_EXECUTION: ({}, {}, {"open_execution_id": "e-1"}),
    Guardrail.RETRIES_SPENT: ({}, {}, {"attempts_in_incident": 3}),
    Guardrail.COOLDOWN: ({}, {}, {"last_attempt_at": NOON - timedelta(seconds=599)}),
    Guardrail.BLAST_RADIUS: ({}, {}, {"actions_last_hour": 20}),
    Guardrail.DRY_RUN: ({}, {"dry_run": True}, {}),
    Guardrail.TIER: ({}, {}, {}),
}
VERBS = {
    Guardrail.KILL_SWITCH: Verb.REFUSE,
    Guardrail.MAINTENANCE: Verb.REFUSE,
    Guardrail.INCIDENT_OVER: Verb.REFUSE,
    Guardrail.PROTECTED_RESOURCE: Verb.REFUSE,
    Guardrail.ACTS_NOT: Verb.ALERT_ONLY,
    Guardrail.OUTSIDE_INCIDENT: Verb.REFUSE,
    Guardrail.UNKNOWN_PARAMETER: Verb.REFUSE,
    Guardrail.NO_ENDPOINT: Verb.ALERT_ONLY,
    Guardrail.OPEN_EXECUTION: Verb.REFUSE,
    Guardrail.RETRIES_SPENT: Verb.ALERT_ONLY,
    Guardrail.COOLDOWN: Verb.WAIT_RETRY,
    Guardrail.BLAST_RADIUS: Verb.ALERT_ONLY,
    Guardrail.DRY_RUN: Verb.ALERT_ONLY,
    Guardrail.TIER: Verb.ASK,
}
ANY_FACTS = st.builds(
    Facts,
    now=st.just(NOON),
    kill_switch=st.booleans(),
    incident_over=st.booleans(),
    maintenance_until=st.none() | st.just(NOON + timedelta(minutes=5)),
    protected=st.lists(st.sampled_from(["*cart*", "*-db", "nothing"])).map(tuple),
    incident_resources=st.frozensets(st.sampled_from([CART, DATABASE])),
    allowed=st.dictionaries(st.sampled_from(ParameterKind), st.frozensets(st.sampled_from(["v1", "yes"]))),
    endpoint_known=st.booleans(),
    open_execution_id=st.sampled_from(["", "e-1"]),
    attempts_in_incident=st.integers(0, 5),
    last_attempt_at=st.none() | st.integers(0, 1000).map(lambda s: NOON - timedelta(seconds=s)),
    actions_last_hour=st.integers(0, 30),
)
ANY_BOOK = st.builds(
    replace,
    st.just(BOOK),
    action=st.sampled_from([action for action in ActionType if replace(BOOK, action=action).acts]),
    tier=st.integers(1, 4),
    approvers=st.integers(1, 3),
    destructive=st.booleans(),
    dry_run=st.booleans(),
    retries_max=st.integers(0, 5),
)
RECORDS = st.integers(0, 1000).flatmap(lambda n: st.integers(0, n).map(lambda helped: TrackRecord(helped, n)))


def faulty(*faults: Guardrail) -> tuple[Candidate, Facts]:
    intent, book, facts = INTENT, BOOK, FACTS
    for fault in faults:
        of_intent, of_book, of_facts = FAULTS[fault]
        intent, book, facts = replace(intent, **of_intent), replace(book, **of_book), replace(facts, **of_facts)
    return Candidate(intent, book), facts


@pytest.mark.parametrize("guardrail", FAULTS)
def test_every_guardrail_is_reached(guardrail: Guardrail) -> None:
    decision = decide(*faulty(guardrail))
    assert (decision.guardrail, decision.verb) == (guardrail, VERBS[guardrail])
    assert decision.detail


def test_a_playbook_that_nobody_registered_never_acts() -> None:
    decision = decide(Candidate(replace(INTENT, playbook_id="rm -rf"), None), FACTS)
    assert (decision.verb, decision.guardrail) == (Verb.REFUSE, Guardrail.UNKNOWN_PLAYBOOK)
    assert "'rm -rf'" in decision.detail


def test_every_reason_has_its_guardrail() -> None:
    assert {*FAULTS, Guardrail.UNKNOWN_PLAYBOOK} == set(Guardrail)
    assert len(GUARDRAILS) == len(Guardrail)


@given(st.sets(st.sampled_from([g for g in FAULTS if g is not Guardrail.TIER])))
def test_the_order_of_the_guardrails_is_the_contract(faults: set[Guardrail]) -> None:
    """Whatever is wrong at once, the first in the list is the reason."""
    if Guardrail.ACTS_NOT in faults:  # telling a person is fine, about a protected resource and in maintenance too
        faults = faults - {Guardrail.PROTECTED_RESOURCE, Guardrail.MAINTENANCE}
    first = next((guardrail for guardrail in FAULTS if guardrail in faults), Guardrail.TIER)
    assert decide(*faulty(*faults)).guardrail is first


def test_explain_shows_what_each_guardrail_says() -> None:
    rows = explain(*faulty(Guardrail.COOLDOWN, Guardrail.BLAST_RADIUS))
    assert [name for name, _ in rows] == [guardrail.__name__ for guardrail in GUARDRAILS]
    said = [answer.guardrail for _, answer in rows if answer]
    assert said == [Guardrail.COOLDOWN, Guardrail.BLAST_RADIUS, Guardrail.TIER]


@given(ANY_BOOK, ANY_FACTS)
def test_a_refused_action_stays_refused_kill_switch(book: Playbook, facts: Facts) -> None:
    decision = decide(Candidate(INTENT, book), replace(facts, kill_switch=True))
    assert (decision.verb, decision.guardrail) == (Verb.REFUSE, Guardrail.KILL_SWITCH)


@given(ANY_BOOK, ANY_FACTS)
def test_a_refused_action_stays_refused_protected_resource(book: Playbook, facts: Facts) -> None:
    protected = replace(facts, protected=(*facts.protected, "*-db"))
    assert decide(Candidate(replace(INTENT, resource_id=DATABASE), book), protected).verb is Verb.REFUSE


@given(ANY_FACTS)
def test_a_refused_action_stays_refused_unknown_playbook(facts: Facts) -> None:
    assert decide(Candidate(INTENT, None), facts).verb is Verb.REFUSE


@given(ANY_BOOK, ANY_FACTS)
def test_a_refused_action_stays_refused_unknown_parameter(book: Playbook, facts: Facts) -> None:
    odd = replace(INTENT, parameters={"force": "yes"})
    assert decide(Candidate(odd, book), facts).verb is Verb.REFUSE


@given(facts=ANY_FACTS, record=RECORDS, better=RECORDS, target=st.sampled_from([CART, DATABASE]))
def test_a_refused_action_never_becomes_allowed_by_a_better_track_record(
    facts: Facts, record: TrackRecord, better: TrackRecord, target: str
) -> None:
    assume(better.cautious >= record.cautious)

    def decided(history: TrackRecord) -> Decision:
        diagnosis = Diagnosis(Cause.UNKNOWN, "cart", "?", (), (), confirmed=True)
        chosen = choose([BOOK], {BOOK.id: history}, diagnosis, AlertClass.DOWN, "CartDown")
        return decide(Candidate(replace(INTENT, resource_id=target), chosen.playbook), facts)

    assert decided(better) == decided(record)


def test_the_gate_has_no_field_that_a_track_record_could_reach_it_by() -> None:
    seen = {str(field.type) for kind in (Candidate, Facts, Intent, Playbook) for field in fields(kind)}
    assert not [name for name in seen if "TrackRecord" in name or "Choice" in name]


@given(ANY_BOOK, ANY_FACTS)
def test_a_person_is_always_asked(book: Playbook, facts: Facts) -> None:
    """There is no answer that lets an action go ahead alone."""
    decision = decide(Candidate(INTENT, book), facts)
    if decision.verb is Verb.ASK:
        assert decision.approvers >= (2 if book.destructive else 1)
        assert decision.role == "approver"
    else:
        assert (decision.approvers, decision.role) == (0, "")


@pytest.mark.parametrize(
    ("approvers", "destructive", "needed", "words"),
    [(1, False, 1, "one person"), (1, True, 2, "2 people"), (3, True, 3, "3 people")],
)
def test_who_has_to_agree(approvers: int, destructive: bool, needed: int, words: str) -> None:
    decision = decide(Candidate(INTENT, replace(BOOK, approvers=approvers, destructive=destructive)), FACTS)
    assert decision == Decision(Verb.ASK, Guardrail.TIER, f"tier 1: {words} must approve", needed, "approver")


def test_waiting_and_telling_are_not_acting() -> None:
    def about(action: ActionType) -> Decision:
        intent = replace(INTENT, action=action, resource_id=DATABASE)
        return decide(Candidate(intent, replace(BOOK, action=action)), FACTS)

    def said(action: ActionType) -> tuple[Verb, str]:
        return about(action).verb, about(action).detail

    assert said(ActionType.WAIT_RETRY) == (Verb.WAIT_RETRY, "look again later")
    assert said(ActionType.ALERT_ONLY) == (Verb.ALERT_ONLY, "this playbook only tells a human")
    assert about(ActionType.RESTART_INSTANCE).verb is Verb.REFUSE


@pytest.mark.parametrize(
    "resource",
    [
        "service:prod/orders-db",
        "service:prod/db",
        "instance:prod/orders-db/10.0.0.1:9100",
        "k8s:eu/shop/deployment/Postgres-main",
        "docker:host-3/redis",
        "instance:prod/db/10.0.0.1",
    ],
)
def test_databases_are_protected_without_being_asked(resource: str) -> None:
    facts = replace(FACTS, incident_resources=frozenset({resource}))
    decision = decide(Candidate(replace(INTENT, resource_id=resource), BOOK), facts)
    assert decision.guardrail is Guardrail.PROTECTED_RESOURCE


def test_parameters_are_exactly_those_of_the_playbook_with_values_of_the_inventory() -> None:
    book = replace(BOOK, parameters={"to": ParameterRule(ParameterKind.PREVIOUS_RELEASE)})
    facts = replace(FACTS, allowed={"previous_release": frozenset({"v41"})})

    def given_parameters(**parameters: str) -> Decision:
        return decide(Candidate(replace(INTENT, parameters=parameters), book), facts)

    assert given_parameters(to="v41").guardrail is Guardrail.TIER
    assert given_parameters(to="v42").detail == "to must be one of: v41"
    assert given_parameters().detail == "to: exactly these parameters are allowed: to"
    assert given_parameters(to="v41", force="yes").detail.startswith("force: exactly")


@pytest.mark.parametrize(
    ("change", "guardrail"),
    [
        ({"attempts_in_incident": 2}, Guardrail.TIER),
        ({"attempts_in_incident": 3}, Guardrail.RETRIES_SPENT),
        ({"last_attempt_at": NOON - timedelta(seconds=600)}, Guardrail.TIER),
        ({"last_attempt_at": NOON - timedelta(seconds=599)}, Guardrail.COOLDOWN),
        ({"actions_last_hour": 19}, Guardrail.TIER),
        ({"actions_last_hour": 20}, Guardrail.BLAST_RADIUS),
    ],
)
def test_at_each_limit(change: dict[str, Any], guardrail: Guardrail) -> None:
    assert decide(CLEAR, replace(FACTS, **change)).guardrail is guardrail


def test_a_cooldown_says_how_long_it_still_is() -> None:
    assert "again in 540 s" in decide(CLEAR, replace(FACTS, last_attempt_at=NOON - timedelta(seconds=60))).detail


@pytest.mark.parametrize(
    ("resource_id", "protected"),
    [
        ("service:prod/orders-db", True),
        ("service:prod/db", True),
        ("service:prod/db-exporter", True),
        ("service:prod/orders_db", True),
        ("instance:prod/orders-db/10.0.0.1:9187", True),
        ("instance:prod/cart/db-1:5432", True),
        ("instance:prod/cart/orders.db.internal", True),
        ("host:db", True),
        ("host:db-1", True),
        ("host:db1", True),
        ("host:db.internal", True),
        ("host:DB-1", True),
        ("k8s:eu/prod/pod/orders-db-0", True),
        ("k8s:eu/prod/pod/db-0", True),
        ("k8s:eu/prod/deployment/mariadb", True),
        ("k8s:eu/prod/pod/cassandra-2", True),
        ("k8s:eu/logs/pod/elasticsearch-master-0", True),
        ("k8s:eu/logs/pod/opensearch-0", True),
        ("k8s:eu/prod/pod/zookeeper-1", True),
        ("docker:host-1/vault", True),
        ("docker:host-1/redis-cache", True),
        ("service:prod/kafka", True),
        ("service:prod/dashboard", False),
        ("service:demo/shop", False),
        ("service:prod/feedback", False),
        ("service:prod/dbus", False),
        ("service:prod/adbanner", False),
        ("host:web-1", False),
        ("k8s:eu/prod/pod/dblike-0", False),
        ("k8s:eu/prod/deployment/cart", False),
        ("docker:host-1/handbook", False),
    ],
)
def test_what_keeps_state_is_protected_unless_somebody_says_otherwise(resource_id: str, protected: bool) -> None:
    candidate, facts = faulty()
    candidate = replace(candidate, intent=replace(candidate.intent, resource_id=resource_id))
    facts = replace(facts, protected=PROTECTED_BY_DEFAULT)
    assert (decide(candidate, facts).guardrail is Guardrail.PROTECTED_RESOURCE) == protected
