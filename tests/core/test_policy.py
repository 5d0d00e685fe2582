"""The gate: every guardrail speaks, in the order of the contract, and no refusal can be talked away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.alert import AlertClass
from core.breaker import Breaker
from core.decision import ROLES, widened
from core.diagnosis import Cause, Diagnosis
from core.intent import Intent
from core.playbook import ActionType, ParameterKind, ParameterRule, Playbook
from core.policy import GUARDRAILS, Candidate, Decision, Facts, Guardrail, Verb, decide, explain
from core.policy_rules import Allowance, ApproverRole, ApproverRule, AutoRule, Freeze, Policy
from core.proposal import choose
from core.rates import TrackRecord
from core.standing import Record, Standing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CART = "service:prod/cart"
DATABASE = "service:prod/orders-db"
MINUTE = timedelta(minutes=1)
BOOK = Playbook("restart", 1, "Restart", ActionType.RESTART_INSTANCE, tier=1, retries_max=2, cooldown_s=600)
FACTS = Facts(
    NOON, service="cart", environment="prod", incident_resources=frozenset({CART, DATABASE}), endpoint_known=True,
    available=frozenset({"restart_instance", "http"}),
)  # fmt: skip
STANDING = Standing("s-1", 1, "the operator", NOON + timedelta(days=1), actions_per_hour_max=2)
GOOD_RECORD = Record(9, 9, 0.7, 1.0)
INTENT = Intent("restart_instance", "restart", 1, {}, CART, "uid-1", "cart-restart", "incident-1", 7)
CLEAR = Candidate(INTENT, BOOK)
# The shadow mode stands behind the gate: it only ever takes away what the gate has given.
IN_ORDER = [guardrail for guardrail in Guardrail if guardrail is not Guardrail.SHADOW]

# One fault for each guardrail that can speak against the clear candidate: changes of intent, playbook and facts.
# The order of this list is the contract, written a second time.
FAULTS: dict[Guardrail, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    Guardrail.KILL_SWITCH: ({}, {}, {"kill_switch": True}),
    Guardrail.OBSERVE_ONLY: ({}, {}, {"observe_only": True}),
    Guardrail.MAINTENANCE: ({}, {}, {"maintenance_until": NOON + timedelta(hours=1)}),
    Guardrail.FREEZE: ({}, {}, {"freezes": (Freeze("sundays", days=("sun",)),)}),
    Guardrail.INCIDENT_OVER: ({}, {}, {"incident_over": True}),
    Guardrail.PROTECTED_RESOURCE: ({"resource_id": DATABASE}, {}, {}),
    Guardrail.ACTS_NOT: ({"action": "alert_only"}, {"action": ActionType.ALERT_ONLY}, {}),
    Guardrail.HANDS_OFF: ({}, {}, {"alert_class": AlertClass.DATABASE}),
    Guardrail.ACTION_NOT_AVAILABLE: ({}, {}, {"available": frozenset({"http"})}),
    Guardrail.OUTSIDE_INCIDENT: ({}, {}, {"incident_resources": frozenset({"service:prod/shop"})}),
    Guardrail.NOT_ALLOWED: ({}, {}, {"allow": (Allowance(services=("checkout",)),)}),
    Guardrail.UNKNOWN_PARAMETER: ({"parameters": {"force": "yes"}}, {}, {}),
    Guardrail.NO_ENDPOINT: ({}, {}, {"endpoint_known": False}),
    Guardrail.OPEN_EXECUTION: ({}, {}, {"open_execution_id": "e-1"}),
    Guardrail.CASCADE: ({}, {}, {"cascade": "checkout alarmed 9 s after"}),
    Guardrail.RETRIES_SPENT: ({}, {}, {"attempts_in_incident": 3}),
    Guardrail.COOLDOWN: ({}, {}, {"last_attempt_at": NOON - timedelta(seconds=599)}),
    Guardrail.BREAKER: ({}, {}, {"failures": (NOON - MINUTE, NOON - 2 * MINUTE, NOON - 3 * MINUTE)}),
    Guardrail.BLAST_RADIUS: ({}, {}, {"actions_last_hour": 20}),
    Guardrail.SERVICE_BLAST_RADIUS: ({}, {}, {"service_actions_last_hour": 10}),
    Guardrail.DRY_RUN: ({}, {"dry_run": True}, {}),
    Guardrail.TRACK_RECORD: ({}, {}, {"record": Record(0, 12, 0.0, 0.24)}),
    Guardrail.STANDING_APPROVAL: ({}, {}, {"standing": (STANDING,), "record": GOOD_RECORD}),
    Guardrail.TIER: ({}, {}, {}),
}
VERBS = {
    Guardrail.ACTS_NOT: Verb.ALERT_ONLY,
    Guardrail.HANDS_OFF: Verb.ALERT_ONLY,
    Guardrail.NO_ENDPOINT: Verb.ALERT_ONLY,
    Guardrail.CASCADE: Verb.ALERT_ONLY,
    Guardrail.RETRIES_SPENT: Verb.ALERT_ONLY,
    Guardrail.COOLDOWN: Verb.WAIT_RETRY,
    Guardrail.BREAKER: Verb.ALERT_ONLY,
    Guardrail.BLAST_RADIUS: Verb.ALERT_ONLY,
    Guardrail.SERVICE_BLAST_RADIUS: Verb.ALERT_ONLY,
    Guardrail.DRY_RUN: Verb.ALERT_ONLY,
    Guardrail.TRACK_RECORD: Verb.ALERT_ONLY,
    Guardrail.STANDING_APPROVAL: Verb.AUTO,
    Guardrail.TIER: Verb.ASK,
}
TOUCHES = {Guardrail.OBSERVE_ONLY, Guardrail.MAINTENANCE, Guardrail.FREEZE, Guardrail.PROTECTED_RESOURCE}
POLICIES = st.builds(
    Policy,
    protected=st.lists(st.sampled_from(["*cart*", "*-db", "nothing"])).map(tuple),
    allow=st.lists(st.sampled_from([Allowance(), Allowance(services=("cart",)), Allowance(actions=("http",))])).map(
        tuple
    ),
    freezes=st.lists(st.sampled_from([Freeze("a", at="11:30", for_s=3600), Freeze("b", at="13:00", for_s=60)])).map(
        tuple
    ),
    hands_off=st.frozensets(st.sampled_from([AlertClass.DNS, AlertClass.DOWN])),
    approvals=st.lists(st.builds(ApproverRule, approvers=st.integers(1, 4), role=st.sampled_from(ApproverRole))).map(
        tuple
    ),
    actions_per_hour_max=st.integers(1, 30),
    service_actions_per_hour_max=st.none() | st.integers(0, 30),
    hopeless_below=st.floats(0, 1),
    auto=st.builds(AutoRule, st.booleans(), st.integers(1, 9), st.floats(0, 1)),
)
ANY_FACTS = st.builds(
    Facts,
    now=st.just(NOON),
    kill_switch=st.booleans(),
    incident_over=st.booleans(),
    maintenance_until=st.none() | st.just(NOON + timedelta(minutes=5)),
    policy=POLICIES,
    service=st.just("cart"),
    environment=st.just("prod"),
    alert_class=st.sampled_from(AlertClass),
    observe_only=st.booleans(),
    cascade=st.sampled_from(["", "spread"]),
    available=st.frozensets(st.sampled_from(["restart_instance", "http"])),
    failures=st.lists(st.integers(0, 90).map(lambda m: NOON - m * MINUTE), max_size=5).map(tuple),
    record=st.builds(Record, st.integers(0, 9), st.integers(0, 9), st.floats(0, 1), st.floats(0, 1)),
    standing=st.lists(st.sampled_from([STANDING, replace(STANDING, id="s-2", services=("other",))])).map(tuple),
    asked_by_person=st.booleans(),
    service_actions_last_hour=st.integers(0, 30),
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
        of_policy = {name: value for name, value in of_facts.items() if name in Policy.__dataclass_fields__}
        policy = replace(facts.policy, **of_policy)
        rest = {name: value for name, value in of_facts.items() if name not in of_policy}
        intent, book, facts = (
            replace(intent, **of_intent),
            replace(book, **of_book),
            replace(facts, policy=policy, **rest),
        )
    return Candidate(intent, book), facts


@pytest.mark.parametrize("guardrail", FAULTS)
def test_every_guardrail_is_reached(guardrail: Guardrail) -> None:
    decision = decide(*faulty(guardrail))
    assert (decision.guardrail, decision.verb) == (guardrail, VERBS.get(guardrail, Verb.REFUSE))
    assert decision.detail


def test_a_playbook_that_nobody_registered_never_acts() -> None:
    decision = decide(Candidate(replace(INTENT, playbook_id="rm -rf"), None), FACTS)
    assert (decision.verb, decision.guardrail) == (Verb.REFUSE, Guardrail.UNKNOWN_PLAYBOOK)
    assert "'rm -rf'" in decision.detail


def test_every_reason_has_its_guardrail() -> None:
    assert {*FAULTS, Guardrail.UNKNOWN_PLAYBOOK} == set(IN_ORDER)
    assert len(GUARDRAILS) == len(IN_ORDER)


@given(st.sets(st.sampled_from([g for g in FAULTS if g is not Guardrail.TIER])))
def test_the_order_of_the_guardrails_is_the_contract(faults: set[Guardrail]) -> None:
    """Whatever is wrong at once, the first in the list is the reason."""
    if Guardrail.ACTS_NOT in faults:  # telling a person is fine, about what is protected and in maintenance too
        faults = faults - TOUCHES
    if {Guardrail.TRACK_RECORD, Guardrail.STANDING_APPROVAL} <= faults:  # one record is not both good and bad
        faults = faults - {Guardrail.STANDING_APPROVAL}
    first = next((guardrail for guardrail in FAULTS if guardrail in faults), Guardrail.TIER)
    assert decide(*faulty(*faults)).guardrail is first


def test_explain_shows_what_each_guardrail_says() -> None:
    rows = explain(*faulty(Guardrail.COOLDOWN, Guardrail.BLAST_RADIUS))
    assert [name for name, _ in rows] == [str(guardrail) for guardrail in IN_ORDER], "named after its reason, in order"
    said = [answer.guardrail for _, answer in rows if answer]
    assert said == [Guardrail.COOLDOWN, Guardrail.BLAST_RADIUS, Guardrail.TIER]


@given(ANY_BOOK, ANY_FACTS)
def test_a_refused_action_stays_refused_kill_switch(book: Playbook, facts: Facts) -> None:
    decision = decide(Candidate(INTENT, book), replace(facts, kill_switch=True))
    assert (decision.verb, decision.guardrail) == (Verb.REFUSE, Guardrail.KILL_SWITCH)


@given(ANY_BOOK, ANY_FACTS)
def test_a_refused_action_stays_refused_protected_resource(book: Playbook, facts: Facts) -> None:
    protected = replace(facts, policy=replace(facts.policy, protected=(*facts.policy.protected, "*-db")))
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


@given(ANY_BOOK, ANY_FACTS)
def test_nothing_acts_without_persons(book: Playbook, facts: Facts) -> None:
    """Either people are asked, as many as everybody wants, or a named person's standing approval says so."""
    decision = decide(Candidate(INTENT, book), facts)
    if decision.verb is Verb.ASK:
        assert decision.approvers >= max(2 if book.destructive else 1, book.approvers)
        assert decision.approvers >= max((rule.approvers for rule in facts.policy.approvals), default=1)
        assert decision.role == max(["approver", *(r.role for r in facts.policy.approvals)], key=ROLES.index)
    else:
        assert (decision.approvers, decision.role) == (0, "")
    if decision.verb is Verb.AUTO:
        assert decision.standing_id == STANDING.id
        assert not book.destructive
        assert not facts.asked_by_person
        assert facts.record.stable >= facts.policy.auto.stable_min
        assert facts.record.low >= facts.policy.auto.rate_min


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


def test_what_stands_behind_the_resource_is_protected_too() -> None:
    """A container with a harmless name that a database runs in, say."""
    facts = replace(FACTS, also_touched=(CART, DATABASE))
    assert decide(CLEAR, facts).detail == f"{DATABASE} is protected (matches *[-_/:.]db)"
    assert decide(CLEAR, replace(FACTS, also_touched=(CART,))).guardrail is Guardrail.TIER


def test_explaining_an_unknown_playbook_ends_where_that_is_said() -> None:
    rows = explain(Candidate(INTENT, None), replace(FACTS, kill_switch=True))
    assert [(name, answer.guardrail) for name, answer in rows if answer] == [
        ("kill_switch", Guardrail.KILL_SWITCH), ("unknown_playbook", Guardrail.UNKNOWN_PLAYBOOK),
    ]  # fmt: skip
    assert rows[-1][0] == "unknown_playbook"


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
    assert (decide(candidate, facts).guardrail is Guardrail.PROTECTED_RESOURCE) == protected


def unasked(**changes: Any) -> Decision:
    """What the gate says where a standing approval would hold but for these changes."""
    candidate, facts = faulty(Guardrail.STANDING_APPROVAL)
    of_book = {name: value for name, value in changes.items() if name in Playbook.__dataclass_fields__}
    of_standing = {name: value for name, value in changes.items() if name in Standing.__dataclass_fields__}
    rest = {name: value for name, value in changes.items() if name not in {*of_book, *of_standing}}
    facts = replace(facts, standing=(replace(STANDING, **of_standing),), **rest)
    return decide(replace(candidate, playbook=replace(BOOK, **of_book)), facts)


def test_a_standing_approval_lets_a_proven_restart_go_ahead() -> None:
    decision = unasked()
    assert (decision.verb, decision.standing_id, decision.approvers) == (Verb.AUTO, "s-1", 0)
    assert (
        decision.detail == "the operator lets restart act unasked until 2026-03-02T12:00+00:00; it helped 9 times here"
    )
    assert unasked(tier=3, reversible=True, undo="deploy it again").verb is Verb.AUTO


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expires_at": NOON}, "it expired"),
        ({"version": 2}, "it is for version 1, the playbook is at 2"),
        ({"environments": ("staging",)}, "not for the environment prod"),
        ({"services": ("check*",)}, "not for cart"),
        ({"used_last_hour": 2}, "used 2 times"),
        ({"tier": 2}, "only what restarts something or can be undone"),
        ({"tier": 1, "destructive": True}, "only what restarts something or can be undone"),
        ({"approvers": 2}, "2 people must agree"),
        ({"policy": Policy(approvals=(ApproverRule(2),))}, "2 people must agree"),
        ({"policy": Policy(approvals=(ApproverRule(1, ApproverRole.ADMIN),))}, "the role admin must agree"),
        ({"policy": Policy(auto=AutoRule(False))}, "the policy does not allow it"),
        ({"record": Record(4, 4, 0.51, 1.0)}, "it helped 4 times here, at least 5"),
        ({"record": Record(9, 20, 0.26, 0.66)}, "it helped 9 of 20 times, which may be as low as 26 %"),
        ({"asked_by_person": True}, "what a person asks for is decided by a person"),
    ],
)
def test_a_standing_approval_holds_only_inside_its_limits(change: dict[str, Any], said: str) -> None:
    decision = unasked(**change)
    assert (decision.verb, decision.guardrail) == (Verb.ASK, Guardrail.TIER)
    assert said in decision.detail


def test_nobody_stands_for_it_and_nothing_is_said_about_that() -> None:
    assert decide(CLEAR, replace(FACTS, record=GOOD_RECORD)).detail == "tier 1: one person must approve"


@pytest.mark.parametrize(
    ("rules", "needed", "role"),
    [
        ((ApproverRule(2, tiers=(3,)),), 1, "approver"),
        ((ApproverRule(2, tiers=(1,)),), 2, "approver"),
        ((ApproverRule(2, playbooks=("rest*",)), ApproverRule(1, ApproverRole.OPERATOR)), 2, "operator"),
        ((ApproverRule(3, services=("checkout",)),), 1, "approver"),
        ((ApproverRule(3, environments=("PROD",)),), 3, "approver"),
    ],
)
def test_the_policy_says_how_many_of_which_role(rules: Any, needed: int, role: str) -> None:
    decision = decide(CLEAR, replace(FACTS, policy=Policy(approvals=rules)))
    assert (decision.approvers, decision.role) == (needed, role)


@pytest.mark.parametrize(
    ("freeze", "holds"),
    [
        (Freeze("f"), True),
        (Freeze("f", days=("sat",), at="18:00", for_s=3 * 86_400), True),
        (Freeze("f", days=("mon",)), False),
        (Freeze("f", at="13:00", zone="Europe/Berlin", for_s=60), True),
        (Freeze("f", at="12:00", zone="Europe/Berlin", for_s=60), False),
        (Freeze("f", first_day="2026-03-02"), False),
        (Freeze("f", first_day="2026-02-20", last_day="2026-03-01"), True),
        (Freeze("f", last_day="2026-02-28"), False),
        (Freeze("f", services=("check*",)), False),
        (Freeze("f", environments=("staging",)), False),
        (Freeze("f", tiers=(2, 3)), False),
    ],
)
def test_when_a_freeze_holds(freeze: Freeze, holds: bool) -> None:
    decision = decide(CLEAR, replace(FACTS, policy=Policy(freezes=(freeze,))))
    assert (decision.guardrail is Guardrail.FREEZE) == holds


def test_a_freeze_and_a_breaker_say_when_they_end() -> None:
    frozen = decide(CLEAR, replace(FACTS, policy=Policy(freezes=(Freeze("f", "year's end", at="11:00", for_s=7200),))))
    assert frozen.detail == "frozen by year's end until 2026-03-01T13:00+00:00"
    broken = decide(*faulty(Guardrail.BREAKER))
    assert broken.detail == (
        "restart failed 3 times in the last 60 min; its breaker closes at 2026-03-01T12:57:00+00:00"
    )


@pytest.mark.parametrize(
    ("minutes", "closes_in"), [((), None), ((1, 2), None), ((1, 2, 61), None), ((1, 2, 59), 1), ((1, 2, 3, 4), 57)]
)
def test_the_breaker_closes_when_too_few_failures_are_recent(minutes: tuple[int, ...], closes_in: int | None) -> None:
    closes_at = Breaker().closes_at([NOON - m * MINUTE for m in minutes], NOON)
    assert closes_at == (None if closes_in is None else NOON + closes_in * MINUTE)
    assert Breaker(0).closes_at([NOON] * 9, NOON) is None


def test_dns_trouble_waits_and_a_ticket_may_always_be_opened() -> None:
    assert decide(CLEAR, replace(FACTS, alert_class=AlertClass.DNS)).verb is Verb.WAIT_RETRY
    ticket = Candidate(
        replace(INTENT, action="open_ticket", resource_id=DATABASE),
        replace(BOOK, action=ActionType.OPEN_TICKET, tier=4),
    )
    facts = replace(FACTS, alert_class=AlertClass.DATABASE, available=frozenset({"open_ticket"}))
    assert decide(ticket, facts).verb is Verb.ASK


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (("ask", 1, "approver", ""), Decision(Verb.ASK, Guardrail.TIER, "", 1, "approver"), ""),
        (("ask", 2, "operator", ""), Decision(Verb.ASK, Guardrail.TIER, "", 1, "approver"), ""),
        (("ask", 1, "approver", ""), Decision(Verb.ASK, Guardrail.TIER, "", 2, "approver"), "2 people must agree"),
        (("ask", 1, "approver", ""), Decision(Verb.ASK, Guardrail.TIER, "", 1, "admin"), "the role admin must agree"),
        (("ask", 1, "approver", ""), Decision(Verb.AUTO, Guardrail.STANDING_APPROVAL, "", standing_id="s"), ""),
        (("ask", 1, "approver", ""), Decision(Verb.REFUSE, Guardrail.FREEZE, "winter"), "freeze: winter"),
        (("auto", 0, "", "s"), Decision(Verb.AUTO, Guardrail.STANDING_APPROVAL, "", standing_id="s"), ""),
        (("auto", 0, "", "s"), Decision(Verb.AUTO, Guardrail.STANDING_APPROVAL, "", standing_id="t"), "does not hold"),
        (("auto", 0, "", "s"), Decision(Verb.ASK, Guardrail.TIER, "tier 1", 1, "approver"), "does not hold any more"),
    ],
)
def test_what_was_agreed_to_must_still_be_enough(then: Any, now: Decision, said: str) -> None:
    stored = dict(zip(("verb", "approvers", "role", "standing_id"), then, strict=True))
    fault = widened(stored, now)
    assert said in fault
    assert bool(said) == bool(fault)
