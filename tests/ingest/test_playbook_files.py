"""Files of operators: a fault is told with file, line and what is allowed, and a bad file costs no other."""

from pathlib import Path

import pytest

from core.errors import BadConfiguration
from ingest.playbook_file import load_playbook_file, load_playbook_files
from ingest.policy_file import load_policy_file

GOOD = "id: {id}\ntitle: Restart it\naction: restart_instance\nclasses: [down]\ntier: 1\n"


def fault(folder: Path, text: str | bytes, *, policy: bool = False) -> str:
    path = folder / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadConfiguration) as raised:
        (load_policy_file if policy else load_playbook_file)(path)
    assert raised.value.detail.startswith(str(path))
    return raised.value.detail.removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id: a\ntitle: T\naction: reboot\n", ":3: action: 'reboot' is not one of: deploy_rollback, "),
        ("id: a\ntitle: T\n\n# a word\ncommand: rm\naction: http\n", ":5: unknown key 'command'; known keys: id, "),
        ("# first\ntitle: T\naction: http\n", ":2: 'id' is missing"),
        (
            "id: a\ntitle: T\naction: http\nparameters:\n  to: {kind: service}\n  force:\n    kind: shell\n",
            ":7: parameters.force.kind: 'shell' is not one of: ",
        ),
        ("id: a\ntitle: T\naction: http\ncooldown_s: -1\n", ":4: cooldown_s: -1.0 is less than 0"),
        ("id: a\ntitle: T\naction: http\nclasses:\n  - down\n  - tired\n", ":6: classes[1]: 'tired' is not one of: "),
        ("id: a\ntitle: T\naction: http\ntier: 1\ntier: 3\n", ":5: 'tier' is there twice: keep one of the two"),
        ("id: a\ntitle: [T\naction: http\n", ":3: not valid YAML: while parsing a flow sequence"),
        ("id: a\n\ttitle: T\n", ":2: not valid YAML: "),
        ("id: a\n---\nid: b\n", ":2: not valid YAML: expected a single document"),
        ("- id: a\n", ":1: expected a mapping at the top"),
        ("", ": the file is empty"),
        ("# nothing here\n", ": the file is empty"),
        ("id: &a x\ntitle: *a\naction: http\n", ": an anchor (&) is used again (*): write it out instead"),
        ("a: &a [*a]\n", ": an anchor (&) is used again (*)"),
        ("? [a, b]\n: 1\n", ":1: a key has to be a plain word"),
        ("id: !!python/object:os.system x\n", ":1: not valid YAML: could not determine a constructor"),
        ("a: " + "[" * 200 + "]" * 200, ":1: nested more than 50 levels deep"),
        ("a: " + "[" * 5000, ": nested more than 50 levels deep"),
        (b"id: \xff\n", ": is not UTF-8 (byte 4): save it as UTF-8"),
        (b"#" * 1024 * 1024 + b"##", ": larger than 1024 KiB"),
    ],
)
def test_a_bad_playbook_file(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert fault(tmp_path, text).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "protected: ['*-db']\nfreezes:\n  - id: night\n    at: 25:00\n",
            ":4: freezes[0].at: '25:00' is no time of day; write it like '18:00'",
        ),
        ("approvals:\n- tiers: [1]\n- tiers: [1]\n  approvers: 0\n", ":4: approvals[1].approvers: 0 is not from 1 to"),
        ("protect: []\n", ":1: unknown key 'protect'; known keys: protected, "),
        ("protected: ['*']\nprotected: []\n", ":2: 'protected' is there twice: keep one of the two"),
        ("auto:\n  allowed: yes\n", ":2: auto.allowed: expected bool, got 'yes'"),
    ],
)
def test_a_bad_policy_file(tmp_path: Path, text: str, said: str) -> None:
    assert fault(tmp_path, text, policy=True).startswith(said)


def test_words_are_words_as_people_mean_them(tmp_path: Path) -> None:
    """In the YAML of old, 18:00 is 1080, off is false and a day is an object."""
    path = tmp_path / "policy.yaml"
    path.write_text("freezes:\n- {id: off, at: 18:00, first_day: 2026-12-24, for_s: 3600, title: 007, zone: UTC}\n")
    assert load_policy_file(path) == {
        "freezes": [
            {"id": "off", "at": "18:00", "first_day": "2026-12-24", "for_s": 3600, "title": "007", "zone": "UTC"}
        ]
    }
    path.write_text("hopeless_below: 0.25\nbreaker: {window_s: 1e3}\nservice_actions_per_hour_max: null\n")
    body = load_policy_file(path)
    assert body == {"hopeless_below": 0.25, "breaker": {"window_s": 1000.0}, "service_actions_per_hour_max": None}


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"none\.yaml: cannot be read: No such file"):
        load_policy_file(tmp_path / "none.yaml")


def test_a_bad_file_in_a_folder_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.format(id="a"))
    (tmp_path / "b.yml").write_text("id: b\ntitle: [\n")
    (tmp_path / "c.yaml").write_text(GOOD.format(id="c") + "colour: red\n")
    (tmp_path / "d.yaml").write_text(GOOD.format(id="a"))
    (tmp_path / "e.yml").write_text(GOOD.format(id="e"))
    (tmp_path / "notes.txt").write_text("no playbook")
    found = load_playbook_files(tmp_path)
    assert [body["id"] for body in found.bodies] == ["a", "e"]
    bad_yaml, bad_key, taken = found.faults
    assert bad_yaml.startswith(f"{tmp_path}/b.yml:3: not valid YAML")
    assert bad_key.startswith(f"{tmp_path}/c.yaml:6: unknown key 'colour'; known keys: ")
    assert taken.startswith(f"{tmp_path}/d.yaml: the id 'a' is taken by another file")


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="no such folder of playbooks"):
        load_playbook_files(tmp_path / "none")
