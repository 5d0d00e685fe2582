"""Questions to metric series: counters that restart, ratios without a base, and shifts from the past."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.series import (
    Aggregate,
    MetricQuery,
    Point,
    QueryKind,
    Reading,
    Series,
    Shift,
    increase_per_s,
    read_at,
    read_range,
    robust_shift,
)

COUNTS = st.lists(st.floats(0, 1e9), min_size=2, max_size=20)


def counter(*values: float, every_s: float = 10.0) -> list[Point]:
    return [(n * every_s, value) for n, value in enumerate(values)]


def series(metric: str, points: list[Point], **labels: str) -> Series:
    return Series(metric, labels, points)


@given(COUNTS, st.floats(0, 300), st.floats(1, 300))
def test_increase_per_s_with_counter_resets_is_never_negative(values: list[float], at: float, window_s: float) -> None:
    rate = increase_per_s(counter(*values), at, window_s)
    assert rate is None or rate >= 0


@given(COUNTS)
def test_a_counter_that_only_grows_has_the_slope_of_its_ends(values: list[float]) -> None:
    points = counter(*sorted(values))
    expected = (points[-1][1] - points[0][1]) / points[-1][0]
    assert increase_per_s(points, points[-1][0], 1e9) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_restarted_counter_counts_from_zero() -> None:
    assert increase_per_s(counter(100, 110, 5, 15), 30, 60) == pytest.approx((10 + 5 + 10) / 30)


def test_one_point_says_nothing_about_change() -> None:
    assert increase_per_s([], 0, 60) is None
    assert increase_per_s(counter(5), 0, 60) is None
    assert increase_per_s(counter(5, 6), 5, 60) is None, "the second point lies after the window"
    assert increase_per_s([(1.0, 5.0), (1.0, 9.0)], 1, 60) is None, "no time passed between them"


RATIO = MetricQuery(QueryKind.RATIO, "errors", by=("service",), divide_by="requests")


def test_a_ratio_is_one_rate_over_another() -> None:
    answer = read_at(
        RATIO,
        [
            series("errors", counter(0, 5), service="cart", code="500"),
            series("errors", counter(0, 5), service="cart", code="503"),
            series("requests", counter(0, 100), service="cart"),
        ],
        10,
    )
    assert answer == [Reading({"service": "cart"}, pytest.approx(0.1))]
    assert RATIO.metrics == ("errors", "requests")


@given(st.floats(0, 1e6))
def test_a_ratio_with_a_zero_denominator_has_no_reading(errors: float) -> None:
    still = series("requests", counter(7, 7), service="cart")
    assert read_at(RATIO, [series("errors", counter(0, errors), service="cart"), still], 10) == []
    assert read_at(RATIO, [series("errors", counter(0, errors), service="cart")], 10) == []


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [(Aggregate.SUM, 9.0), (Aggregate.AVG, 3.0), (Aggregate.MAX, 5.0), (Aggregate.MIN, 1.0)],
)
def test_the_values_of_a_group_become_one_number(aggregate: Aggregate, expected: float) -> None:
    query = MetricQuery(QueryKind.VALUE, "lag", aggregate=aggregate)
    answer = read_at(query, [series("lag", [(0.0, 9.0), (1.0, value)], queue=str(value)) for value in (1, 3, 5)], 1)
    assert answer == [Reading({}, expected)]
    assert query.metrics == ("lag",)


def test_rates_always_sum_whatever_the_aggregate() -> None:
    query = MetricQuery(QueryKind.RATE, "requests", aggregate=Aggregate.MAX)
    assert read_at(query, [series("requests", counter(0, 10), pod=pod) for pod in "ab"], 10) == [Reading({}, 2.0)]


def test_groups_are_answered_apart_and_in_order() -> None:
    query = MetricQuery(QueryKind.VALUE, "lag", by=("queue",))
    answer = read_at(query, [series("lag", [(0.0, 2.0)], queue="b"), series("lag", [(0.0, 1.0)], queue="a")], 0)
    assert answer == [Reading({"queue": "a"}, 1.0), Reading({"queue": "b"}, 2.0)]


def test_a_group_without_data_in_the_window_has_no_reading_and_is_not_zero() -> None:
    query = MetricQuery(QueryKind.VALUE, "lag", window_s=60)
    assert read_at(query, [series("lag", [(0.0, 2.0)])], 61) == []
    assert read_at(query, [series("lag", [(0.0, 2.0)])], -1) == []
    assert read_at(query, [], 0) == []


def test_a_range_leaves_out_the_steps_without_an_answer() -> None:
    query = MetricQuery(QueryKind.VALUE, "lag", by=("queue",), window_s=5)
    answer = read_range(query, [series("lag", [(0.0, 1.0), (20.0, 2.0)], queue="a")], 0, 30, 10)
    assert answer == {(("queue", "a"),): [(0.0, 1.0), (20.0, 2.0)]}


FINITE = st.floats(-1e6, 1e6)


@given(FINITE, st.integers(3, 20), st.integers(1, 20))
def test_robust_shift_of_a_flat_series_is_none(value: float, before: int, after: int) -> None:
    points = counter(*[value] * (before + after), every_s=1)
    assert robust_shift(points, before) is None


def test_robust_shift_sees_a_step_and_when_it_began() -> None:
    points = counter(10, 11, 10, 9, 10, 10, 50, 80, 40, every_s=1)
    shift = robust_shift(points, 5)
    assert shift is not None
    assert (shift.first_at, shift.usual, shift.extreme) == (6, 10, 80)
    assert shift.score == pytest.approx(70 / 0.5)  # more than half of the past is 10: the floor of 5 % counts


def test_robust_shift_sees_a_fall_too() -> None:
    assert robust_shift(counter(100, 100, 100, 0), 30) == Shift(20.0, 30.0, 100, 0)


def test_robust_shift_measures_by_the_spread_of_a_noisy_past() -> None:
    noisy = counter(0, 10, 20, 30, 40, 100)
    assert robust_shift(noisy, 50) is None, "80 away, but the usual distance is 10"
    assert robust_shift(noisy, 50, threshold=5) is not None


def test_robust_shift_of_a_past_of_zeros_has_a_floor() -> None:
    assert robust_shift(counter(0, 0, 0, 0.005), 30) is None
    assert robust_shift(counter(0, 0, 0, 0.007), 30) is not None


@pytest.mark.parametrize(
    ("points", "boundary"),
    [
        ([], 0.0),
        (counter(1, 1, 99), 20.0),  # two points are no past
        (counter(1, 1, 1), 30.0),  # nothing came after
        (counter(1, 1, math.nan, 99), 30.0),  # not a number is not a past
        (counter(1, 1, 1, math.inf), 30.0),  # nor a shift
    ],
)
def test_robust_shift_needs_a_past_and_a_present(points: list[Point], boundary: float) -> None:
    assert robust_shift(points, boundary) is None


@given(st.lists(FINITE, min_size=4, max_size=30), st.integers(3, 29))
def test_robust_shift_is_past_its_threshold_and_after_the_boundary(values: list[float], boundary: int) -> None:
    shift = robust_shift(counter(*values, every_s=1), boundary)
    if shift is not None:
        assert shift.score >= 6
        assert shift.first_at >= boundary
        assert shift.extreme in values[boundary:]
