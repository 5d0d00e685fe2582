"""Silences, maintenance windows, inhibition, and the page that they hold back, against small models."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from core.inhibition import Firing, Inhibition, inhibitors
from core.maintenance import PASSING, Repeat, Window, WindowReason, in_maintenance, open_until
from core.matcher import Matcher, Operator, all_match
from core.muting import MuteReason, Suppressions, mute_alert, mute_page
from core.silence import Silence, SilenceState, silenced
from tests.laws.size import LABELS, START, after, law

MATCHERS = st.lists(
    st.builds(Matcher, st.sampled_from("abc"), st.sampled_from(Operator), st.sampled_from(["", "x", "y", "x.*"])),
    max_size=2,
).map(tuple)
SECONDS = st.integers(0, 12)
SILENCES = st.lists(
    st.builds(
        lambda n, matchers, begin, length: Silence(str(n), matchers, after(begin), after(begin + length)),
        st.integers(0, 5), MATCHERS, SECONDS, st.integers(1, 6),
    ),
    max_size=4, unique_by=lambda silence: silence.id,
)  # fmt: skip
WINDOWS = st.builds(
    lambda begin, hours, repeat, zone, days, until: Window(
        "w", (), after(begin * 1800), hours * 1800, repeat, zone,
        tuple(days) if repeat is Repeat.WEEKLY else (), after(until * 1800) if until else None,
    ),
    st.integers(0, 300), st.integers(1, 48), st.sampled_from(Repeat),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.lists(st.integers(0, 6), max_size=3, unique=True), st.none() | st.integers(1, 3000),
)  # fmt: skip
ALERTS = st.lists(LABELS, max_size=4).map(lambda all_: [Firing(str(n), labels) for n, labels in enumerate(all_)])
RULES = st.lists(st.tuples(MATCHERS, MATCHERS, st.lists(st.sampled_from("abc"), max_size=2)), max_size=3).map(
    lambda rules: [Inhibition(str(n), source, target, tuple(equal)) for n, (source, target, equal) in enumerate(rules)]
)


@law
@given(LABELS, SILENCES, SECONDS)
def test_a_silence_holds_from_its_start_to_before_its_end(labels: dict[str, str], all_: list[Silence], t: int) -> None:
    now = after(t)
    model = [s for s in all_ if s.starts_at <= now < s.ends_at and all_match(s.matchers, labels)]
    found = silenced(labels, all_, now)
    assert (found is not None) is bool(model)
    if found:
        assert found in model
        assert found.ends_at == max(s.ends_at for s in model)
        assert found.state(now) is SilenceState.ACTIVE
    assert silenced(labels, all_[::-1], now) == found


@law
@given(WINDOWS, st.integers(-10, 20_000))
def test_a_window_is_open_when_the_calendar_says_so(window: Window, minutes: int) -> None:
    """The model walks through every day since the first start with a calendar in hand."""
    now, zone = START + timedelta(minutes=minutes * 10), ZoneInfo(window.zone)
    first, length, ends = window.starts_at.astimezone(zone), timedelta(seconds=window.duration_s), []
    for day in range(1 if window.repeat is Repeat.ONCE else (now - START).days + 3 if now > START else 1):
        date = first.date() + timedelta(days=day)
        begin = datetime(date.year, date.month, date.day, first.hour, first.minute, tzinfo=zone, fold=first.fold)
        if window.repeat is Repeat.WEEKLY and begin.weekday() not in (window.weekdays or (first.weekday(),)):
            continue
        if window.repeat is not Repeat.ONCE and window.until and begin.astimezone(UTC) >= window.until:
            continue
        if begin.astimezone(UTC) <= now < begin.astimezone(UTC) + length:
            ends.append(begin.astimezone(UTC) + length)
    assert open_until(window, now) == max(ends, default=None)


def test_a_daily_window_keeps_its_wall_clock_over_a_change_of_clocks() -> None:
    """In Berlin the clocks went forward on 29 March 2026: 23:00 there is 22:00 UTC before it and 21:00 after."""
    window = Window("w", (), datetime(2026, 3, 27, 22, tzinfo=UTC), 1800, Repeat.DAILY, "Europe/Berlin")
    assert open_until(window, datetime(2026, 3, 28, 22, 10, tzinfo=UTC))
    assert not open_until(window, datetime(2026, 3, 29, 22, 10, tzinfo=UTC))
    assert open_until(window, datetime(2026, 3, 29, 21, 10, tzinfo=UTC)) == datetime(2026, 3, 29, 21, 30, tzinfo=UTC)


def test_no_occurrence_begins_at_the_end_of_a_recurring_window() -> None:
    """The last one that began before it is held to its own end."""
    day = timedelta(days=1)
    window = Window("w", (), START, 3_600, Repeat.DAILY, until=START + day)
    assert open_until(window, START + timedelta(minutes=1)) == START + timedelta(hours=1)
    assert open_until(window, START + day) is None
    longer = Window("w", (), START, 3_600, Repeat.DAILY, until=START + day + timedelta.resolution)
    assert open_until(longer, START + day + timedelta(minutes=1)) == START + day + timedelta(hours=1)


def test_a_window_covers_only_its_part_of_a_service() -> None:
    part = (Matcher("service", Operator.EQUAL, "shop"), Matcher("route", Operator.EQUAL, "/pay"))
    window = Window("w", part, START, 60)
    found = in_maintenance({"service": "shop", "route": "/pay"}, [window], after(1))
    assert found is not None
    assert (found.until, found.reason) == (after(60), WindowReason.PLANNED)
    assert in_maintenance({"service": "shop", "route": "/cart"}, [window], after(1)) is None
    assert in_maintenance({"service": "shop", "route": "/pay"}, [window], after(60)) is None


@law
@given(RULES, ALERTS)
def test_inhibition_is_what_three_loops_say(rules: list[Inhibition], alerts: list[Firing]) -> None:
    known = inhibitors(rules, alerts)
    for target in alerts:
        model = [
            (rule.id, source.identity)
            for rule in rules
            for source in alerts
            if source.identity != target.identity
            and all_match(rule.source, source.labels)
            and all_match(rule.target, target.labels)
            and all(source.labels.get(name, "") == target.labels.get(name, "") for name in rule.equal)
            and not (all_match(rule.source, target.labels) and all_match(rule.target, source.labels))
        ]
        found = known.of(target)
        assert (found and (found.inhibition_id, found.source)) == min(model, default=None)


@law
@given(RULES, ALERTS)
def test_no_two_alerts_inhibit_each_other_by_one_rule(rules: list[Inhibition], alerts: list[Firing]) -> None:
    for rule in rules:
        pairs = {(a.identity, found.source) for a in alerts if (found := inhibitors([rule], alerts).of(a))}
        assert not {(b, a) for a, b in pairs} & pairs


@dataclass(frozen=True)
class World:
    """Everything at once."""

    alerts: list[Firing]
    known: Suppressions


WORLDS = st.builds(
    lambda alerts, silences, window, rules: World(
        alerts, Suppressions(tuple(silences), (window,) if window else (), inhibitors(rules, alerts))
    ),
    ALERTS, SILENCES, st.none() | st.builds(lambda m, b: Window("w", m, after(b), 30), MATCHERS, SECONDS), RULES,
)  # fmt: skip


@law
@given(WORLDS, SECONDS)
def test_a_page_is_held_back_only_if_every_alert_is(world: World, t: int) -> None:
    now, known = after(t), world.known
    held = [
        silenced(a.labels, known.silences, now) is not None
        or in_maintenance(a.labels, known.windows, now) is not None
        or known.inhibitors.of(a) is not None
        for a in world.alerts
    ]
    mute = mute_page("page", world.alerts, known, now)
    assert mute.is_muted is (bool(held) and all(held))
    assert (mute.reason is MuteReason.NOTHING_FIRES) is (not held)
    assert bool(mute.by) is mute.is_muted
    for kind in PASSING:
        assert not mute_page(kind, world.alerts, known, now).is_muted


@law
@given(WORLDS, SECONDS)
def test_nothing_is_heard_by_itself_before_the_moment_that_was_named(world: World, t: int) -> None:
    """Without news, a page that is held back stays so until `until`; silences that begin later only add to it."""
    mute = mute_page("page", world.alerts, world.known, after(t))
    ends = [
        longest.ends_at if (longest := silenced(alert.labels, world.known.silences, after(t))) else window.until
        for alert in world.alerts
        if silenced(alert.labels, world.known.silences, after(t))
        or (window := in_maintenance(alert.labels, world.known.windows, after(t)))
    ]
    if mute.is_muted:
        assert mute.until == min(ends, default=None)
    if mute.is_muted and mute.until:
        assert mute.until > after(t)
        just_before = mute.until - timedelta.resolution
        assert mute_page("page", world.alerts, world.known, just_before).is_muted


@law
@given(WORLDS, SECONDS)
def test_every_alert_is_held_back_for_the_first_reason_in_order(world: World, t: int) -> None:
    for alert in world.alerts:
        mute = mute_alert(alert, world.known, after(t))
        if silenced(alert.labels, world.known.silences, after(t)):
            assert mute.reason is MuteReason.SILENCED
        elif in_maintenance(alert.labels, world.known.windows, after(t)):
            assert mute.reason is MuteReason.MAINTENANCE
        else:
            assert mute.reason in (MuteReason.INHIBITED, MuteReason.AUDIBLE)
