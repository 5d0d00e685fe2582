"""A playbook: what it fits, whether it acts, and which values its parameters may have."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alert import AlertClass
from core.playbook import ActionType, ParameterKind, ParameterRule, Playbook, parameter_fault

INVENTORY = {
    "previous_release": frozenset({"v41", "v40"}),
    "service": frozenset({"cart"}),
    "instance": frozenset({"10.0.0.1:8080"}),
}
FROM_INVENTORY = [ParameterKind.PREVIOUS_RELEASE, ParameterKind.SERVICE, ParameterKind.INSTANCE]
COUNT = ParameterRule(ParameterKind.INTEGER, minimum=1, maximum=5)
SPEED = ParameterRule(ParameterKind.CHOICE, choices=("slow", "fast"))


def fault(value: Any, rule: ParameterRule) -> str:
    return parameter_fault("p", value, rule, INVENTORY)


@pytest.mark.parametrize("kind", FROM_INVENTORY)
def test_a_value_of_the_inventory_is_allowed(kind: ParameterKind) -> None:
    for value in INVENTORY[kind]:
        assert fault(value, ParameterRule(kind)) == ""


@pytest.mark.parametrize("kind", FROM_INVENTORY)
@given(value=st.text())
def test_no_other_text_is_ever_allowed(kind: ParameterKind, value: str) -> None:
    assert (fault(value, ParameterRule(kind)) == "") == (value in INVENTORY[kind])


def test_what_the_inventory_does_not_know_is_not_allowed() -> None:
    rule = ParameterRule(ParameterKind.SERVICE)
    assert parameter_fault("to", "cart", rule, {}) == "to must be one of: nothing is known here"
    assert parameter_fault("to", "v39", ParameterRule(ParameterKind.PREVIOUS_RELEASE), INVENTORY) == (
        "to must be one of: v40, v41"
    )


def test_a_choice_is_one_of_its_own_words() -> None:
    assert fault("fast", SPEED) == ""
    assert fault("faster", SPEED) == "p must be one of: fast, slow"
    assert fault("cart", SPEED) != "", "the inventory has no say in a choice"


@given(st.integers(-100, 100))
def test_a_whole_number_stays_inside_its_limits(value: int) -> None:
    assert (fault(value, COUNT) == "") == (1 <= value <= 5)


def test_a_value_that_has_no_choice_is_known() -> None:
    assert ParameterRule(ParameterKind.CHOICE, choices=("off",)).only == "off"
    assert ParameterRule(ParameterKind.INTEGER, minimum=3, maximum=3).only == 3
    assert [rule.only for rule in (COUNT, SPEED, ParameterRule(ParameterKind.HOST))] == [None, None, None]


@pytest.mark.parametrize(
    ("step", "current", "after"),
    [(1, 3, 4), (2, 4, 5), (1, 5, None), (-1, 1, None), (-1, 9, 5), (0, 3, None), (1, None, None), (1, True, None)],
)
def test_a_step_goes_from_what_is_there_and_stays_inside(step: int, current: object, after: int | None) -> None:
    assert ParameterRule(ParameterKind.INTEGER, minimum=1, maximum=5, step=step).after(current) == after


@pytest.mark.parametrize("value", [True, 2.0, "2", None, [2]])
def test_what_only_looks_like_a_whole_number_is_none(value: Any) -> None:
    assert fault(value, COUNT) == "p must be a whole number from 1 to 5"


@pytest.mark.parametrize(
    "value", ["", " v41", "v41\n", "v41; reboot", "$(reboot)", "-rf", "../etc", "v41\u202e", "v" * 129, 41, None]
)
def test_a_value_is_a_short_plain_word_even_if_the_inventory_holds_it(value: Any) -> None:
    poisoned = {"previous_release": frozenset({value})}
    rule = ParameterRule(ParameterKind.PREVIOUS_RELEASE)
    assert parameter_fault("to", value, rule, poisoned) == "to must be a short plain word"


def test_telling_and_waiting_are_not_acting_and_a_ticket_touches_nothing() -> None:
    still = {action for action in ActionType if not Playbook("p", 1, "P", action).acts}
    assert still == {ActionType.ALERT_ONLY, ActionType.WAIT_RETRY}
    harmless = {action for action in ActionType if not Playbook("p", 1, "P", action).touches}
    assert harmless == {*still, ActionType.OPEN_TICKET}


def test_a_playbook_fits_by_class_and_by_name() -> None:
    anything = Playbook("p", 1, "P", ActionType.HTTP)
    assert anything.fits(AlertClass.OTHER, "Whatever")
    narrow = Playbook(
        "p", 1, "P", ActionType.HTTP, classes=frozenset({AlertClass.ERRORS}), alert_names=("High*", "Cart?")
    )
    assert narrow.fits(AlertClass.ERRORS, "HighErrorRate")
    assert narrow.fits(AlertClass.ERRORS, "Cart7")
    assert not narrow.fits(AlertClass.ERRORS, "highErrorRate"), "names are compared with their case"
    assert not narrow.fits(AlertClass.DISK, "HighErrorRate")
