"""Every error says what to do, and whether trying again can help."""

import inspect

import pytest

from core import errors
from core.errors import BadConfiguration, BadInput, NightshiftError, NotFound, Refused, Unavailable

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("kind", EVERY)
def test_the_docstring_is_the_default_message(kind: type[NightshiftError]) -> None:
    assert str(kind()) == kind().detail == kind.__doc__
    assert str(kind("cart is not known")) == kind("cart is not known").detail == "cart is not known"


@pytest.mark.parametrize("kind", EVERY)
def test_only_what_is_unavailable_is_worth_another_try(kind: type[NightshiftError]) -> None:
    assert kind.retryable == issubclass(kind, Unavailable)


@pytest.mark.parametrize("kind", EVERY)
def test_the_tree_at_the_top_of_the_file_is_the_tree(kind: type[NightshiftError]) -> None:
    assert issubclass(kind, NightshiftError)
    assert f" {kind.__name__} " in f" {errors.__doc__} ".replace("\n", " ")


def test_a_wrong_setting_is_a_wrong_input_and_a_missing_thing_is_not() -> None:
    assert issubclass(BadConfiguration, BadInput)
    assert not issubclass(NotFound, BadInput)


def test_a_refusal_names_its_rule() -> None:
    assert Refused().reason == "refused"
    refusal = Refused("the kill switch is on", reason="kill_switch")
    assert (str(refusal), refusal.reason) == ("the kill switch is on", "kill_switch")
