"""An intent is bound by its hash: what a person approved is exactly what may run."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.intent import Intent

WORD = st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
VALUES = st.dictionaries(WORD, WORD | st.integers() | st.booleans(), max_size=3)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "action": WORD,
    "playbook_id": WORD,
    "playbook_version": st.integers(),
    "parameters": VALUES,
    "resource_id": WORD,
    "target_identity": WORD,
    "endpoint_id": WORD,
    "incident_id": WORD,
    "policy_version": st.integers(),
}
INTENTS = st.builds(Intent, **FIELDS, observed=VALUES)


def test_every_field_but_the_observed_is_bound() -> None:
    assert set(FIELDS) == {field.name for field in fields(Intent)} - {"observed"}


@pytest.mark.parametrize("name", FIELDS)
@given(intent=INTENTS, data=st.data())
def test_the_hash_changes_for_any_single_edited_field(name: str, intent: Intent, data: st.DataObject) -> None:
    before = getattr(intent, name)
    after = data.draw(FIELDS[name].filter(lambda value: value != before))
    assert replace(intent, **{name: after}).hash != intent.hash


@given(INTENTS, VALUES)
def test_the_hash_ignores_what_was_only_observed(intent: Intent, observed: dict[str, Any]) -> None:
    later = replace(intent, observed=observed)
    assert later.hash == intent.hash
    assert later == intent


@given(INTENTS)
def test_an_intent_read_back_from_its_row_is_the_same(intent: Intent) -> None:
    again = Intent.stored(intent.bound(), intent.observed)
    assert (again, again.hash, again.observed) == (intent, intent.hash, intent.observed)


def test_a_value_of_another_type_is_an_edit() -> None:
    intent = Intent("http", "throttle", 1, {"to": 1}, "service:-/cart", "", "e", "i", 1)
    assert replace(intent, parameters={"to": "1"}).hash != intent.hash
    assert replace(intent, parameters={"to": True}).hash != intent.hash
