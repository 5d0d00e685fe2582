"""The playbooks that come with Nightshift: each one can be carried out, is verified and undone, and says why."""

from pathlib import Path

import pytest
import yaml

from core.alert import AlertClass, classify
from core.diagnosis import Cause, Diagnosis
from core.playbook import ActionType, ParameterKind, Playbook
from core.playbook_form import read_playbook
from core.proposal import choose
from ingest.playbook_file import shipped_playbooks
from tools.act.hands import ACTUATORS

BOOKS = {body["id"]: read_playbook(body, 1) for body in shipped_playbooks()}
ACTING = {name: book for name, book in BOOKS.items() if book.acts}
SHOWN_CHARS_MAX = 130


def test_the_usual_failures_are_covered() -> None:
    assert len(BOOKS) >= 20
    assert {kind for book in BOOKS.values() for kind in book.classes} == set(AlertClass)
    assert {cause for book in BOOKS.values() for cause in book.causes} == set(Cause)


def test_each_is_a_file_of_its_own_name() -> None:
    folder = Path(__file__).parents[2] / "ingest" / "playbooks"
    assert sorted(path.stem for path in folder.iterdir()) == sorted(BOOKS)
    for path in folder.iterdir():
        assert yaml.safe_load(path.read_text("utf-8"))["id"] == path.stem


@pytest.mark.parametrize("book", ACTING.values(), ids=list(ACTING))
def test_what_acts_can_be_carried_out_verified_and_undone(book: Playbook) -> None:
    assert book.action in ACTUATORS, "one of our hands knows how"
    assert book.undo != Playbook("p", 1, "P", ActionType.HTTP).undo, "it says how it is undone, or why it cannot be"
    assert book.verify
    assert book.verify_within_s > 0
    assert book.watch_s >= 0
    assert book.cooldown_s > 0
    assert book.causes or book.alert_names != ("*",) or AlertClass.DISK in book.classes or book.tier == 4, (
        "nothing acts on just any trouble of a kind"
    )


@pytest.mark.parametrize("book", [b for b in BOOKS.values() if b.id != "ask-a-human"], ids=lambda book: book.id)
def test_each_asks_before_it_acts_and_advises(book: Playbook) -> None:
    assert book.diagnosis, "what to look at first"
    assert book.advice
    assert len(book.title) <= SHOWN_CHARS_MAX
    assert len(book.advice) <= SHOWN_CHARS_MAX


@pytest.mark.parametrize("book", ACTING.values(), ids=list(ACTING))
def test_no_parameter_comes_from_telemetry(book: Playbook) -> None:
    """The inventory fills it, or a person chooses within limits; and what loses something needs two of them."""
    for rule in book.parameters.values():
        assert rule.kind not in (ParameterKind.CHOICE,) or rule.choices
        assert rule.kind is not ParameterKind.INTEGER or rule.minimum < rule.maximum
    if any(word in book.title.lower() for word in ("delete", "release the lock")):
        assert book.destructive


@pytest.mark.parametrize(
    ("alert", "cause", "expected"),
    [
        ("HighErrorRate", Cause.BAD_RELEASE, {"rollback-bad-release", "rollback-workload"}),
        ("HighMemory", Cause.BAD_RELEASE, set()),
        ("PodCrashLooping", Cause.BAD_RELEASE, {"rollback-bad-release", "rollback-workload"}),
        ("InstanceDown", Cause.INSTANCE_DOWN, {"restart-instance", "restart-container", "restart-workload"}),
        ("HighErrorRate", Cause.DEPENDENCY_DOWN, {"restart-dependency"}),
        ("MemoryLeak", Cause.UNKNOWN, {"memory-leak-restart"}),
        ("ContainerOOMKilled", Cause.UNKNOWN, {"out-of-memory-raise-limit"}),
        ("QueueBacklog", Cause.UNKNOWN, {"queue-backlog-scale-out"}),
        ("WorkerHung", Cause.UNKNOWN, {"hung-worker-restart"}),
        ("DiskAlmostFull", Cause.UNKNOWN, {"clean-old-logs"}),
        ("TlsCertificateExpiring", Cause.UNKNOWN, {"certificate-ticket"}),
        ("DatabaseDown", Cause.UNKNOWN, set()),
        ("PostgresReplicaLag", Cause.UNKNOWN, set()),
        ("DnsResolutionFailing", Cause.UNKNOWN, set()),
        ("HighErrorRate", Cause.CHANGE, {"revert-setting", "feature-flag-off"}),
        ("PodNotReady", Cause.UNKNOWN, {"evict-stuck-pod"}),
        ("NodeNotReady", Cause.UNKNOWN, {"cordon-node"}),
        ("KubeHpaMaxedOut", Cause.UNKNOWN, set()),
        ("ApiRateLimitHit", Cause.UNKNOWN, {"throttle-callers"}),
        ("CronJobFailed", Cause.UNKNOWN, {"rerun-failed-job"}),
        ("StaleLockHeld", Cause.UNKNOWN, {"release-stale-lock"}),
        ("CacheHitRatioLow", Cause.UNKNOWN, {"warm-cache"}),
        ("ImagePullBackOff", Cause.UNKNOWN, {"image-pull-ticket"}),
        ("SomethingOdd", Cause.UNKNOWN, set()),
    ],
)
def test_who_speaks_up_for_which_trouble(alert: str, cause: Cause, expected: set[str]) -> None:
    kind = classify(alert)
    speaks = {n for n, b in ACTING.items() if b.fits(kind, alert) and (not b.causes or cause in b.causes)}
    assert speaks == expected
    diagnosis = Diagnosis(cause, "shop", "?", (), (), confirmed=True)
    chosen = choose(list(BOOKS.values()), {}, diagnosis, kind, alert).playbook
    assert chosen is not None, "at the very least a person is told"
    assert (chosen.id in expected) == bool(expected)


def test_nothing_that_acts_is_for_databases_or_names() -> None:
    for book in ACTING.values():
        assert not {AlertClass.DATABASE, AlertClass.DNS} & book.classes, book.id
