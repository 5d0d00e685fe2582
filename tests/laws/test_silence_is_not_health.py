"""Heartbeats, staleness, flapping, frequency: what time and quiet mean, against small models."""

from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.flapping import FlapReason, flapping
from core.frequency import WINDOWS, Frequency, Habit, frequency
from core.heartbeat import (
    GAPS_LEARNED_MIN,
    INTERVAL_S_ASSUMED,
    MISSED_FACTOR,
    HeartbeatRule,
    HeartbeatState,
    IntervalReason,
    heartbeat_rule,
    interval,
    pulse,
)
from core.staleness import (
    PROMISE_S_MAX,
    PROMISE_S_MIN,
    Freshness,
    StaleReason,
    promise,
    repeat_interval,
    staleness,
)
from tests.laws.size import after, law

TIMES = st.lists(st.integers(0, 5_000), max_size=15)
RULE = HeartbeatRule("watchdog", ())


def moments(seconds: list[int]) -> list[datetime]:
    return [after(t) for t in seconds]


@law
@given(TIMES.filter(bool), st.integers(0, 50_000), st.none() | st.integers(1, 600))
def test_a_heartbeat_is_absent_past_its_interval_and_only_then(beats: list[int], t: int, given_s: int | None) -> None:
    rule = HeartbeatRule("watchdog", (), given_s)
    distinct = sorted(set(beats))
    gaps = [b - a for a, b in pairwise(distinct)]
    learned = median(gaps) if len(gaps) >= GAPS_LEARNED_MIN else INTERVAL_S_ASSUMED
    expected = given_s if given_s is not None else learned
    found = pulse(rule, moments(beats), after(t))
    assert found.interval_s == expected
    assert (found.state is HeartbeatState.ABSENT) is (t > max(beats) + expected * MISSED_FACTOR)
    assert pulse(rule, moments(beats[::-1]), after(t)) == found
    assert (found.reason is IntervalReason.CONFIGURED) is (given_s is not None)


def test_a_heartbeat_has_until_the_very_end_of_its_time() -> None:
    rule = HeartbeatRule("watchdog", (), 60)
    absent_at = pulse(rule, moments([0]), after(1)).absent_at
    assert absent_at == after(60 * MISSED_FACTOR)
    assert pulse(rule, moments([0]), absent_at).state is HeartbeatState.BEATING
    assert pulse(rule, moments([0]), absent_at + timedelta.resolution).state is HeartbeatState.ABSENT


@law
@given(TIMES.filter(bool))
def test_a_new_beat_ends_an_absence(beats: list[int]) -> None:
    late = max(beats) + 1_000_000
    assert pulse(RULE, moments(beats), after(late)).state is HeartbeatState.ABSENT
    assert pulse(RULE, moments([*beats, late]), after(late)).state is HeartbeatState.BEATING


@pytest.mark.parametrize(("name", "is_one"), [("Watchdog", True), ("DeadMansSwitch", True), ("WatchdogDown", False)])
def test_watchdogs_are_heartbeats(name: str, is_one: bool) -> None:
    assert (heartbeat_rule({"alertname": name}) is not None) is is_one


def test_one_long_gap_does_not_change_what_was_learned() -> None:
    assert interval(RULE, moments([0, 60, 120, 180, 9_999])) == (60, IntervalReason.LEARNED)


@law
@given(st.integers(0, 1_000), st.integers(0, 20_000), st.none() | st.integers(1, 900), st.integers(0, 4_000))
def test_quiet_makes_an_alert_unknown_and_never_well(last: int, t: int, repeat_s: int | None, tell_s: int) -> None:
    found = staleness(after(last), after(t), repeat_s=repeat_s, factor=3, tell_after_s=tell_s)
    stale = repeat_s is not None and t > last + 3 * repeat_s
    told = repeat_s is not None and t > last + 3 * repeat_s + tell_s
    assert (found.state is Freshness.STALE) is stale
    assert found.is_told is told
    assert found.shown_as == ("unknown" if stale else "firing")
    assert (found.reason is StaleReason.NO_INTERVAL) is (repeat_s is None)


@law
@given(st.integers(0, 1_000), st.integers(0, 20_000), st.integers(1, 900))
def test_a_stale_alert_never_becomes_fresh_without_a_word(last: int, t: int, repeat_s: int) -> None:
    order = [StaleReason.REPEATED, StaleReason.NOT_REPEATED, StaleReason.NOT_REPEATED_FOR_LONG]
    now = staleness(after(last), after(t), repeat_s=repeat_s)
    later = staleness(after(last), after(t + 500), repeat_s=repeat_s)
    assert order.index(later.reason) >= order.index(now.reason)
    if now.next_at:
        at_once = staleness(after(last), now.next_at + timedelta.resolution, repeat_s=repeat_s)
        assert order.index(at_once.reason) == order.index(now.reason) + 1
        assert staleness(after(last), now.next_at, repeat_s=repeat_s).reason is now.reason


@law
@given(st.lists(st.integers(0, 40), max_size=40))
def test_flapping_is_told_at_its_beginning_and_its_end_only(gaps: list[int]) -> None:
    """A model counts by hand, over changes that come with some gaps; limit 4 in 100 s, settled at 2."""
    clock, times, flaps = 0, list[int](), False
    for gap in gaps:
        clock += gap
        times.append(clock)
        count = sum(1 for t in times if clock - 100 < t <= clock)
        found = flapping(moments(times), after(clock), was_flapping=flaps, changes_max=4, window_s=100)
        expected = {
            (False, False): FlapReason.STEADY, (False, True): FlapReason.BEGAN,
            (True, True): FlapReason.ONGOING, (True, False): FlapReason.SETTLED,
        }[flaps, count > (2 if flaps else 4)]  # fmt: skip
        assert (found.reason, found.changes) == (expected, count)
        assert found.is_told is (expected is not FlapReason.ONGOING)
        flaps = found.is_flapping
        if found.next_at:
            just_before = found.next_at - timedelta.resolution
            rest = {"was_flapping": True, "changes_max": 4, "window_s": 100}
            assert flapping(moments(times), just_before, **rest).is_flapping  # type: ignore[arg-type]
            assert flapping(moments(times), found.next_at, **rest).reason is FlapReason.SETTLED  # type: ignore[arg-type]


@law
@given(st.lists(st.integers(-3_000_000, 1_000), max_size=30), st.booleans())
def test_frequency_is_a_count_in_four_windows(offsets: list[int], on_the_edge: bool) -> None:
    edges = [int(-window.total_seconds()) for window in WINDOWS] if on_the_edge else []
    times = moments([*offsets, *edges])
    now = after(0)
    found = frequency(times, now)
    assert (found.hour, found.day, found.week, found.month) == tuple(
        sum(1 for t in times if now - window < t <= now) for window in WINDOWS
    )
    assert found.hour <= found.day <= found.week <= found.month
    assert frequency(times[::-1], now) == found
    assert (found.habit is Habit.RARE) is (found.month <= 1)
    assert (found.habit is Habit.HOURLY) is (found.hour > 1)


@law
@given(TIMES.filter(bool), st.integers(0, 50_000), st.integers(0, 50_000), st.integers(1, 600))
def test_what_we_could_not_hear_was_not_missed(beats: list[int], t: int, heard: int, given_s: int) -> None:
    rule = HeartbeatRule("watchdog", (), given_s)
    allowed = given_s * MISSED_FACTOR
    found = pulse(rule, moments(beats), after(t), after(heard))
    assert (found.state is HeartbeatState.ABSENT) is (t > max(*beats, heard) + allowed)
    assert (found.state is HeartbeatState.BEATING) is (t <= max(beats) + allowed)
    if found.state is HeartbeatState.ABSENT:
        assert pulse(rule, moments(beats), after(t)).state is HeartbeatState.ABSENT


@law
@given(st.none() | st.integers(-1_000, 10_000_000), st.none() | st.integers(1, 900))
def test_a_promise_is_broken_at_its_end_and_only_the_operator_knows_better(ends: int | None, said: int | None) -> None:
    promised = promise(None if ends is None else after(ends), after(0))
    assert (promised is None) is (ends is None or not 0 < ends <= PROMISE_S_MAX)
    repeat_s = repeat_interval(said, promised)
    if said is None and promised is not None and ends is not None:
        allowed = max(ends, PROMISE_S_MIN)
        assert staleness(after(0), after(allowed - 1), repeat_s=repeat_s).state is Freshness.FRESH
        assert staleness(after(0), after(allowed + 1), repeat_s=repeat_s).state is Freshness.STALE
    else:
        assert repeat_s == said


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 1, 1, 1), "first in 30 days"),
        ((0, 0, 0, 0), "first in 30 days"),
        ((2, 2, 2, 2), "2nd time in 1 h"),
        ((1, 3, 3, 3), "3rd time in 24 h"),
        ((1, 1, 11, 21), "11th time in 7 days, 21st in 30 days"),
        ((4, 9, 12, 112), "4th time in 1 h, 112th in 30 days"),
    ],
)
def test_a_frequency_in_words(counts: tuple[int, int, int, int], words: str) -> None:
    assert Frequency(*counts).words == words
