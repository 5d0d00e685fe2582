"""The Beta distribution, beside values that are known and laws that must hold."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core import beta
from core.beta import UNIFORM, Beta

WEIGHTS = st.floats(0.05, 500.0)
BELIEFS = st.builds(Beta, WEIGHTS, WEIGHTS)
SHARES = st.floats(0.001, 0.999)


@pytest.mark.parametrize(
    ("belief", "x", "share"),
    [
        (UNIFORM, 0.3, 0.3),
        (Beta(2, 1), 0.5, 0.25),  # x^2
        (Beta(1, 2), 0.5, 0.75),  # 1 - (1-x)^2
        (Beta(2, 2), 0.25, 0.15625),  # 3x^2 - 2x^3
        (Beta(0.5, 0.5), 0.25, 1 / 3),  # the arcsine distribution: 2/pi asin(sqrt x)
        (Beta(3, 2), 0.9, 4 * 0.9**3 - 3 * 0.9**4),
        (Beta(50, 50), 0.5, 0.5),
    ],
)
def test_the_share_below_a_value_where_it_has_a_closed_form(belief: Beta, x: float, share: float) -> None:
    assert belief.below(x) == pytest.approx(share, abs=1e-12)
    assert belief.quantile(share) == pytest.approx(x, abs=1e-9)


def test_nothing_lies_below_zero_and_everything_below_one() -> None:
    assert (UNIFORM.below(-1), UNIFORM.below(0), UNIFORM.below(1), UNIFORM.below(2)) == (0, 0, 1, 1)


@given(BELIEFS, SHARES)
def test_the_quantile_is_the_inverse_of_the_share_below(belief: Beta, share: float) -> None:
    x = belief.quantile(share)
    assert 0.0 <= x <= 1.0
    assume(1e-9 < x < 1 - 1e-9)
    slope = math.exp(belief._log_front(x)) / (x * (1 - x))
    assert abs(belief.below(x) - share) <= 1e-9 + slope * 1e-10


@given(BELIEFS, st.floats(0.01, 0.99))
def test_what_speaks_for_one_side_speaks_against_the_other(belief: Beta, x: float) -> None:
    assert belief.below(x) + Beta(belief.b, belief.a).below(1 - x) == pytest.approx(1.0, abs=1e-9)


@given(BELIEFS, SHARES)
def test_a_success_never_lowers_and_a_failure_never_raises_any_quantile(belief: Beta, share: float) -> None:
    x = belief.quantile(share)
    assert belief.plus(1, 0).quantile(share) >= x - 1e-9
    assert belief.plus(0, 1).quantile(share) <= x + 1e-9


@given(BELIEFS, st.floats(0.1, 1000))
def test_a_bound_keeps_the_mean_and_never_adds_weight(belief: Beta, most: float) -> None:
    lent = belief.bounded(most)
    assert lent.mean == pytest.approx(belief.mean)
    assert lent.weight <= min(most, belief.weight) * (1 + 1e-12)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_lies_between_zero_and_one(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        UNIFORM.quantile(share)


def test_beliefs_of_any_sharpness_have_quantiles() -> None:
    """Where the density is nearly nothing, Newton's step is no help and the interval is halved."""
    for belief in (Beta(1e-3, 1e-3), Beta(1e-3, 50), Beta(50, 1e-3), Beta(1e5, 1), Beta(5e4, 5e4), Beta(1, 1e5)):
        for share in (1e-6, 0.05, 0.5, 0.95, 1 - 1e-6):
            assert 0.0 <= belief.quantile(share) <= 1.0
    assert Beta(5e4, 5e4).quantile(0.05) == pytest.approx(0.5 - 1.6449 * math.sqrt(0.25 / 1e5), abs=1e-5)


def test_a_fraction_that_does_not_settle_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beta, "TERMS_MAX", 2)
    monkeypatch.setattr(beta, "STEPS_MAX", 3)
    assert 0.0 < Beta(30, 40).below(0.4) < 1.0
    assert 0.0 < Beta(30, 40).quantile(0.1) < 1.0


def test_a_term_that_vanishes_does_not_divide_by_zero() -> None:
    assert beta._not_zero(0.0) > 0.0
    assert beta._not_zero(-0.5) == -0.5
