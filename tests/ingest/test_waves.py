"""A group of deliveries becomes few waves, and no copy is lost on the way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.alert import Alert, AlertStatus, Severity
from ingest.folding import Outcome
from ingest.heard import hear
from ingest.waves import Word, waves

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRE = Alert("test", "a", {"alertname": "CartDown"}, AlertStatus.FIRING, NOON)
OVER = replace(FIRE, status=AlertStatus.RESOLVED, ends_at=NOON + timedelta(minutes=1))


def split_up(*said: tuple[int, Alert]) -> list[list[Word]]:
    return waves((number, hear(alert)) for number, alert in said)


def test_a_thousand_copies_are_one_word_of_one_wave() -> None:
    [[word]] = split_up(*[(n % 3, replace(FIRE, starts_at=NOON + timedelta(seconds=n))) for n in range(1000)])
    assert [sender for sender, _ in word.copies] == [n % 3 for n in range(1000)]


def test_what_came_in_between_keeps_copies_apart() -> None:
    split = split_up((0, FIRE), (0, OVER), (1, OVER), (1, FIRE))
    assert [[(word.alert.status, [n for n, _ in word.copies]) for word in wave] for wave in split] == [
        [(AlertStatus.FIRING, [0])],
        [(AlertStatus.RESOLVED, [0, 1])],
        [(AlertStatus.FIRING, [1])],
    ]


def test_each_identity_has_its_own_order() -> None:
    other = replace(FIRE, identity="b")
    split = split_up((0, FIRE), (0, OVER), (0, other))
    assert [[word.alert for word in wave] for wave in split] == [[FIRE, other], [OVER]]


def test_of_many_versions_the_last_counts_and_every_severity_was_heard() -> None:
    versions = [replace(FIRE, labels={**FIRE.labels, "severity": word}) for word in ("info", "critical", "warning")]
    [[word]] = split_up(*[(n, versions[n % 3]) for n in range(999)])
    assert word.alert == versions[998 % 3]
    assert word.content == hear(word.alert).content
    assert word.severities == {Severity.INFO, Severity.CRITICAL, Severity.WARNING}
    assert [*Outcome("new").of_copies(word)] == [(0, "new"), *((n, "changed") for n in range(1, 999))]


def test_the_latest_end_of_the_copies_counts() -> None:
    later = replace(OVER, ends_at=NOON + timedelta(minutes=5))
    assert [word.alert.ends_at for [word] in split_up((0, later), (0, OVER))] == [later.ends_at]
