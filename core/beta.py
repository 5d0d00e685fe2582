"""The Beta distribution in plain Python: what is believed of a rate, its share below a value, and its quantiles."""

import math
from dataclasses import dataclass

# 300 terms are enough for weights up to about 100,000, far above what decays with time here.
TERMS_MAX = 300
STEPS_MAX = 100
PRECISION = 1e-12
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Beta:
    """A belief about a rate: `a` for and `b` against, both above 0; `a + b` is its weight in outcomes."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The expected rate."""
        return self.a / (self.a + self.b)

    @property
    def weight(self) -> float:
        """How many outcomes it is worth."""
        return self.a + self.b

    def bounded(self, weight_max: float) -> "Beta":
        """The same mean with at most this weight: what one context may lend to a narrower one."""
        share = min(1.0, weight_max / self.weight)
        return Beta(self.a * share, self.b * share)

    def plus(self, helped: float, failed: float) -> "Beta":
        """After these (weighted) outcomes."""
        return Beta(self.a + helped, self.b + failed)

    def below(self, x: float) -> float:
        """The chance that the rate is at most `x`: the regularised incomplete beta function.

        By its continued fraction (Lentz' method, modified by Thompson and Barnett), on the side where it is short.
        """
        if x <= 0.0:
            return 0.0
        if x >= 1.0:
            return 1.0
        if x > (self.a + 1.0) / (self.weight + 2.0):
            return 1.0 - Beta(self.b, self.a).below(1.0 - x)
        return min(1.0, math.exp(self._log_front(x)) * _fraction(self.a, self.b, x) / self.a)

    def quantile(self, share: float) -> float:
        """The rate below which this share of the belief lies, within 1e-12.

        Newton's steps, and a halved interval wherever a step would leave the interval that holds the answer.
        """
        if not 0.0 < share < 1.0:
            raise ValueError("a share lies between 0 and 1")
        low, high, x = 0.0, 1.0, self.mean
        for _ in range(STEPS_MAX):
            error = self.below(x) - share
            low, high = (x, high) if error < 0.0 else (low, x)
            density = math.exp(min(700.0, self._log_front(x) - math.log(x) - math.log1p(-x)))
            step = x - error / density if density > TINY else low
            x, before = (step if low < step < high else (low + high) / 2.0), x
            if abs(x - before) < PRECISION or not 0.0 < x < 1.0:
                break
        return min(1.0, max(0.0, x))

    def _log_front(self, x: float) -> float:
        """The logarithm of x^a (1-x)^b / B(a, b)."""
        log_beta = math.lgamma(self.a) + math.lgamma(self.b) - math.lgamma(self.a + self.b)
        return self.a * math.log(x) + self.b * math.log1p(-x) - log_beta


UNIFORM = Beta(1.0, 1.0)
"""Every rate is as likely as any other."""


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for n in range(1, TERMS_MAX):
        even = n * (b - n) * x / ((a + 2 * n - 1) * (a + 2 * n))
        d, c = 1.0 / _not_zero(1.0 + even * d), _not_zero(1.0 + even / c)
        value *= d * c
        odd = -(a + n) * (a + b + n) * x / ((a + 2 * n) * (a + 2 * n + 1))
        d, c = 1.0 / _not_zero(1.0 + odd * d), _not_zero(1.0 + odd / c)
        value *= d * c
        if abs(d * c - 1.0) < PRECISION:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
