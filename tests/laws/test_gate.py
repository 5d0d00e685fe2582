"""Laws of the gate: whatever is wished for, by whomever, nothing passes that a person has forbidden.

Intent, playbook, facts and policy are drawn at random; what a model could say is a part of the intent.
"""

import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.alert import AlertClass
from core.breaker import Breaker
from core.decision import MAY_ACT, ROLES, Decision, Guardrail, Verb, widened
from core.facts import Candidate, Facts
from core.intent import Intent
from core.playbook import ActionType, ParameterKind, ParameterRule, Playbook
from core.policy import decide
from core.policy_rules import Allowance, ApproverRole, ApproverRule, AutoRule, Freeze, matches
from core.standing import Record, Standing

FULL = os.environ.get("NIGHTSHIFT_CHAOS") == "full"
LAW = settings(max_examples=5_000 if FULL else 300, deadline=None)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = ["cart", "orders-db", "shop"]
PLACES = [
    "service:prod/cart",
    "service:prod/orders-db",
    "docker:h1/cart",
    "k8s:eu/shop/pod/postgres-0",
    "host:db-1",
    "",
]
ALL_ACTIONS = [str(action) for action in ActionType]
GLOBS = st.lists(st.sampled_from(["*", "cart", "*-db", "restart*", "PROD", "nothing"]), min_size=1).map(tuple)
SOME = st.integers(0, 30)
MOMENTS = st.integers(0, 90).map(lambda m: NOON - timedelta(minutes=m))

# A wish that may be carried out unasked; the laws are about what becomes of it when up to four things are otherwise.
PLAYBOOK = Playbook(
    "restart", 1, "Restart", ActionType.RESTART_INSTANCE, tier=1,
    parameters={"service": ParameterRule(ParameterKind.SERVICE), "to": ParameterRule(ParameterKind.PREVIOUS_RELEASE)},
)  # fmt: skip
INTENT = Intent(
    "restart_instance", "restart", 1, {"service": "cart", "to": "v41"}, PLACES[0], "uid-1", "cart-restart", "i-1", 7
)
STANDING = Standing("s-1", 1, "the operator", NOON + timedelta(days=1), actions_per_hour_max=2)
CLEAR = Facts(
    NOON, service="cart", environment="prod", incident_resources=frozenset(PLACES[:1]),
    available=frozenset({"restart_instance"}), also_touched=PLACES[:1],
    allowed={"service": frozenset({"cart"}), "previous_release": frozenset({"v41"})}, endpoint_known=True,
    record=Record(9, 9, 0.7, 1.0), standing=(STANDING,),
)  # fmt: skip
OF_INTENT = {
    "action": st.sampled_from(ALL_ACTIONS) | st.text(max_size=9),
    "playbook_id": st.sampled_from(["restart-all", "rm -rf /"]) | st.text(max_size=9),
    "playbook_version": st.integers(-1, 3),
    "parameters": st.dictionaries(
        st.sampled_from(["service", "force", "to"]), st.sampled_from(["cart", "v41", "$(reboot)", 3, True, None])
    ),
    "resource_id": st.sampled_from(PLACES) | st.text(max_size=20),
    "endpoint_id": st.sampled_from(["", "other"]),
}
OF_BOOK = {
    "version": st.integers(1, 3),
    "action": st.sampled_from(ActionType),
    "tier": st.integers(1, 4),
    "approvers": st.integers(1, 3),
    "destructive": st.booleans(),
    "dry_run": st.booleans(),
    "retries_max": st.integers(0, 5),
    "reversible": st.booleans(),
}
OF_POLICY = {
    "protected": st.lists(st.sampled_from(["*cart*", "*-db", "*postgres*", "nothing"])).map(tuple),
    "allow": st.lists(st.builds(Allowance, GLOBS, GLOBS, st.just(("*",)), GLOBS, GLOBS), max_size=2).map(tuple),
    "freezes": st.sampled_from([Freeze("a", at="11:30", for_s=3600), Freeze("b", tiers=(2,))]).map(lambda f: (f,)),
    "hands_off": st.frozensets(st.sampled_from(AlertClass)),
    "approvals": st.lists(st.builds(ApproverRule, st.integers(1, 4), st.sampled_from(ApproverRole)), max_size=2).map(
        tuple
    ),
    "actions_per_hour_max": SOME,
    "service_actions_per_hour_max": st.none() | SOME,
    "breaker": st.builds(Breaker, st.integers(0, 4)),
    "hopeless_below": st.floats(0, 1),
    "auto": st.builds(AutoRule, st.booleans(), st.integers(1, 9), st.floats(0, 1)),
}
OF_FACTS = {
    "service": st.sampled_from(NAMES),
    "environment": st.sampled_from(["prod", "staging"]),
    "alert_class": st.sampled_from(AlertClass),
    "kill_switch": st.booleans(),
    "observe_only": st.booleans(),
    "maintenance_until": st.none() | st.just(NOON + timedelta(minutes=5)),
    "incident_over": st.booleans(),
    "incident_resources": st.frozensets(st.sampled_from(PLACES)) | st.just(frozenset(PLACES)),
    "available": st.frozensets(st.sampled_from(ALL_ACTIONS)) | st.just(frozenset(ALL_ACTIONS)),
    "also_touched": st.lists(st.sampled_from(PLACES), max_size=2).map(tuple),
    "allowed": st.dictionaries(st.sampled_from(ParameterKind), st.frozensets(st.sampled_from(["v41", "cart"]))),
    "endpoint_known": st.booleans(),
    "open_execution_id": st.sampled_from(["", "e-1"]),
    "cascade": st.sampled_from(["", "spread"]),
    "attempts_in_incident": st.integers(0, 5),
    "last_attempt_at": st.none() | MOMENTS,
    "failures": st.lists(MOMENTS, max_size=5).map(tuple),
    "actions_last_hour": SOME,
    "service_actions_last_hour": SOME,
    "record": st.builds(Record, st.integers(0, 9), st.integers(0, 9), st.floats(0, 1), st.floats(0, 1)),
    "standing": st.lists(
        st.builds(
            replace, st.just(STANDING), id=st.sampled_from(["s-1", "s-2"]), playbook_version=st.integers(1, 2),
            expires_at=st.sampled_from([NOON, NOON + timedelta(days=1)]), environments=GLOBS, services=GLOBS,
            used_last_hour=st.integers(0, 3),
        ), max_size=2,
    ).map(tuple),
    "asked_by_person": st.booleans(),
}  # fmt: skip
PARTS = {"intent": OF_INTENT, "book": OF_BOOK, "policy": OF_POLICY, "facts": OF_FACTS}
PLACES_OF_CHANGE = [(part, name) for part, fields in PARTS.items() for name in fields]


@st.composite
def wishes(draw: st.DrawFn, changes_max: int = 4) -> tuple[Candidate, Facts]:
    """What may be carried out unasked, and up to four things otherwise; at times by a playbook that nobody knows."""
    changes: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for part, name in draw(st.lists(st.sampled_from(PLACES_OF_CHANGE), max_size=changes_max, unique=True)):
        changes[part][name] = draw(PARTS[part][name])
    facts = replace(CLEAR, policy=replace(CLEAR.policy, **changes["policy"]), **changes["facts"])
    book = replace(PLAYBOOK, **changes["book"])
    follows = {"action": str(book.action), "playbook_version": book.version} if draw(st.booleans()) else {}
    intent = replace(INTENT, **{**follows, **changes["intent"]})
    return Candidate(intent, draw(st.sampled_from([book] * 9 + [None]))), facts


def acts(candidate: Candidate, facts: Facts) -> bool:
    return decide(candidate, facts).verb in MAY_ACT


@LAW
@given(wishes())
def test_with_the_kill_switch_on_nothing_acts(wish: tuple[Candidate, Facts]) -> None:
    candidate, facts = wish
    decision = decide(candidate, replace(facts, kill_switch=True))
    assert (decision.verb, decision.guardrail) == (Verb.REFUSE, Guardrail.KILL_SWITCH)


@LAW
@given(wishes())
def test_nothing_protected_is_touched(wish: tuple[Candidate, Facts]) -> None:
    candidate, facts = wish
    places = (candidate.intent.resource_id, *facts.also_touched)
    if candidate.touches and any(matches(place, facts.policy.protected) for place in places):
        assert not acts(candidate, facts)


@LAW
@given(wishes())
def test_nothing_outside_the_allow_list_acts(wish: tuple[Candidate, Facts]) -> None:
    candidate, facts = wish
    if facts.policy.allow and not any(one.covers(candidate.case(facts)) for one in facts.policy.allow):
        assert not acts(candidate, facts)


@LAW
@given(wishes())
def test_only_what_is_known_acts(wish: tuple[Candidate, Facts]) -> None:
    """A registered playbook, an action of ours, a resource of the incident, and exactly the playbook's parameters."""
    candidate, facts = wish
    if not acts(candidate, facts):
        return
    book, intent = candidate.playbook, candidate.intent
    assert book is not None
    assert book.acts
    assert intent.action in facts.available
    assert intent.resource_id in facts.incident_resources
    assert set(intent.parameters) == set(book.parameters)
    for name, rule in book.parameters.items():
        assert intent.parameters[name] in facts.allowed[rule.kind]


@LAW
@given(wishes())
def test_only_a_named_persons_lasting_word_lets_anything_act_unasked(wish: tuple[Candidate, Facts]) -> None:
    candidate, facts = wish
    decision = decide(candidate, facts)
    if decision.verb is not Verb.AUTO:
        return
    book = candidate.playbook
    assert book is not None
    [one] = {
        one
        for one in facts.standing
        if one.id == decision.standing_id and not one.fault(book, candidate.case(facts), NOON)
    }
    assert one.expires_at > NOON
    assert one.playbook_version == book.version
    assert one.used_last_hour < one.actions_per_hour_max
    assert not book.destructive
    assert not facts.asked_by_person
    assert facts.policy.auto.allowed
    assert facts.record.stable >= facts.policy.auto.stable_min
    assert decide(candidate, replace(facts, standing=())).verb is Verb.ASK


def test_these_laws_are_about_something() -> None:
    """Every answer is among what is drawn, and every third wish may act."""
    answers: Counter[Verb] = Counter()

    @settings(max_examples=1_500, deadline=None, database=None, derandomize=True)
    @given(wishes())
    def draw(wish: tuple[Candidate, Facts]) -> None:
        answers[decide(*wish).verb] += 1

    draw()
    assert decide(Candidate(INTENT, PLAYBOOK), CLEAR).verb is Verb.AUTO
    assert set(answers) == set(Verb)
    assert answers[Verb.AUTO] + answers[Verb.ASK] > answers.total() / 3


def looseness(decision: Decision) -> tuple[int, int, int]:
    """The larger, the more may happen: unasked, asked of few, asked of many, not at all."""
    if decision.verb not in MAY_ACT:
        return 0, 0, 0
    return (2, 0, 0) if decision.verb is Verb.AUTO else (1, -decision.approvers, -ROLES.index(decision.role))


MORE_FACTS: list[dict[str, Any]] = [
    {"kill_switch": True}, {"observe_only": True}, {"maintenance_until": NOON}, {"incident_over": True},
    {"incident_resources": frozenset()}, {"available": frozenset()}, {"endpoint_known": False},
    {"open_execution_id": "e-2"}, {"cascade": "more"}, {"attempts_in_incident": 9}, {"last_attempt_at": NOON},
    {"failures": (NOON,) * 9}, {"actions_last_hour": 99}, {"service_actions_last_hour": 99},
    {"record": Record(0, 99, 0.0, 0.0)}, {"standing": ()}, {"asked_by_person": True}, {"allowed": {}},
    {"also_touched": ("service:prod/orders-db",)},
]  # fmt: skip
MORE_RULES: list[dict[str, Any]] = [
    {"protected": ("*",)}, {"allow": (Allowance(services=("nowhere",)),)}, {"freezes": (Freeze("always"),)},
    {"hands_off": frozenset(AlertClass)}, {"approvals": (ApproverRule(5, ApproverRole.ADMIN),)},
    {"actions_per_hour_max": 0}, {"service_actions_per_hour_max": 0}, {"breaker": Breaker(1)},
    {"auto": AutoRule(False)}, {"hopeless_below": 1.0},
]  # fmt: skip


@LAW
@given(wishes(), st.sampled_from(MORE_FACTS))
def test_a_fact_against_it_never_widens_the_answer(wish: tuple[Candidate, Facts], more: dict[str, Any]) -> None:
    candidate, facts = wish
    if "also_touched" in more:
        more = {"also_touched": (*facts.also_touched, *more["also_touched"])}
    assert looseness(decide(candidate, replace(facts, **more))) <= looseness(decide(candidate, facts))


@LAW
@given(wishes(), st.sampled_from(MORE_RULES))
def test_one_more_rule_never_widens_the_answer(wish: tuple[Candidate, Facts], more: dict[str, Any]) -> None:
    candidate, facts = wish
    old = facts.policy
    added = {n: (*getattr(old, n), *v) if n in ("protected", "freezes", "approvals") else v for n, v in more.items()}
    stricter = replace(facts, policy=replace(old, **added))
    assert looseness(decide(candidate, stricter)) <= looseness(decide(candidate, facts))


@LAW
@given(wishes(1), wishes(2))
def test_what_was_agreed_to_holds_only_while_the_gate_asks_for_no_more(
    then: tuple[Candidate, Facts], now: tuple[Candidate, Facts]
) -> None:
    """At the claim: whatever changed since, an answer that asks for more voids what was agreed to."""
    before, after = decide(*then), decide(*now)
    stored = {
        "verb": before.verb, "approvers": before.approvers, "role": before.role, "standing_id": before.standing_id,
    }  # fmt: skip
    if before.verb in MAY_ACT and not widened(stored, after):
        assert after.verb in MAY_ACT
        if before.verb is Verb.AUTO:
            assert after.standing_id == before.standing_id
        elif after.verb is Verb.ASK:
            assert after.approvers <= before.approvers
            assert ROLES.index(after.role) <= ROLES.index(before.role)
