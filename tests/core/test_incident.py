"""Alerts fold into incidents: a small reference model, and the laws of arrival order."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alert import AlertClass, Severity
from core.incident import (
    LATE_WINDOW,
    Episode,
    FoldReason,
    Priority,
    fold_reason,
    priority,
    signature,
    signature_class,
    title,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HA_WINDOW_S = 120


@dataclass(frozen=True)
class Arrival:
    """One alert as it comes in, in seconds after noon."""

    who: str
    firing: bool
    starts: int
    arrives: int
    content: str = "same"
    ends: int | None = None


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def fold(last: Episode | None, a: Arrival) -> tuple[Episode | None, FoldReason]:
    """What the store does with the answer of `fold_reason`."""
    ends_at = None if a.ends is None else at(a.ends)
    reason = fold_reason(
        last, firing=a.firing, starts_at=at(a.starts), content=a.content, now=at(a.arrives), ends_at=ends_at
    )
    match reason:
        case FoldReason.NEW_EPISODE:
            return Episode(True, a.content, at(a.starts)), reason
        case FoldReason.CHANGED if last:
            return replace(last, content_hash=a.content), reason
        case FoldReason.RESOLVED if last:
            return replace(last, open=False, ended_at=at(a.arrives)), reason
    return last, reason


class ReferenceModel:
    """The design in a few words: the open alerts by identity, and when each closed one ended."""

    def __init__(self) -> None:
        self.open: dict[str, str] = {}
        self.ended: dict[str, int] = {}
        self.began: dict[str, int] = {}

    def take(self, a: Arrival) -> FoldReason:
        if not a.firing:
            if a.who not in self.open:
                return FoldReason.RESOLVED_UNKNOWN
            if a.ends is not None and a.ends < self.began[a.who] <= a.arrives:
                return FoldReason.STALE_RESOLVE
            del self.open[a.who]
            self.ended[a.who] = a.arrives
            return FoldReason.RESOLVED
        if a.who in self.open:
            known, self.open[a.who] = self.open[a.who], a.content
            return FoldReason.REPEAT if known == a.content else FoldReason.CHANGED
        ended = self.ended.get(a.who)
        if ended is not None and a.starts <= ended and a.arrives - ended <= HA_WINDOW_S:
            return FoldReason.LATE
        self.open[a.who], self.began[a.who] = a.content, a.starts
        return FoldReason.NEW_EPISODE


def opened(arrivals: list[Arrival]) -> set[str]:
    episodes: dict[str, Episode | None] = {}
    for arrival in arrivals:
        episodes[arrival.who], _ = fold(episodes.get(arrival.who), arrival)
    return {who for who, episode in episodes.items() if episode and episode.open}


@st.composite
def arrivals_in_time(draw: st.DrawFn) -> list[Arrival]:
    """Any mixture of fires, resolves and late fires; the clock only goes forward."""
    now, arrivals = 0, []
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.sampled_from([0, 1, 30, 119, 120, 121, 600]))
        delay = draw(st.sampled_from([0, 0, 1, 60, 120, 300]))
        who, content = draw(st.sampled_from("ab")), draw(st.sampled_from(["same", "worse"]))
        ends = draw(st.none() | st.just(now - delay))
        arrivals.append(Arrival(who, draw(st.booleans()), now - delay, now, content, ends))
    return arrivals


@given(arrivals_in_time())
def test_folding_equals_the_reference_model(arrivals: list[Arrival]) -> None:
    model, episodes = ReferenceModel(), dict[str, Episode | None]()
    for arrival in arrivals:
        episodes[arrival.who], reason = fold(episodes.get(arrival.who), arrival)
        assert reason is model.take(arrival)
        assert {who for who, e in episodes.items() if e and e.open} == set(model.open)


@given(arrivals_in_time(), st.randoms(use_true_random=False))
def test_folding_different_alerts_in_any_order_gives_the_same_open_set(arrivals: list[Arrival], chance: object) -> None:
    """Each identity keeps its own order; how they interleave never matters."""
    queues = {who: [a for a in arrivals if a.who == who] for who in "ab"}
    mixed: list[Arrival] = []
    while left := [who for who, queue in queues.items() if queue]:
        mixed.append(queues[chance.choice(left)].pop(0))  # type: ignore[attr-defined]
    assert opened(mixed) == opened(arrivals)


@given(
    copies=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["same", "worse"])), min_size=1, max_size=6),
    arrival_order=st.permutations(range(6)),
    resolve_place=st.integers(1, 6),
)
def test_folding_copies_around_a_resolve_in_any_order_leaves_it_closed(
    copies: list[tuple[int, str]], arrival_order: list[int], resolve_place: int
) -> None:
    """Replicas' copies that started before the resolve never reopen, whichever side of it they come in on."""
    order = [copies[n] for n in arrival_order if n < len(copies)]
    arrivals = [Arrival("a", True, starts, 60 + n, text) for n, (starts, text) in enumerate(order)]
    place = min(resolve_place, len(arrivals))
    arrivals.insert(place, Arrival("a", False, 0, 60 + place))
    assert opened(arrivals) == set()


@given(st.lists(st.integers(0, 500), min_size=1, max_size=5))
def test_folding_a_delivery_again_changes_nothing(delays: list[int]) -> None:
    fire = Arrival("a", True, 0, 0)
    episode, reason = fold(None, fire)
    assert reason is FoldReason.NEW_EPISODE
    for delay in delays:
        assert fold(episode, replace(fire, arrives=delay)) == (episode, FoldReason.REPEAT)


def test_a_late_copy_counts_as_late_for_two_minutes_and_then_reopens() -> None:
    closed = Episode(False, "same", at(0), ended_at=at(100))

    def copy(starts: int, arrives: int) -> FoldReason:
        return fold(closed, Arrival("a", True, starts, arrives))[1]

    assert timedelta(seconds=HA_WINDOW_S) == LATE_WINDOW
    assert copy(100, 100 + HA_WINDOW_S) is FoldReason.LATE
    assert copy(100, 101 + HA_WINDOW_S) is FoldReason.NEW_EPISODE
    assert copy(101, 102) is FoldReason.NEW_EPISODE, "it started after the resolve: a new fire"


def test_an_episode_closed_without_an_end_counts_from_its_start() -> None:
    closed = Episode(False, "same", at(0))
    assert fold(closed, Arrival("a", True, 0, 60))[1] is FoldReason.LATE
    assert fold(closed, Arrival("a", True, 1, 60))[1] is FoldReason.NEW_EPISODE


def test_a_resolve_of_what_nobody_knows_opens_and_closes_nothing() -> None:
    assert fold(None, Arrival("a", False, 0, 1)) == (None, FoldReason.RESOLVED_UNKNOWN)
    closed = Episode(False, "same", at(0), ended_at=at(10))
    assert fold(closed, Arrival("a", False, 0, 11)) == (closed, FoldReason.RESOLVED_UNKNOWN)


def test_a_delayed_resolve_of_an_older_episode_does_not_close_the_newer_one() -> None:
    newer = Episode(True, "same", at(100))
    stale = Arrival("a", False, 0, 130, ends=99)
    assert fold(newer, stale) == (newer, FoldReason.STALE_RESOLVE)
    assert fold(newer, replace(stale, ends=100))[1] is FoldReason.RESOLVED
    assert fold(newer, replace(stale, ends=None))[1] is FoldReason.RESOLVED, "who gives no end means now"


def test_a_start_in_the_future_never_keeps_an_alert_open() -> None:
    from_a_wrong_clock = Episode(True, "same", at(3600))
    assert fold(from_a_wrong_clock, Arrival("a", False, 3600, 60, ends=60))[1] is FoldReason.RESOLVED


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ([Severity.WARNING, Severity.CRITICAL, Severity.INFO], Priority.P1),
        ([Severity.INFO, Severity.WARNING], Priority.P2),
        ([Severity.INFO], Priority.P3),
        ([], Priority.P3),
    ],
)
def test_the_worst_severity_decides_the_priority(severities: list[Severity], expected: Priority) -> None:
    assert priority(iter(severities)) is expected


ALERTS = st.lists(
    st.tuples(st.sampled_from(["HighErrorRate1", "HighErrorRate2", "CartDown"]), st.sampled_from(AlertClass)),
    max_size=8,
)


@given(ALERTS, st.randoms(use_true_random=False))
def test_a_signature_ignores_the_order_of_arrival(alerts: list[tuple[str, AlertClass]], chance: object) -> None:
    shuffled = alerts.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert signature(shuffled, "service") == signature(alerts, "service")


def test_a_signature_is_the_commonest_family_and_gives_its_class_back() -> None:
    errors = [("HighErrorRate1", AlertClass.ERRORS), ("HighErrorRate2", AlertClass.ERRORS)]
    text = signature([("CartDown", AlertClass.DOWN), *errors], "service")
    assert text == "v1|HighErrorRate|service|errors"
    assert signature_class(text) is AlertClass.ERRORS
    assert signature([], "queue") == "v1|unnamed|queue|other"


def test_a_title_names_the_commonest_and_counts_the_rest() -> None:
    assert title({"cart": 2, "shop": 1}, {"CartDown": 1}) == "CartDown on cart"
    assert title({"shop": 1, "cart": 1}, {"Slow": 1, "Errors": 3, "Down": 1}) == "Errors on cart (+2 more kinds)"


def test_a_title_of_nothing_is_still_a_title() -> None:
    assert title({}, {}) == "unnamed"
    assert title({"cart": 1}, {}) == "unnamed on cart"


def test_a_resolve_that_was_told_late_does_not_swallow_the_next_fire() -> None:
    """Senders batch: the alert ended at 10, fired again at 30, and both are heard of at 60."""
    closed = Episode(False, "same", at(0), ended_at=at(10), told_at=at(60))
    fired_again = fold_reason(closed, firing=True, starts_at=at(30), content="same", now=at(61))
    replica = fold_reason(closed, firing=True, starts_at=at(0), content="same", now=at(61))
    much_later = fold_reason(closed, firing=True, starts_at=at(0), content="same", now=at(60 + 121))
    assert [fired_again, replica, much_later] == [FoldReason.NEW_EPISODE, FoldReason.LATE, FoldReason.NEW_EPISODE]
