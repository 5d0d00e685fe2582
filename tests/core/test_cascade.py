"""Cascades: only trouble of a direct neighbour, in another incident, after a heal that is still being watched."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cascade import LAG_S, MAY_DO_HARM, Alarm, Cascade, Heal, spread, trails
from core.execution import State
from core.topology import Topology

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPOLOGY = Topology({"shop": ("cart",), "cart": ("stock",), "mail": ()})
HEAL = Heal("e-1", "i-1", "cart", NOON, "verifying")
ALARM = Alarm("i-2", "shop", NOON + timedelta(seconds=9))


def test_a_neighbour_that_alarms_after_a_heal_is_a_cascade() -> None:
    found = spread([HEAL], [ALARM], TOPOLOGY)
    assert found == Cascade(HEAL, ALARM)
    assert found.words() == (
        "shop alarmed 9 s after execution e-1 acted on cart, which is still being watched: "
        "a person has to look before anything else acts"
    )


@pytest.mark.parametrize(
    ("heal", "alarm"),
    [
        (HEAL, replace(ALARM, service="mail")),
        (HEAL, replace(ALARM, service="cart")),
        (replace(HEAL, service="stock"), ALARM),  # two steps away
        (HEAL, replace(ALARM, incident_id="i-1")),
        (HEAL, replace(ALARM, began_at=NOON - timedelta(seconds=1))),
        (replace(HEAL, state="stable"), ALARM),
        (replace(HEAL, state="failed"), ALARM),
    ],
)
def test_what_is_no_cascade(heal: Heal, alarm: Alarm) -> None:
    assert spread([heal], [alarm], TOPOLOGY) is None


def test_both_directions_count_and_the_first_alarm_is_told() -> None:
    below = Alarm("i-3", "stock", NOON + timedelta(seconds=4))
    found = spread([HEAL], [ALARM, below], TOPOLOGY)
    assert found is not None
    assert found.alarm == below
    assert spread([], [ALARM], TOPOLOGY) is None


@pytest.mark.parametrize(
    ("alarm", "lasted_s", "noise"),
    [
        (replace(ALARM, incident_id="i-1"), LAG_S - 1, True),
        (replace(ALARM, incident_id="i-1"), LAG_S, False),
        (replace(ALARM, incident_id="i-1", service="stock"), 1, False),  # what cart needs is not broken by cart's fault
        (ALARM, 1, False),
    ],
)
def test_who_calls_the_touched_service_trails_behind_for_a_moment(alarm: Alarm, lasted_s: float, noise: bool) -> None:
    assert trails(HEAL, alarm, TOPOLOGY, alarm.began_at + timedelta(seconds=lasted_s)) is noise


def test_the_states_are_those_of_an_execution() -> None:
    assert {State(state) for state in MAY_DO_HARM} == {
        State.RUNNING, State.SUCCEEDED, State.UNKNOWN, State.NEEDS_HUMAN, State.VERIFYING, State.VERIFIED,
    }  # fmt: skip


HEALS = st.lists(
    st.builds(
        Heal, st.sampled_from(["e-1", "e-2"]), st.sampled_from(["i-1", "i-2"]), st.sampled_from(["shop", "cart"]),
        st.integers(0, 9).map(lambda s: NOON + timedelta(seconds=s)), st.sampled_from(State).map(str),
    ),
    max_size=4,
)  # fmt: skip
ALARMS = st.lists(
    st.builds(
        Alarm, st.sampled_from(["i-2", "i-3"]), st.sampled_from(["shop", "stock"]),
        st.integers(0, 9).map(lambda s: NOON + timedelta(seconds=s)),
    ),
    max_size=4,
)  # fmt: skip


@given(HEALS, ALARMS, ALARMS)
def test_more_alarms_never_hide_a_cascade(heals: list[Heal], alarms: list[Alarm], more: list[Alarm]) -> None:
    before, after = spread(heals, alarms, TOPOLOGY), spread(heals, alarms + more, TOPOLOGY)
    assert before is None or (after is not None and after.alarm.began_at <= before.alarm.began_at)
    assert spread(list(reversed(heals)), list(reversed(alarms)), TOPOLOGY) is None or before is not None
