"""A service is well when every rule about it got an answer and none of them holds; silence is never health."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.errors import Unavailable
from core.rule import Comparison, Rule
from core.series import MetricQuery, QueryKind, Series
from core.site import Service, Site, Target, Timings
from core.verdict import CheckState
from tools.read.health import ServiceCheck, check_service, usual_traffic

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
SHOP = {"service": "shop"}
RATIO = MetricQuery(QueryKind.RATIO, "errors", SHOP, divide_by="requests", window_s=20.0)
UP = MetricQuery(QueryKind.VALUE, "up", SHOP, ("instance",), window_s=10.0)
SITE = Site(
    services={"shop": Service("shop", traffic=MetricQuery(QueryKind.RATE, "requests", SHOP, window_s=20.0))},
    rules=(
        Rule("HighErrorRate", RATIO, Comparison.ABOVE, 0.05),
        Rule("TargetDown", UP, Comparison.BELOW, 1.0),
        Rule("OfAnother", replace(RATIO, matchers={"service": "other"}), Comparison.ABOVE, 0.05),
    ),
    targets=(Target("shop", "shop-1", ""), Target("shop", "shop-2", "")),
    timings=Timings(before_s=60.0, scrape_s=5.0, verify_every_s=2.0),
)


class Shop:
    """Two instances over the last hundred seconds, as raw series."""

    def __init__(
        self, *, requests: float = 10.0, errors: float = 0.0, up: tuple[float, ...] = (1.0, 1.0), answers: bool = True
    ) -> None:
        self.answers = answers
        self.known = [Series("up", {"instance": f"shop-{n}"}, self._points(0, v)) for n, v in enumerate(up, 1)]
        self.known += [Series("requests", {}, self._points(requests)), Series("errors", {}, self._points(errors))]

    def _points(self, per_s: float, base: float = 0.0) -> list[tuple[float, float]]:
        return [(NOW.timestamp() - s, base + per_s * (100 - s)) for s in range(100, -1, -5)]

    async def series(
        self, metrics: Sequence[str], matchers: Mapping[str, str], start: datetime, end: datetime
    ) -> list[Series]:
        if not self.answers:
            raise Unavailable("Prometheus is away.")
        return [one for one in self.known if one.metric in metrics and matchers == SHOP]


async def check(shop: Shop, site: Site = SITE) -> ServiceCheck:
    return await check_service(shop, site, "shop", NOW)


async def test_a_well_service_has_answers_to_all_its_rules() -> None:
    answer = await check(Shop())

    assert answer == ServiceCheck(CheckState.GOOD, pytest.approx(10.0), "", 20.0, 2.0)


async def test_one_rule_that_holds_is_bad_and_says_how_much() -> None:
    answer = await check(Shop(errors=4.0))

    assert answer.state is CheckState.BAD
    assert answer.detail == "HighErrorRate: 0.4 > 0.05"


async def test_one_bad_group_is_enough() -> None:
    answer = await check(Shop(up=(1.0, 0.0)))

    assert answer.state is CheckState.BAD
    assert answer.detail == "TargetDown: 0 < 1 (instance=shop-2; 1 of 2)"


async def test_a_ratio_without_traffic_is_missing() -> None:
    answer = await check(Shop(requests=0.0))

    assert answer.state is CheckState.MISSING
    assert answer.detail == "HighErrorRate: no data in the last 20 s"
    assert answer.traffic == 0.0


async def test_an_instance_that_vanished_is_missing_not_well() -> None:
    answer = await check(Shop(up=(1.0,)))

    assert answer.state is CheckState.MISSING
    assert answer.detail == "TargetDown: no data from shop-2"


async def test_a_source_that_does_not_answer_is_missing() -> None:
    answer = await check(Shop(answers=False))

    assert answer.state is CheckState.MISSING
    assert "Prometheus is away." in answer.detail
    assert answer.traffic is None
    assert await usual_traffic(Shop(answers=False), SITE, "shop", NOW) is None


async def test_a_service_without_rules_is_missing() -> None:
    answer = await check(Shop(), replace(SITE, rules=()))

    assert answer.state is CheckState.MISSING
    assert answer.detail == "no rule watches shop"


async def test_usual_traffic_is_the_average_before_the_trouble() -> None:
    assert await usual_traffic(Shop(requests=7.0), SITE, "shop", NOW) == pytest.approx(7.0)
    assert await usual_traffic(Shop(), replace(SITE, services={}), "shop", NOW) is None
