"""Escalation: everybody is called at their time, once a round, until somebody acknowledges or it is over."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.escalation import (
    DEFAULT,
    Escalation,
    EscalationReason,
    Life,
    RaiseReason,
    Step,
    check,
    escalate,
    raised,
    round_began,
)
from core.incident import Priority
from tests.laws.size import START, after, law

STEPS = st.lists(
    st.builds(Step, st.sampled_from("xyz"), st.integers(0, 60), st.integers(0, 3), st.integers(10, 40)),
    min_size=1, max_size=4,
).map(tuple)  # fmt: skip
POLICIES = st.builds(Escalation, STEPS, st.just(100.0))
TICKS = st.lists(st.integers(1, 50), min_size=1, max_size=12)


def live(life: Life, policy: Escalation, ticks: list[int]) -> list[tuple[str, datetime]]:
    """Ask at each tick, and count what was called in a round, as the caller has to."""
    told: list[tuple[str, datetime]] = []
    clock = 0
    for tick in ticks:
        clock += tick
        found = escalate(life, policy, after(clock))
        told += [(call.who, call.at) for call in found.calls]
        life = replace(life, called=life.called + len(found.calls))
    return told


def model(policy: Escalation, began: datetime, end: datetime) -> list[tuple[str, datetime]]:
    """Everybody whose time lies between, from the words of the policy."""
    times = []
    for number, step in enumerate(policy.steps):
        for nth in range(step.repeat + 1):
            at = began + timedelta(seconds=step.after_s + nth * step.every_s)
            times.append((at, number, step.who))
    return [(who, at) for at, _, who in sorted(times) if at <= end]


@law
@given(POLICIES, TICKS)
def test_however_seldom_it_is_asked_everybody_is_called_once(policy: Escalation, ticks: list[int]) -> None:
    assert live(Life(START), policy, ticks) == model(policy, START, after(sum(ticks)))


@law
@given(POLICIES, TICKS, st.integers(0, 200))
def test_nobody_is_called_while_an_acknowledgement_holds_and_everybody_after_it(
    policy: Escalation, ticks: list[int], t: int
) -> None:
    told = live(Life(START, acknowledged_at=after(t)), policy, ticks)
    assert told == model(policy, after(t + 100), after(sum(ticks)))
    found = escalate(Life(START, acknowledged_at=after(t)), policy, after(t + 99))
    assert (found.reason, found.calls, found.next_at) == (EscalationReason.ACKNOWLEDGED, (), after(t + 100))


@law
@given(POLICIES, TICKS, st.integers(0, 600))
def test_a_resolve_ends_it(policy: Escalation, ticks: list[int], t: int) -> None:
    found = escalate(Life(START, resolved_at=START), policy, after(t))
    assert (found.reason, found.calls, found.next_at) == (EscalationReason.RESOLVED, (), None)


@law
@given(POLICIES, TICKS, st.integers(0, 600))
def test_maintenance_puts_calls_off_and_loses_none(policy: Escalation, ticks: list[int], until: int) -> None:
    told = live(Life(START, paused_until=after(until)), policy, ticks)
    end = sum(ticks)
    asked = [sum(ticks[: n + 1]) for n in range(len(ticks))]
    assert told == (model(policy, START, after(end)) if any(t >= until for t in asked) else [])


@law
@given(POLICIES, st.integers(0, 600), st.integers(0, 16))
def test_the_next_moment_is_the_first_at_which_somebody_is_due(policy: Escalation, t: int, called: int) -> None:
    life = Life(START, called=called)
    found = escalate(life, policy, after(t))
    if found.next_at is None:
        far = escalate(replace(life, called=called + len(found.calls)), policy, after(10**6))
        assert far.reason is EscalationReason.EVERYBODY_CALLED
        return
    rest = replace(life, called=called + len(found.calls))
    assert not escalate(rest, policy, found.next_at - timedelta.resolution).calls
    assert escalate(rest, policy, found.next_at).calls


@law
@given(st.sampled_from(Priority), st.none() | st.integers(0, 100), st.integers(0, 20_000), st.booleans())
def test_only_p2_rises_only_unacknowledged_and_only_after_two_hours(
    priority: Priority, acknowledged: int | None, t: int, resolved: bool
) -> None:
    at = None if acknowledged is None else after(acknowledged)
    life = Life(START, acknowledged_at=at, resolved_at=START if resolved else None)
    found, reason = raised(priority, life, after(t))
    rises = priority is Priority.P2 and at is None and not resolved and t >= 7_200
    assert found is (Priority.P1 if rises else priority)
    assert (reason is RaiseReason.UNACKNOWLEDGED) is rises


def test_p1_calls_at_once_after_five_and_after_ten_minutes() -> None:
    assert [at for _, at in live(Life(START), DEFAULT[Priority.P1], [1] * 601)] == [START, after(300), after(600)]


def test_an_acknowledgement_of_an_earlier_life_does_not_count() -> None:
    life = Life(after(1_000), acknowledged_at=after(500))
    assert round_began(life, DEFAULT[Priority.P1]) == after(1_000)
    assert raised(Priority.P2, life, after(1_000 + 7_200))[0] is Priority.P1


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Escalation(()), "1 to 20 steps"),
        (Escalation((Step(" ", 0),)), "calls nobody"),
        (Escalation((Step("x", -1),)), "after_s"),
        (Escalation((Step("x", 0, 51),)), "repeat"),
        (Escalation((Step("x", 0, 1, 0),)), "every_s"),
        (Escalation((Step("x", 0),), 1e9), "never holds for ever"),
    ],
)
def test_a_policy_that_calls_nobody_or_without_end_is_refused(policy: Escalation, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check(policy)
