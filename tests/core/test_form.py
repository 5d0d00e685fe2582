"""Operator files become dataclasses; every fault is named at its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest

from core.errors import BadConfiguration
from core.form import read_form


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Wheel:
    spokes: int
    name: str = "wheel"


@dataclass(frozen=True)
class Cart:
    name: str
    weight: float = 1.0
    colour: Colour = Colour.RED
    sold: bool = False
    limit_s: float | None = None
    wheels: tuple[Wheel, ...] = ()
    tags: frozenset[str] = frozenset()
    spare: Mapping[str, Wheel] = field(default_factory=dict)


def test_a_whole_form_is_read() -> None:
    data = {
        "name": "blue one",
        "weight": 2,
        "colour": "blue",
        "sold": True,
        "limit_s": 5,
        "wheels": [{"spokes": 8}, {"spokes": 9, "name": 7}],
        "tags": ["a", "b", "a"],
        "spare": {1: {"spokes": 4}},
    }
    assert read_form(Cart, data, "cart") == Cart(
        "blue one",
        2.0,
        Colour.BLUE,
        True,
        5.0,
        (Wheel(8), Wheel(9, "7")),
        frozenset({"a", "b"}),
        {"1": Wheel(4)},
    )


def test_what_is_left_out_has_its_default() -> None:
    assert read_form(Cart, {"name": "x"}, "cart") == Cart("x")
    assert read_form(Cart, {"name": "x", "limit_s": None}, "cart").limit_s is None


def test_numbers_are_read_as_text_and_whole_numbers_as_fractions_but_never_the_other_way() -> None:
    read = read_form(Cart, {"name": 1.5, "weight": 3}, "cart")
    assert (read.name, read.weight, type(read.weight)) == ("1.5", 3.0, float)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ([], "cart: expected a mapping, got list"),
        ({}, "cart: 'name' is missing"),
        ({"name": "x", "color": "red"}, "cart: unknown key 'color'; known keys: name, weight, colour, sold, limit_s"),
        ({"name": "x", 3: "red"}, "cart: unknown key '3'"),
        ({"name": None}, "cart.name: expected str, got None"),
        ({"name": True}, "cart.name: expected str, got True"),
        ({"name": "x", "weight": "2"}, "cart.weight: expected float, got '2'"),
        ({"name": "x", "weight": True}, "cart.weight: expected float, got True"),
        ({"name": "x", "sold": 1}, "cart.sold: expected bool, got 1"),
        ({"name": "x", "limit_s": "soon"}, "cart.limit_s: expected float, got 'soon'"),
        ({"name": "x", "colour": "green"}, "cart.colour: 'green' is not one of: red, blue"),
        ({"name": "x", "tags": "red"}, "cart.tags: expected a list"),
        ({"name": "x", "spare": []}, "cart.spare: expected a mapping"),
        ({"name": "x", "wheels": [{"spokes": 8}, {}]}, "cart.wheels[1]: 'spokes' is missing"),
        ({"name": "x", "wheels": [{"spokes": 8.0}]}, "cart.wheels[0].spokes: expected int, got 8.0"),
        ({"name": "x", "wheels": [{"spokes": True}]}, "cart.wheels[0].spokes: expected int, got True"),
        ({"name": "x", "spare": {"a": 1}}, "cart.spare.a: expected a mapping, got int"),
    ],
)
def test_every_fault_is_named_at_its_place(data: Any, fault: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        read_form(Cart, data, "cart")
    assert raised.value.detail.startswith(fault)


@dataclass(frozen=True)
class Limits:
    wait_s: float = 1.0
    tries_max: int = 1
    approvers: int = 1
    offset: float = 0.0


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"wait_s": -0.5}, "limits.wait_s: -0.5 is less than 0"),
        ({"tries_max": -1}, "limits.tries_max: -1 is less than 0"),
        ({"approvers": -1}, "limits.approvers: -1 is less than 0"),
        ({"wait_s": float("nan")}, "limits.wait_s: expected a finite number"),
        ({"offset": float("-inf")}, "limits.offset: expected a finite number"),
        ({"offset": 10**400}, "limits.offset: expected a finite number"),
    ],
)
def test_durations_and_counts_are_not_negative_and_every_number_is_finite(data: Any, fault: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        read_form(Limits, data, "limits")
    assert raised.value.detail.startswith(fault)


def test_nothing_and_other_negative_numbers_are_fine() -> None:
    assert read_form(Limits, {"wait_s": 0, "tries_max": 0, "offset": -2}, "limits") == Limits(0.0, 0, 1, -2.0)
