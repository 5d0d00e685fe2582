"""The site answers what the operator told it, and nothing more."""

from core.playbook import ActionType
from core.series import MetricQuery, QueryKind
from core.site import Channel, Endpoint, Policy, Service, Site, Timings

UP = MetricQuery(QueryKind.VALUE, "up")
CART = Service("cart", depends_on=("orders",), signals={"up": UP}, traffic=UP)
ROLLBACK = Endpoint("cart-rollback", ActionType.DEPLOY_ROLLBACK, "cart", "http://deployer/rollback")
SITE = Site(environment="prod", services={"cart": CART, "orders": Service("orders")}, endpoints=(ROLLBACK,))


def test_the_topology_is_what_the_services_say() -> None:
    assert SITE.topology.dependencies("cart") == ("orders",)
    assert SITE.topology.neighbours("orders") == {"cart"}


def test_a_service_that_nobody_described_has_no_signals() -> None:
    assert SITE.service("cart") is CART
    assert SITE.service("ghost") == Service("ghost", kind="service", depends_on=(), signals={}, traffic=None)


def test_an_endpoint_is_for_one_action_and_one_service() -> None:
    assert SITE.endpoint(ActionType.DEPLOY_ROLLBACK, "cart") is ROLLBACK
    assert SITE.endpoint(ActionType.DEPLOY_ROLLBACK, "orders") is None
    assert SITE.endpoint(ActionType.HTTP, "cart") is None
    assert SITE.endpoint_by_id("cart-rollback") is ROLLBACK
    assert SITE.endpoint_by_id("other") is None


def test_a_service_has_its_resource_here() -> None:
    assert SITE.resource("cart") == "service:prod/cart"
    assert Site().resource("cart") == "service:-/cart"


def test_an_empty_site_can_act_on_nothing_and_still_tells_somebody() -> None:
    empty = Site()
    assert empty.endpoints == ()
    assert empty.channels == (Channel("log", kind="log"),)
    assert "*postgres*" in empty.policy.protected
    assert not Endpoint("e", ActionType.HTTP, "cart", "http://x").allow_restart
    assert (empty.policy, empty.timings) == (Policy(), Timings())
