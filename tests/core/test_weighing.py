"""Laws of the weighing: age, nearness, back-off; each holds for any history."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.beta import Beta
from core.rates import COUNTED, HELPED, Outcome
from core.weighing import FIRST, OWN, WEIGHING, Nearness, Seen, Weighing, believe, weigh

DAY = 86_400.0
NOW = 10_000 * DAY
ROUNDING = 1e-9
SEEN = st.builds(
    Seen,
    st.sampled_from(Outcome),
    st.sampled_from(Nearness),
    st.floats(0, 800).map(lambda days: NOW - days * DAY),
    st.floats(0, 1),
)
HISTORIES = st.lists(SEEN, max_size=40)
NEARNESSES = st.sampled_from(Nearness)
MOMENTS = st.floats(0, 800).map(lambda days: NOW - days * DAY)
# From the outside in, with the most that everything up to it lends.
CHAIN = (
    (Nearness.ELSEWHERE, "elsewhere_max"), (Nearness.SAME_CLASS, "class_max"), (Nearness.SAME_TROUBLE, "trouble_max"),
    (Nearness.HERE, "here_max"), (Nearness.ON_SERVICE, ""),
)  # fmt: skip


def seen(outcome: Outcome, nearness: Nearness, days: float = 0.0) -> Seen:
    return Seen(outcome, nearness, NOW - days * DAY)


@given(HISTORIES)
def test_every_stated_rate_is_between_zero_and_one(history: list[Seen]) -> None:
    record = weigh(history, NOW)
    assert 0.0 < record.cautious < record.expected < 1.0
    assert record.belief is not None
    assert record.belief.weight > 0.0


@given(HISTORIES, NEARNESSES, MOMENTS, st.floats(0, 1))
def test_one_more_success_anywhere_never_lowers_the_bound(
    history: list[Seen], nearness: Nearness, at: float, likeness: float
) -> None:
    before = weigh(history, NOW)
    after = weigh([*history, Seen(Outcome.STABLE, nearness, at, likeness)], NOW)
    assert after.cautious >= before.cautious - ROUNDING
    assert after.expected >= before.expected - ROUNDING


@given(HISTORIES, NEARNESSES, MOMENTS, st.sampled_from([Outcome.INEFFECTIVE, Outcome.REGRESSED]))
def test_one_more_failure_anywhere_never_raises_the_bound(
    history: list[Seen], nearness: Nearness, at: float, outcome: Outcome
) -> None:
    before, after = weigh(history, NOW), weigh([*history, Seen(outcome, nearness, at)], NOW)
    assert after.cautious <= before.cautious + ROUNDING
    assert after.expected <= before.expected + ROUNDING


@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_outcomes_never_matters(history: list[Seen], dice: random.Random) -> None:
    shuffled = list(history)
    dice.shuffle(shuffled)
    assert weigh(shuffled, NOW) == weigh(history, NOW)


@given(HISTORIES, NEARNESSES, MOMENTS, st.sampled_from(sorted(set(Outcome) - COUNTED)))
def test_what_teaches_nothing_moves_no_rate(
    history: list[Seen], nearness: Nearness, at: float, outcome: Outcome
) -> None:
    before, after = weigh(history, NOW), weigh([*history, Seen(outcome, nearness, at)], NOW)
    assert after.belief == before.belief
    assert after.apart == before.apart + (nearness in OWN)


@given(HISTORIES)
def test_the_counts_are_those_of_this_trouble(history: list[Seen]) -> None:
    record = weigh(history, NOW)
    own = [old for old in history if old.nearness in OWN and old.outcome in COUNTED]
    other = [old for old in history if old.outcome in COUNTED and old.nearness not in (*OWN, Nearness.SIMILAR)]
    assert (record.helped, record.tried) == (sum(old.outcome in HELPED for old in own), len(own))
    assert record.elsewhere == (sum(old.outcome in HELPED for old in other), len(other))
    assert record.on_service is not None
    assert record.on_service[1] == sum(old.nearness is Nearness.ON_SERVICE for old in own)


@given(HISTORIES, st.integers(0, 4))
def test_without_outcomes_of_its_own_a_context_believes_what_the_outer_one_does(
    history: list[Seen], depth: int
) -> None:
    """Cut the chain at any context: the inner ones have the mean of that one, and at most the weight that it lends."""
    inner = {nearness for nearness, _ in CHAIN[depth + 1 :]}
    if depth < 2:
        inner.add(Nearness.SIMILAR)
    known = [old for old in history if old.nearness not in inner]
    whole = weigh(known, NOW).belief
    assert whole is not None
    # The context alone, as if it were the innermost one: nothing but its own bound is taken away.
    free = replace(WEIGHING, **{bound: 1e9 for _, bound in CHAIN[depth:] if bound})
    alone = weigh(known, NOW, free).belief
    assert alone is not None
    assert whole.mean == pytest.approx(alone.mean)
    for _, bound in CHAIN[depth:]:
        if bound:
            assert whole.weight <= getattr(WEIGHING, bound) + ROUNDING


def test_nobody_tried_it_anywhere() -> None:
    record = weigh([], NOW)
    assert record.expected == FIRST.mean
    assert record.words() == "never tried here"
    assert not record.is_known
    assert believe({}) == record.belief


def test_an_outcome_weighs_half_after_a_half_life_and_a_quarter_after_two() -> None:
    days = WEIGHING.half_life_s / DAY
    weights = [WEIGHING.of(seen(Outcome.STABLE, Nearness.HERE, n * days), NOW) for n in range(3)]
    assert weights == pytest.approx([1.0, 0.5, 0.25])
    tomorrow = seen(Outcome.STABLE, Nearness.HERE, -1)
    assert WEIGHING.of(tomorrow, NOW) == 1.0, "a clock that is ahead makes nothing heavier"
    assert Weighing(half_life_s=0.0).of(seen(Outcome.STABLE, Nearness.HERE, 1), NOW) == 0.0


def test_what_helped_lately_outweighs_what_failed_long_ago() -> None:
    failed = [seen(Outcome.INEFFECTIVE, Nearness.ON_SERVICE, 400 + n) for n in range(6)]
    helped = [seen(Outcome.STABLE, Nearness.ON_SERVICE, n) for n in range(6)]
    record = weigh([*failed, *helped], NOW)
    assert record.words() == "6 of 12 (25-75 %) on this service"
    assert record.expected > 0.75
    turned = [replace(old, outcome=Outcome.STABLE) for old in failed]
    turned += [replace(old, outcome=Outcome.REGRESSED) for old in helped]
    assert weigh(turned, NOW).expected < 0.25


def test_nearer_outcomes_weigh_more_than_as_many_farther_ones() -> None:
    for (outer, _), (inner, _) in pairwise(CHAIN):
        helps_near = [seen(Outcome.STABLE, inner)] * 20 + [seen(Outcome.INEFFECTIVE, outer)] * 20
        fails_near = [seen(Outcome.INEFFECTIVE, inner)] * 20 + [seen(Outcome.STABLE, outer)] * 20
        assert weigh(helps_near, NOW).expected > 0.5 > weigh(fails_near, NOW).expected


def test_many_outcomes_elsewhere_do_not_outvote_a_few_here() -> None:
    crowd = [seen(Outcome.STABLE, Nearness.ELSEWHERE)] * 5_000
    few = [seen(Outcome.INEFFECTIVE, Nearness.ON_SERVICE)] * 6
    record = weigh([*crowd, *few], NOW)
    assert record.expected < 0.5
    assert record.elsewhere == (5_000, 5_000)


def test_similar_incidents_count_by_their_likeness_and_never_for_much() -> None:
    alike = [Seen(Outcome.STABLE, Nearness.SIMILAR, NOW, 0.95)]
    hardly = [Seen(Outcome.STABLE, Nearness.SIMILAR, NOW, 0.1)]
    nothing = weigh([], NOW)
    assert weigh(alike, NOW).expected > weigh(hardly, NOW).expected > nothing.expected
    most = weigh(alike * 1_000, NOW)
    assert most.belief is not None
    assert most.belief.weight <= WEIGHING.similar_max + WEIGHING.class_max + ROUNDING
    assert (most.words(), most.similar) == ("never tried here", (1_000, 1_000))
    wrong = Seen(Outcome.STABLE, Nearness.SIMILAR, NOW, 7.0)
    assert WEIGHING.of(wrong, NOW) == WEIGHING.likeness


def test_a_thousand_outcomes_here_make_sure() -> None:
    record = weigh([seen(Outcome.STABLE, Nearness.ON_SERVICE, n / 10) for n in range(1_000)], NOW)
    assert record.cautious > 0.98
    assert record.believed == record.belief
    assert isinstance(record.belief, Beta)
