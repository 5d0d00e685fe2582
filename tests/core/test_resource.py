"""Where an alert belongs, read from labels by the usual names in a fixed order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.resource import Place, place_of, service_resource


@pytest.mark.parametrize(
    ("labels", "resource"),
    [
        ("env=prod service=cart", "service:prod/cart"),
        ("service=cart", "service:-/cart"),
        ("env=prod service=cart instance=10.0.0.1:80", "instance:prod/cart/10.0.0.1:80"),
        ("cluster=eu namespace=shop deployment=cart pod=cart-1", "k8s:eu/shop/deployment/cart"),
        ("cluster=eu namespace=shop pod=cart-1", "k8s:eu/shop/pod/cart-1"),
        ("namespace=shop service=cart", "service:-/cart"),
        ("host=h3 container=worker service=cart", "docker:h3/worker"),
        ("container=worker service=cart", "service:-/cart"),
        ("host=h3", "host:h3"),
        ("instance=10.0.0.1:80", "host:10.0.0.1:80"),
        ("severity=critical", "-"),
        ("", "-"),
    ],
)
def test_the_resource_is_the_narrowest_thing_that_the_labels_name(labels: str, resource: str) -> None:
    assert place_of(dict(pair.split("=") for pair in labels.split())).resource_id == resource


def test_the_place_groups_by_environment_cluster_and_service() -> None:
    labels = {"stage": "prod", "region": "eu", "app": "cart", "job": "scraper", "service": ""}
    place = place_of(labels)
    assert place == Place("prod", "eu", "cart", "service:prod/cart")
    assert place.group_key == "prod/eu/cart"
    assert place_of({}).group_key == "-/-/-"


WORD = st.sampled_from(["prod", "cart"])


@given(st.dictionaries(st.sampled_from(["environment", "env", "service", "app", "job", "pod", "host"]), WORD))
def test_labels_in_any_order_name_one_place(labels: dict[str, str]) -> None:
    assert place_of(dict(reversed(labels.items()))) == place_of(labels)


def test_a_whole_service_has_the_resource_that_its_alert_has() -> None:
    assert service_resource("prod", "cart") == place_of({"env": "prod", "service": "cart"}).resource_id
