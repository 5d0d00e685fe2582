"""Aggregates and storms: what comes together is told as one, and nothing is ever lost in it."""

from collections import defaultdict
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from core.burst import AGGREGATION, STORM, Arrival, BurstLimits, BurstReason, Recent, aggregate, arrive
from core.resource import UNKNOWN
from tests.laws.size import after, law

LIMITS = BurstLimits(count_max=3, window_s=10)
GAPS = st.sampled_from([0, 0, 0, 1, 2, 3, 9, 10, 11])
TIMES = st.lists(GAPS, max_size=25).map(lambda gaps: list(accumulate(gaps)))


def run(times: list[int], limits: BurstLimits = LIMITS) -> tuple[list[BurstReason], dict[str, str]]:
    """The reason of each arrival, and the parent of each child."""
    recent, reasons, parents = Recent(), [], dict[str, str]()
    for n, t in enumerate(times):
        recent, placed = arrive(recent, Arrival(str(n), after(t)), f"burst-{n}", limits)
        reasons.append(placed.reason)
        for child in placed.children:
            assert child not in parents, "a child has one parent for ever"
            parents[child] = placed.parent
    return reasons, parents


def model(times: list[int]) -> dict[str, str]:
    """Walk over the list with hindsight: begin where the window back holds more than the limit, go on to the pause."""
    parents: dict[str, str] = {}
    n = 0
    while n < len(times):
        window = [k for k in range(n + 1) if str(k) not in parents and times[n] - times[k] <= LIMITS.window_s]
        if len(window) <= LIMITS.count_max:
            n += 1
            continue
        end = n
        while end + 1 < len(times) and times[end + 1] - times[end] <= LIMITS.window_s:
            end += 1
        parents |= {str(k): f"burst-{n}" for k in [*window, *range(n, end + 1)]}
        n = end + 1
    return parents


@law
@given(TIMES)
def test_children_are_what_hindsight_says(times: list[int]) -> None:
    assert run(times)[1] == model(times)


@law
@given(TIMES)
def test_a_burst_is_larger_than_its_limit_and_begins_once(times: list[int]) -> None:
    reasons, parents = run(times)
    sizes: dict[str, int] = defaultdict(int)
    for parent in parents.values():
        sizes[parent] += 1
    assert all(size > LIMITS.count_max for size in sizes.values())
    assert reasons.count(BurstReason.BEGUN) == len(sizes)
    assert reasons.count(BurstReason.SINGLE) + reasons.count(BurstReason.BEGUN) + reasons.count(
        BurstReason.JOINED
    ) == len(times)


@law
@given(st.lists(st.tuples(st.sampled_from(["host:a", "host:b", UNKNOWN]), st.integers(0, 4)), max_size=25))
def test_resources_never_disturb_each_other_and_the_unknown_one_never_aggregates(steps: list[tuple[str, int]]) -> None:
    clock, known, times, seen = 0, defaultdict(Recent), defaultdict(list), defaultdict(list)
    for n, (resource, gap) in enumerate(steps):
        clock += gap
        known[resource], placed = aggregate(known[resource], Arrival(str(n), after(clock)), resource, "p", LIMITS)
        times[resource].append(clock)
        seen[resource].append(placed.reason)
    for resource, reasons in seen.items():
        alone = [BurstReason.NO_RESOURCE] * len(reasons) if resource == UNKNOWN else run(times[resource])[0]
        assert reasons == alone


@law
@given(st.lists(st.integers(0, 60), max_size=20))
def test_a_clock_that_goes_back_counts_as_standing_still(times: list[int]) -> None:
    straight = [max(times[: n + 1]) for n in range(len(times))]
    assert run(times) == run(straight)


def test_the_twenty_first_alert_in_a_minute_and_the_eleventh_incident_in_two() -> None:
    for limits, enough in ((AGGREGATION, 20), (STORM, 10)):
        together = [0] * enough
        assert set(run(together, limits)[0]) == {BurstReason.SINGLE}
        reasons, parents = run([*together, int(limits.window_s)], limits)
        assert reasons[-1] is BurstReason.BEGUN
        assert len(parents) == enough + 1
        assert run([*together, int(limits.window_s) + 1], limits)[0][-1] is BurstReason.SINGLE
