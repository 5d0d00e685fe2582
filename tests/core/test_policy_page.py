"""The page on policy: its list of guardrails is the one that runs, and its examples are good files."""

import re
from pathlib import Path

from core.playbook_form import read_playbook
from core.policy import GUARDRAILS
from core.policy_form import read_policy
from ingest.plain_yaml import load_text
from ingest.playbook_file import shipped_playbooks

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")


def example(name: str) -> str:
    [found] = re.findall(rf"```yaml\n(# {name}\n.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_guardrails_are_those_that_run_in_their_order() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert listed == [guardrail.__name__.strip("_") for guardrail in GUARDRAILS]


def test_the_policy_is_a_good_file() -> None:
    _, policy = load_text(example("policy.yaml"), "policy.yaml", read_policy)
    assert [freeze.at for freeze in policy.freezes] == ["18:00", "00:00"]


def test_the_playbook_is_a_good_file() -> None:
    _, book = load_text(example("playbook.yaml"), "playbook.yaml", lambda body, place: read_playbook(body, 1, place))
    assert book.parameters["replicas"].step == 1


def test_the_number_of_shipped_playbooks_is_true() -> None:
    assert f"{len(shipped_playbooks())} come with Nightshift" in PAGE
