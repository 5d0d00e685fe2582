"""Standing approvals: which playbooks are of the kind that may act unasked at all."""

from dataclasses import replace

import pytest

from core.playbook import ActionType, Playbook
from core.standing import never_auto

RESTART = Playbook("restart", 1, "Restart", ActionType.RESTART_INSTANCE, tier=1)


@pytest.mark.parametrize(
    ("book", "said"),
    [
        (RESTART, ""),
        (replace(RESTART, tier=3, reversible=True, undo="deploy it again"), ""),
        (replace(RESTART, tier=2, reversible=True, undo="scale back"), ""),
        (replace(RESTART, tier=2), "only what restarts something or can be undone may act unasked"),
        (replace(RESTART, destructive=True), "only what restarts something or can be undone may act unasked"),
        (replace(RESTART, approvers=2), "2 people must agree"),
        (replace(RESTART, dry_run=True), "it only says what it would do"),
        (replace(RESTART, action=ActionType.ALERT_ONLY), "it does nothing that has to be asked for"),
        (replace(RESTART, action=ActionType.WAIT_RETRY), "it does nothing that has to be asked for"),
    ],
)
def test_what_may_act_unasked(book: Playbook, said: str) -> None:
    assert never_auto(book) == said
