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
