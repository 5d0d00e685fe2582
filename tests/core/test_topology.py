"""Who depends on whom; circles are walked once."""

from hypothesis import given
from hypothesis import strategies as st

from core.topology import Topology

CHAIN = Topology({"shop": ("cart", "search"), "cart": ("orders", "cache"), "orders": ("db",)})
NAMES = "abcde"
ANY = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=5)).map(Topology)


def test_neighbours_are_callers_and_called() -> None:
    assert CHAIN.neighbours("cart") == {"shop", "orders", "cache"}
    assert CHAIN.neighbours("db") == {"orders"}
    assert CHAIN.neighbours("nobody") == Topology().neighbours("cart") == frozenset()


def test_dependencies_come_nearest_first() -> None:
    assert CHAIN.dependencies("shop") == ("cart", "search", "orders", "cache", "db")
    assert CHAIN.dependencies("db") == ()


def test_a_circle_is_walked_once() -> None:
    circle = Topology({"a": ("b",), "b": ("c",), "c": ("a", "b"), "d": ("d",)})
    assert circle.dependencies("a") == ("b", "c")
    assert circle.dependencies("d") == ()
    assert circle.neighbours("d") == frozenset()


@given(ANY, st.sampled_from(NAMES))
def test_dependencies_are_everything_that_is_reached_and_nothing_twice(topology: Topology, service: str) -> None:
    found = topology.dependencies(service)
    assert len(set(found)) == len(found)
    assert service not in found
    for name in (service, *found):
        assert set(topology.depends_on.get(name, ())) <= {service, *found}


@given(ANY, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_being_neighbours_is_mutual(topology: Topology, one: str, other: str) -> None:
    assert (one in topology.neighbours(other)) == (other in topology.neighbours(one))
