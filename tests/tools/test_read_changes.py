"""Changes are told in one sentence each, and repairs are never taken for what broke."""

from datetime import UTC, datetime, timedelta

from core.evidence import Evidence, EvidenceKind
from tools.read.changes import may_have_broken, relative_to

FIRST = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def change(kind: str, second: float, service: str = "shop") -> Evidence:
    at = FIRST + timedelta(seconds=second)
    return Evidence(f"{kind}{second}", EvidenceKind.CHANGE, "", f"{kind}:deployer", service, at)


def kept(*evidence: Evidence) -> list[str]:
    return [one.id for one in may_have_broken(evidence, FIRST)]


def test_a_deploy_or_a_setting_may_have_broken_something_a_repair_may_not() -> None:
    assert kept(change("deploy", -10), change("config", -5), change("rollback", 10), change("restart", -1)) == [
        "deploy-10",
        "config-5",
    ]


def test_what_was_rolled_back_before_the_trouble_is_out_but_a_later_rollback_excuses_nothing() -> None:
    assert kept(change("deploy", -60), change("rollback", -30), change("deploy", -10)) == ["deploy-10"]
    assert kept(change("deploy", -60), change("rollback", 30)) == ["deploy-60"]
    assert kept(change("deploy", -60), change("rollback", -30, "pricing")) == ["deploy-60"]


def test_times_are_told_relative_to_the_first_alert() -> None:
    assert relative_to(FIRST - timedelta(seconds=12), FIRST) == "12 s before the first alert"
    assert relative_to(FIRST + timedelta(minutes=4), FIRST) == "4 min after the first alert"
    assert relative_to(FIRST, FIRST) == "at the same time as the first alert"
