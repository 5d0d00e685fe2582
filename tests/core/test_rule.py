"""Our own rules: hold long enough to fire, and never take silence for health."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rule import Comparison, Rule, step
from core.series import Group, MetricQuery, QueryKind, Reading

CART: Group = (("service", "cart"),)
SHOP: Group = (("service", "shop"),)
RULE = Rule("HighErrorRate", MetricQuery(QueryKind.RATIO, "errors", by=("service",)), Comparison.ABOVE, 0.05, for_s=60)


def readings(**values: float) -> list[Reading]:
    return [Reading({"service": name}, value) for name, value in values.items()]


SINCE = st.dictionaries(st.sampled_from([CART, SHOP]), st.floats(0, 1000))


def test_a_rule_fires_when_it_held_for_its_duration() -> None:
    first = step(RULE, {}, readings(cart=0.2, shop=0.01), 100)
    assert (first.since, first.firing, first.over) == ({CART: 100}, {}, frozenset())
    early = step(RULE, first.since, readings(cart=0.3, shop=0.01), 159)
    assert (early.since, early.firing) == ({CART: 100}, {})
    fires = step(RULE, early.since, readings(cart=0.3, shop=0.01), 160)
    assert fires.firing == {CART: 0.3}
    well = step(RULE, fires.since, readings(cart=0.05, shop=0.01), 190)
    assert (well.since, well.firing, well.over) == ({}, {}, frozenset({CART}))


@given(SINCE, st.floats(0, 2000))
def test_no_reading_keeps_state(since: dict[Group, float], now: float) -> None:
    silent = step(RULE, since, [], now)
    assert silent.since == since
    assert silent.over == frozenset()
    assert set(silent.firing) == {group for group, start in since.items() if now - start >= 60}
    assert all(math.isnan(value) for value in silent.firing.values()), "nobody knows the value"


@given(SINCE, st.floats(0, 1), st.floats(0, 2000))
def test_a_group_without_a_reading_is_untouched_by_the_others(
    since: dict[Group, float], value: float, now: float
) -> None:
    after = step(RULE, since, readings(cart=value), now)
    assert after.since.get(SHOP) == since.get(SHOP)
    assert (CART in after.since) == (value > 0.05)
    assert after.over == ({CART} if CART in since and value <= 0.05 else set())


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [
        (Comparison.ABOVE, False, False, True),
        (Comparison.AT_LEAST, False, True, True),
        (Comparison.BELOW, True, False, False),
        (Comparison.AT_MOST, True, True, False),
    ],
)
def test_the_comparisons(comparison: Comparison, below: bool, equal: bool, above: bool) -> None:
    rule = Rule("r", RULE.query, comparison, 1.0)
    assert (rule.holds(0.9), rule.holds(1.0), rule.holds(1.1)) == (below, equal, above)


@given(st.sampled_from(Comparison))
def test_not_a_number_holds_nothing(comparison: Comparison) -> None:
    assert not Rule("r", RULE.query, comparison, 1.0).holds(math.nan)


def test_a_rule_without_a_duration_fires_at_once() -> None:
    assert step(Rule("r", RULE.query, Comparison.ABOVE, 0.05), {}, readings(cart=1), 5).firing == {CART: 1}


def test_a_rule_fires_unless_it_is_told_to_only_judge() -> None:
    assert RULE.fires


def test_the_service_comes_from_the_labels_or_the_question() -> None:
    query = MetricQuery(QueryKind.VALUE, "up", {"service": "cart"})
    assert Rule("r", query, Comparison.BELOW, 1, labels={"service": "shop"}).service == "shop"
    assert Rule("r", query, Comparison.BELOW, 1).service == "cart"
    assert RULE.service == ""


def test_the_rule_names_its_alert_whatever_the_labels_say() -> None:
    rule = Rule("CartDown", RULE.query, Comparison.BELOW, 1, labels={"severity": "critical", "alertname": "x"})
    assert rule.alert_labels((("service", "cart"), ("severity", "info"))) == {
        "service": "cart",
        "severity": "critical",
        "alertname": "CartDown",
    }
