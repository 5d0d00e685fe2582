"""A playbook file becomes a playbook, or a sentence that says what is wrong with it."""

from typing import Any

import pytest

from core.alert import AlertClass
from core.diagnosis import Cause
from core.errors import BadConfiguration
from core.playbook import ActionType, ParameterKind, ParameterRule, Playbook
from core.playbook_form import read_playbook

BODY: dict[str, Any] = {
    "id": "rollback",
    "title": "Go back",
    "action": "deploy_rollback",
    "causes": ["bad_release"],
    "parameters": {"to": {"kind": "previous_release"}},
    "cooldown_s": 60,
}


def test_a_playbook_is_read_with_the_version_of_its_row() -> None:
    expected = Playbook(
        "rollback",
        4,
        "Go back",
        ActionType.DEPLOY_ROLLBACK,
        causes=frozenset({Cause.BAD_RELEASE}),
        parameters={"to": ParameterRule(ParameterKind.PREVIOUS_RELEASE)},
        cooldown_s=60.0,
    )
    assert read_playbook(BODY, 4) == expected
    assert read_playbook({**BODY, "version": 99}, 4) == expected, "the row decides, not the file"


def test_a_body_that_was_never_json_is_read_too() -> None:
    body = {**BODY, "classes": frozenset({"errors"}), "alert_names": ("High*",)}
    book = read_playbook(body, 1)
    assert (book.classes, book.alert_names) == (frozenset({AlertClass.ERRORS}), ("High*",))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": "../rollback"}, "playbook.id: use letters, digits, dot, dash"),
        ({"tier": 4}, "playbook.tier: an action has tier 1 (restart), 2 (capacity) or 3 (change)"),
        ({"tier": 0}, "playbook.tier: "),
        ({"action": "shell"}, "playbook.action: 'shell' is not one of: "),
        ({"command": "reboot"}, "playbook: unknown key 'command'; "),
        ({"title": " "}, "playbook.title: say in a few words"),
        ({"approvers": 0}, "playbook.approvers: 0 is not from 1 to 10"),
        ({"approvers": 11}, "playbook.approvers: 11 is not from 1 to 10"),
        ({"reversible": True}, "playbook.undo: a playbook that is reversible says how"),
        ({"parameters": {"To": {"kind": "service"}}}, "playbook.parameters: 'To' is no name; use small letters"),
        ({"parameters": {"to": {"kind": "choice"}}}, "playbook.parameters.to.choices: the kind choice has some"),
        ({"parameters": {"to": {"kind": "host", "choices": ["a"]}}}, "playbook.parameters.to.choices: the kind choice"),
        (
            {"parameters": {"to": {"kind": "choice", "choices": ["a b"]}}},
            "playbook.parameters.to.choices: 'a b' is not",
        ),
        ({"parameters": {"to": {"kind": "host", "maximum": 1}}}, "playbook.parameters.to: only the kind integer has"),
        ({"parameters": {"to": {"kind": "host", "step": 1}}}, "playbook.parameters.to.step: only the kind integer has"),
        ({"parameters": {"to": {"kind": "integer"}}}, "playbook.parameters.to: the kind integer needs a maximum"),
        (
            {"parameters": {"to": {"kind": "integer", "minimum": 3, "maximum": 2}}},
            "playbook.parameters.to: the kind integer needs a maximum that is not below its minimum",
        ),
        ({"action": "scale"}, "playbook.parameters: scale needs replicas"),
        ({"action": "set_resources"}, "playbook.parameters: set_resources needs memory_mib or cpu_millis"),
        ({"action": "alert_only"}, "playbook.parameters: alert_only takes none; leave them out"),
        ({"diagnosis": [{"ask": " ", "log_words": "x"}]}, "playbook.diagnosis[0].ask: say what is asked"),
        ({"diagnosis": [{"ask": "Why?"}]}, "playbook.diagnosis[0]: ask exactly one of metric, log_words, changes_s"),
        (
            {"diagnosis": [{"ask": "Why?", "log_words": "x", "changes_s": 60}]},
            "playbook.diagnosis[0]: ask exactly one of",
        ),
        (
            {"diagnosis": [{"ask": "Why?", "metric": {"kind": "ratio", "metric": "errors_total"}}]},
            "playbook.diagnosis[0].metric.divide_by: a ratio divides by a metric",
        ),
    ],
)
def test_a_fault_is_named(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        read_playbook({**BODY, **change}, 1)
    assert raised.value.detail.startswith(fault)


def test_a_file_that_is_no_mapping_is_named_by_its_place() -> None:
    with pytest.raises(BadConfiguration, match=r"^rollback\.yaml: expected a mapping at the top$"):
        read_playbook([BODY], 1, "rollback.yaml")  # type: ignore[arg-type]


def test_what_only_tells_people_may_have_their_tier() -> None:
    assert read_playbook({"id": "tell", "title": "Tell", "action": "alert_only", "tier": 4}, 1).tier == 4


def test_only_people_have_the_fourth_tier_and_there_is_no_fifth() -> None:
    with pytest.raises(BadConfiguration, match=r"^playbook\.tier: 1 \(restart\), 2 \(capacity\), 3"):
        read_playbook({"id": "tell", "title": "Tell", "action": "alert_only", "tier": 5}, 1)


def test_questions_and_the_way_back_are_read() -> None:
    asked = {"ask": "How full?", "metric": {"kind": "value", "metric": "disk_used", "matchers": {"job": "{service}"}}}
    body = {**BODY, "reversible": True, "undo": "deploy it again", "diagnosis": [asked, {"ask": "?", "changes_s": 60}]}
    book = read_playbook(body, 1)
    assert (book.reversible, book.undo) == (True, "deploy it again")
    assert [(q.ask, q.changes_s) for q in book.diagnosis] == [("How full?", 0.0), ("?", 60.0)]
    assert book.diagnosis[0].metric is not None
    assert book.diagnosis[0].metric.matchers == {"job": "{service}"}
