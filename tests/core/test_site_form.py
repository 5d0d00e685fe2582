"""A site file becomes a site whose every reference leads somewhere."""

from copy import deepcopy
from typing import Any

import pytest

from core.errors import BadConfiguration
from core.playbook import ActionType
from core.site import Channel, Service, Site
from core.site_form import read_site

QUERY = {"kind": "rate", "metric": "requests"}
ENDPOINT = {"id": "back", "action": "deploy_rollback", "service": "cart", "url": "http://deployer/back"}
BODY: dict[str, Any] = {
    "environment": "prod",
    "services": {"cart": {"depends_on": ["orders"], "signals": {"rate": QUERY}, "traffic": QUERY}, "orders": None},
    "targets": [{"service": "cart", "instance": "a", "url": "http://cart:9100/metrics"}],
    "logs": [{"service": "orders", "pattern": "*.log"}],
    "endpoints": [ENDPOINT],
    "channels": [{"id": "log"}, {"id": "hook", "kind": "webhook", "url": "http://hook"}],
}


def read(**change: Any) -> Site:
    return read_site(deepcopy({**BODY, **change}), 5)


def test_a_site_is_read_with_the_version_of_its_row() -> None:
    site = read()
    assert (site.version, site.environment) == (5, "prod")
    assert site.services["orders"] == Service("orders")
    assert site.topology.dependencies("cart") == ("orders",)
    assert site.endpoint(ActionType.DEPLOY_ROLLBACK, "cart") is site.endpoints[0]
    assert [channel.kind for channel in site.channels] == ["log", "webhook"]
    assert read(version=99).version == 5


def test_a_services_own_questions_are_about_that_service() -> None:
    cart = read().service("cart")
    assert cart.traffic is not None
    assert cart.traffic.matchers == cart.signals["rate"].matchers == {"service": "cart"}
    elsewhere = {**QUERY, "matchers": {"job": "gateway"}}
    asked = read(services={"cart": {"traffic": elsewhere}, "orders": None}).service("cart").traffic
    assert asked is not None
    assert asked.matchers == {"job": "gateway"}


def test_an_empty_site_is_a_site() -> None:
    assert read_site({}, 1) == Site(version=1)
    assert read_site({}, 1).channels == (Channel("log"),)


CHAT = {"id": "a", "kind": "slack", "chat": "C1", "token_env": "BOT"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"targets": [{"service": "x", "instance": "a", "url": "u"}]}, "targets name the service 'x'"),
        ({"logs": [{"service": "x", "pattern": "*"}]}, "logs name the service 'x'"),
        ({"endpoints": [{**ENDPOINT, "service": "x"}]}, "endpoints name the service 'x'"),
        ({"services": {"cart": {"depends_on": ["x"]}, "orders": None}}, "services name the service 'x'"),
        ({"endpoints": [ENDPOINT, ENDPOINT]}, "two endpoints have the same id"),
        ({"channels": [{"id": "a"}, {"id": "a"}]}, "two channels have the same id"),
        ({"channels": [{"id": "a", "kind": "slack"}]}, "channel a: slack needs chat, its id there, and token_env"),
        ({"channels": [{**CHAT, "mode": "polling"}]}, "channel a: the mode of slack is socket or http"),
        ({"channels": [CHAT, {**CHAT, "id": "b"}]}, "channel b is the same chat as a"),
        ({"channels": [{**CHAT, "mode": "http"}]}, "channel a: mode http needs secret_env"),
        ({"endpoints": [{**ENDPOINT, "method": "DELETE"}]}, "endpoint back: the method must be POST, PUT or PATCH"),
        ({"endpoints": [{**ENDPOINT, "method": "post"}]}, "endpoint back: the method must be"),
        ({"timings": {"lease_min": 1}}, "unknown key 'lease_min'"),
        ({"timings": {"scrape_s": -1}}, "site.timings.scrape_s: -1.0 is less than 0"),
        ({"limits": {"storm_incidents_max": -1}}, "site.limits.storm_incidents_max: -1 is less than 0"),
        ({"services": ["cart"]}, "site.services: expected a mapping of names to services, got list"),
        ({"services": {"cart": "hello"}}, "site.services.cart: expected a mapping, got str"),
        ({"services": {"cart": {"signals": [QUERY]}}}, "site.services.cart.signals: expected a mapping"),
        ({"services": {"cart": {"signals": {"rate": "up"}}}}, "site.services.cart.signals.rate: expected a mapping"),
        ({"services": {"cart": {"traffic": []}}}, "site.services.cart.traffic: expected a mapping"),
        ({"services": {"cart": {"name": "shop"}}}, "site.services.cart.name: 'shop' is not the name"),
    ],
)
def test_a_fault_is_named(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        read(**change)
    assert raised.value.detail.startswith("site")
    assert fault in raised.value.detail


def test_a_file_that_is_no_mapping_is_named_by_its_place() -> None:
    with pytest.raises(BadConfiguration, match=r"^site\.yaml: expected a mapping at the top$"):
        read_site(["cart"], 1, "site.yaml")  # type: ignore[arg-type]


def test_what_the_caller_gave_stays_as_it_was() -> None:
    body = deepcopy(BODY)
    read_site(body, 5)
    assert body == BODY


def test_services_may_be_left_empty_and_two_rules_may_have_one_name() -> None:
    rule = {"name": "Slow", "query": QUERY, "comparison": ">", "threshold": 1}
    assert len(read_site({"services": None, "rules": [rule, rule]}, 1).rules) == 2
