"""The JSON Schemas say what the forms take: one source, every key in words, and the files in docs are the same."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadConfiguration
from core.form_schema import fields_of
from core.playbook import Playbook
from core.playbook_form import read_playbook
from core.playbook_schema import WORDS as PLAYBOOK_WORDS
from core.playbook_schema import playbook_schema
from core.policy_form import read_policy
from core.policy_rules import Policy
from core.policy_schema import WORDS as POLICY_WORDS
from core.policy_schema import policy_schema
from ingest.playbook_file import shipped_playbooks
from tests.core.test_policy_form import BODY as POLICY

DOCS = Path(__file__).parents[2] / "docs"
PLAYBOOK: dict[str, Any] = {
    "id": "scale-out", "title": "One more", "action": "scale", "classes": ["backlog"], "tier": 2, "reversible": True,
    "parameters": {"replicas": {"kind": "integer", "minimum": 1, "maximum": 9, "step": 1}}, "undo": "one less",
    "diagnosis": [{"ask": "How long?", "metric": {"kind": "value", "metric": "depth", "matchers": {"a": "b"}}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "made", "command"),
    [("playbook", playbook_schema, "playbooks"), ("policy", policy_schema, "policy")],
)
def test_the_file_in_docs_is_the_schema(name: str, made: Callable[[], Any], command: str) -> None:
    written = json.loads((DOCS / f"{name}.schema.json").read_text("utf-8"))
    assert written == made(), f"write it anew: nightshift {command} schema > docs/{name}.schema.json"


def test_every_key_is_described() -> None:
    assert set(fields_of(Playbook)) - {"Playbook.version"} == set(PLAYBOOK_WORDS)
    assert set(fields_of(Policy)) == set(POLICY_WORDS)


def test_what_has_a_default_says_so() -> None:
    keys = policy_schema()["properties"]
    assert keys["actions_per_hour_max"]["default"] == 20
    assert keys["hands_off"]["default"] == ["database", "dns"]
    assert keys["breaker"]["default"] == {"failures_max": 3, "window_s": 3600.0}
    assert keys["service_actions_per_hour_max"]["type"] == ["integer", "null"]
    assert "*postgres*" in keys["protected"]["default"]
    assert playbook_schema()["properties"]["retries_max"]["default"] == 2


@pytest.mark.parametrize("body", shipped_playbooks(), ids=lambda body: body["id"])
def test_shipped_playbooks_are_valid(body: dict[str, Any]) -> None:
    assert faults(playbook_schema(), body) == []


def test_what_the_forms_take_is_valid() -> None:
    assert faults(policy_schema(), POLICY) == []
    assert faults(policy_schema(), {}) == []
    assert faults(policy_schema(), {**POLICY, "service_actions_per_hour_max": None}) == []
    assert faults(playbook_schema(), PLAYBOOK) == []


@pytest.mark.parametrize(
    "change",
    [
        {"id": "a b"}, {"id": None}, {"title": ""}, {"action": "reboot"}, {"classes": "down"}, {"classes": ["tired"]},
        {"tier": 5}, {"tier": "2"}, {"approvers": 0}, {"approvers": 11}, {"colour": "red"}, {"cooldown_s": -1},
        {"parameters": {"Replicas": {"kind": "service"}}}, {"parameters": {"replicas": {}}},
        {"parameters": {"replicas": {"kind": "shell"}}}, {"parameters": {"replicas": {"kind": "host", "x": 1}}},
        {"parameters": {"replicas": {"kind": "choice", "choices": ["a b"]}}}, {"reversible": "yes"},
        {"diagnosis": [{"ask": "?"}]}, {"diagnosis": [{"ask": "?", "log_words": "x", "changes_s": 9}]},
        {"diagnosis": [{"log_words": "x"}]}, {"diagnosis": [{"ask": "?", "metric": {"kind": "value"}}]},
    ],
)  # fmt: skip
def test_what_one_refuses_the_other_refuses_of_a_playbook(change: dict[str, Any]) -> None:
    body = {**PLAYBOOK, **change}
    with pytest.raises(BadConfiguration):
        read_playbook(body, 1)
    assert faults(playbook_schema(), body)


@pytest.mark.parametrize(
    "change",
    [
        {"protect": []}, {"protected": "*"}, {"protected": [1.5, None]}, {"freezes": [{"title": "x"}]},
        {"freezes": [{"id": "x", "at": "24:00"}]}, {"freezes": [{"id": "x", "tiers": [4]}]},
        {"freezes": [{"id": "x", "days": ["someday"]}]}, {"freezes": [{"id": "x", "first_day": "24.12."}]},
        {"approvals": [{"approvers": 0}]}, {"approvals": [{"role": "viewer"}]}, {"hopeless_below": 2},
        {"auto": {"stable_min": 0}}, {"auto": {"rate_min": -1}}, {"breaker": {"failures_max": -1}},
        {"actions_per_hour_max": "many"}, {"actions_per_hour_max": -1}, {"hands_off": ["weather"]},
    ],
)  # fmt: skip
def test_what_one_refuses_the_other_refuses_of_a_policy(change: dict[str, Any]) -> None:
    body = {**POLICY, **change}
    with pytest.raises(BadConfiguration):
        read_policy(body)
    assert faults(policy_schema(), body)


TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}
KNOWN = {
    "$schema", "title", "description", "default", "type", "enum", "pattern", "minLength", "minimum", "maximum",
    "items", "required", "properties", "additionalProperties", "propertyNames", "oneOf",
}  # fmt: skip


def faults(schema: Mapping[str, Any], value: Any, place: str = "") -> list[str]:
    """The part of JSON Schema 2020-12 that ours use, read from its specification."""
    assert set(schema) <= KNOWN, "a keyword that nobody checks says nothing"
    types = schema.get("type", list(TYPES))
    if not any(TYPES[name](value) for name in ([types] if isinstance(types, str) else types)):
        return [f"{place}: is no {types}"]
    said = [f"{place}: not in {schema['enum']}"] if "enum" in schema and value not in schema["enum"] else []
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            said.append(f"{place}: too short")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            said.append(f"{place}: is not like {schema['pattern']}")
    if TYPES["number"](value) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        said.append(f"{place}: out of range")
    if isinstance(value, list):
        said += [
            fault for n, item in enumerate(value) for fault in faults(schema.get("items", {}), item, f"{place}[{n}]")
        ]
    if isinstance(value, Mapping):
        said += [f"{place}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        rest = schema.get("additionalProperties", {})
        for name, item in value.items():
            said += faults(schema.get("propertyNames", {}), name, f"{place}.{name}")
            inner = schema.get("properties", {}).get(name, rest)
            said += [f"{place}: {name} is not known"] if inner is False else faults(inner, item, f"{place}.{name}")
    if "oneOf" in schema and sum(not faults(arm, value, place) for arm in schema["oneOf"]) != 1:
        said.append(f"{place}: not exactly one of {schema['oneOf']}")
    return said
