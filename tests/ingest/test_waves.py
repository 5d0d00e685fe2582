"""A group of deliveries becomes few waves, and no copy is lost on the way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.alert import Alert, AlertStatus
from ingest.waves import waves

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRE = Alert("test", "a", {"alertname": "CartDown"}, AlertStatus.FIRING, NOON)
OVER = replace(FIRE, status=AlertStatus.RESOLVED, ends_at=NOON + timedelta(minutes=1))


def test_a_thousand_copies_are_one_word_of_one_wave() -> None:
    [[word]] = waves([(n % 3, replace(FIRE, starts_at=NOON + timedelta(seconds=n))) for n in range(1000)])
    assert len(word.senders) == 1000
    assert word.alert.starts_at == NOON + timedelta(seconds=999), "the latest start: it decides whether it opens"


def test_what_came_in_between_keeps_copies_apart() -> None:
    split = waves([(0, FIRE), (0, OVER), (1, OVER), (1, FIRE)])
    assert [[(word.alert.status, word.senders) for word in wave] for wave in split] == [
        [(AlertStatus.FIRING, [0])],
        [(AlertStatus.RESOLVED, [0, 1])],
        [(AlertStatus.FIRING, [1])],
    ]


def test_each_identity_has_its_own_order() -> None:
    other = replace(FIRE, identity="b")
    worse = replace(FIRE, annotations={"summary": "worse"})
    split = waves([(0, FIRE), (0, worse), (0, other)])
    assert [[word.alert for word in wave] for wave in split] == [[FIRE, other], [worse]]


def test_the_latest_end_of_the_copies_counts() -> None:
    later = replace(OVER, ends_at=NOON + timedelta(minutes=5))
    assert [word.alert.ends_at for [word] in waves([(0, later), (0, OVER)])] == [later.ends_at]
