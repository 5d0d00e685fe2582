"""The life of an execution: every path ends, and no path acts twice."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import IllegalTransition
from core.execution import (
    ATTEMPTED,
    OPEN_ON_RESOURCE,
    SETTLED,
    TRANSITIONS,
    State,
    check_transition,
    ended_as,
    outcome_of,
)
from core.rates import Outcome

FINAL = {state for state in State if not TRANSITIONS[state]}
SCHEMA = Path(__file__).parents[2] / "store" / "schema"


def reachable(start: State) -> set[State]:
    """Every state that can follow, however late."""
    found: set[State] = set()
    front = set(TRANSITIONS[start])
    while front:
        found |= front
        front = {onward for state in front for onward in TRANSITIONS[state]} - found
    return found


def test_every_state_is_drawn_and_can_happen() -> None:
    assert set(TRANSITIONS) == set(State)
    assert reachable(State.PROPOSED) | {State.PROPOSED} == set(State)


@given(st.sampled_from(State), st.data())
def test_every_walk_along_the_arrows_reaches_a_final_state(state: State, data: st.DataObject) -> None:
    """A claim may be lost and taken again any number of times; everything else only goes forward."""
    claims = data.draw(st.integers(0, 5))
    for _ in range(2 * claims + len(State)):
        if state in FINAL:
            return
        onward = TRANSITIONS[state]
        if state is State.CLAIMED:
            onward, claims = (onward, claims - 1) if claims > 0 else (onward - {State.APPROVED}, 0)
        before, state = state, data.draw(st.sampled_from(sorted(onward)))
        check_transition(before, state)
    pytest.fail(f"still in {state} after more steps than there are states")


@given(st.sampled_from(State))
def test_a_final_state_is_always_in_reach(state: State) -> None:
    assert state in FINAL or reachable(state) & FINAL


def test_the_only_circle_is_a_claim_that_was_lost_before_anything_ran() -> None:
    assert {state for state in State if state in reachable(state)} == {State.APPROVED, State.CLAIMED}


def test_there_is_no_way_back_from_running() -> None:
    before_running = {State.PROPOSED, State.AWAITING_APPROVAL, State.APPROVED, State.CLAIMED, State.RUNNING}
    assert not reachable(State.RUNNING) & before_running


def test_a_rejected_or_expired_approval_never_runs() -> None:
    assert {State.REJECTED, State.EXPIRED, State.SUPERSEDED, State.DENIED, State.INVALIDATED} <= FINAL


@given(st.sampled_from(State), st.sampled_from(State))
def test_a_transition_without_an_arrow_raises(before: State, after: State) -> None:
    if after in TRANSITIONS[before]:
        check_transition(before, after)
    else:
        with pytest.raises(IllegalTransition, match=f"never goes from {before} to {after}"):
            check_transition(before, after)


@given(st.sampled_from(sorted(FINAL)), st.sampled_from(State))
def test_a_final_state_never_changes(final: State, after: State) -> None:
    with pytest.raises(IllegalTransition):
        check_transition(final, after)


def test_nothing_stays_as_it_is_by_a_transition() -> None:
    assert not [state for state in State if state in TRANSITIONS[state]]


def test_attempted_is_running_and_all_that_follows_it() -> None:
    assert reachable(State.RUNNING) | {State.RUNNING} == ATTEMPTED


def test_settled_is_final_or_in_the_hands_of_a_person() -> None:
    assert FINAL | {State.NEEDS_HUMAN, State.INCONCLUSIVE} == SETTLED


def test_the_database_locks_a_resource_in_the_same_states() -> None:
    schema = "\n".join(path.read_text() for path in sorted(SCHEMA.glob("*.sql")))
    index = re.search(r"executions_one_open_per_resource.*?IN \(([^)]*)\)", schema, re.DOTALL)
    assert index is not None
    assert {State(name.strip(" '\n")) for name in index[1].split(",")} == OPEN_ON_RESOURCE


def test_what_a_state_teaches() -> None:
    taught = {state: outcome for state in State if (outcome := outcome_of(state))}
    assert taught == {
        State.STABLE: Outcome.STABLE,
        State.INEFFECTIVE: Outcome.INEFFECTIVE,
        State.REGRESSED: Outcome.REGRESSED,
        State.FAILED: Outcome.FAILED,
    }
    assert set(taught) <= FINAL, "an outcome is written once, so nothing is learned from what may still move"


@given(st.sampled_from(State))
def test_what_was_over_before_the_action_teaches_nothing_of_it(state: State) -> None:
    expected = Outcome.RECOVERED_ALONE if outcome_of(state) else None
    assert outcome_of(state, recovered_alone=True) is expected


@given(st.sampled_from(State), st.none() | st.sampled_from(Outcome))
def test_a_run_has_ended_where_it_is_settled_or_its_watch_ended_without_an_answer(
    state: State, outcome: Outcome | None
) -> None:
    end = ended_as(state, outcome)
    if state in SETTLED:
        assert end == state
    else:
        assert end == ("inconclusive" if (state, outcome) == (State.VERIFIED, Outcome.INCONCLUSIVE) else "")
