"""The rota: at every moment exactly one person, overrides win, and a change of clocks changes hands once."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.rota import WEEK_MIN, OnCall, Override, Rota, RotaReason, Shift, check, first_moment, on_call
from core.rota_form import read_rota
from tests.laws.size import law

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana")
MONDAY = date(2026, 1, 5)
PEOPLE = ("first", "second", "third", "fourth")
MOMENTS = st.integers(0, 65_000_000).map(lambda s: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(seconds=s))
# 2026: 29 March and 25 October in Berlin, 8 March and 1 November in New York and Havana, 5 April and 4 October on
# Lord Howe Island (half an hour).
CHANGES = (
    date(2026, 3, 29),
    date(2026, 10, 25),
    date(2026, 3, 8),
    date(2026, 11, 1),
    date(2026, 4, 5),
    date(2026, 10, 4),
)
WALLS = st.builds(
    lambda day, minute: datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute),
    st.sampled_from(CHANGES), st.integers(-60, 300),
)  # fmt: skip


@st.composite
def rotas(draw: st.DrawFn) -> Rota:
    """Shifts that do not overlap: the week is cut, and some of the pieces are given to people."""
    cuts = sorted(draw(st.sets(st.integers(0, WEEK_MIN - 1), min_size=1, max_size=6)))
    ends = [*cuts[1:], cuts[0] + WEEK_MIN]
    turns = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3).map(tuple)
    shifts = tuple(Shift(a, b, draw(turns)) for a, b in zip(cuts, ends, strict=True) if draw(st.booleans()))
    first = MONDAY + timedelta(days=draw(st.integers(0, 10)))
    overrides = draw(st.lists(st.tuples(st.sampled_from(PEOPLE), MOMENTS, st.integers(1, 90_000)), max_size=4))
    given_overrides = tuple(Override(who, at, at + timedelta(minutes=minutes)) for who, at, minutes in overrides)
    left = frozenset(draw(st.sets(st.sampled_from(PEOPLE), max_size=2)))
    return Rota(draw(st.sampled_from(ZONES)), first, shifts, "fallback", given_overrides, left)


@law
@given(rotas(), MOMENTS)
def test_there_is_always_one_answer_and_the_last_override_wins(rota: Rota, moment: datetime) -> None:
    check(rota)
    found = on_call(rota, moment)
    in_force = [o.person for o in rota.overrides if o.person not in rota.left and o.starts_at <= moment < o.ends_at]
    if in_force:
        assert (found.person, found.reason) == (in_force[-1], RotaReason.OVERRIDE)
    else:
        assert (found.person == "fallback") == (found.reason is not RotaReason.SHIFT)
    assert found.person not in rota.left
    assert found.until is None or found.until > moment


@law
@given(rotas(), MOMENTS)
def test_the_answer_is_sure_until_the_moment_that_it_names(rota: Rota, moment: datetime) -> None:
    found = on_call(rota, moment)
    until = found.until or moment + timedelta(days=40)
    for share in (0.0001, 0.3, 0.9, 0.9999):
        later = moment + (until - moment) * share
        assert (on_call(rota, later).person, on_call(rota, later).reason) == (found.person, found.reason)


@law
@given(st.sampled_from(ZONES), WALLS, WALLS)
def test_changes_of_hands_keep_their_order_through_a_change_of_clocks(name: str, one: datetime, two: datetime) -> None:
    zone = ZoneInfo(name)
    early, late = sorted((one, two))
    assert first_moment(early, zone) <= first_moment(late, zone)
    moment = first_moment(early, zone)
    assert moment.astimezone(zone).replace(tzinfo=None) >= early
    before = [moment - timedelta(minutes=minutes, seconds=1) for minutes in range(180)]
    assert all(at.astimezone(zone).replace(tzinfo=None) < early for at in before), "none earlier shows it"


@law
@given(rotas(), st.sampled_from(CHANGES))
def test_on_a_day_of_change_each_shift_is_held_in_one_piece(rota: Rota, day: date) -> None:
    """However the clocks jump: no shift of the day is interrupted by another one and then goes on."""
    plain = Rota(rota.zone, MONDAY - timedelta(weeks=4), rota.shifts, "fallback")
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=14)
    found = [on_call(plain, begin + timedelta(minutes=10 * step)) for step in range(6 * 52)]
    hands = [(one.person, one.reason, one.until) for one in found]
    changes = [two for one, two in pairwise(hands) if one != two]
    assert len(changes) == len(set(changes))
    untils = [one.until for one in found if one.until]
    assert untils == sorted(untils)


WEEK = {
    "zone": "Europe/Berlin", "first_day": "2026-03-02",
    "shifts": [{"from": "mon 09:00", "to": "mon 09:00", "people": ["first", "second", "third"]}],
}  # fmt: skip


def at(text: str, rota: Rota) -> OnCall:
    return on_call(rota, datetime.fromisoformat(text))


def test_people_take_turns_week_by_week_at_the_same_wall_clock() -> None:
    rota = read_rota(WEEK, fallback="lead")
    assert at("2026-03-02T08:59:59+01:00", rota) == OnCall(
        "lead", RotaReason.NOBODY_PLANNED, datetime(2026, 3, 2, 8, tzinfo=UTC)
    )
    for text, person in (
        ("2026-03-02T09:00:00+01:00", "first"),
        ("2026-03-09T09:00:00+01:00", "second"),
        ("2026-03-16T10:00:00+01:00", "third"),
        ("2026-03-23T09:00:00+01:00", "first"),
        ("2026-03-30T08:59:59+02:00", "first"),
        ("2026-03-30T09:00:00+02:00", "second"),
        ("2026-10-26T08:59:59+01:00", "first"),
        ("2026-10-26T09:00:00+01:00", "second"),
    ):
        assert at(text, rota).person == person, text
    assert at("2026-03-25T12:00:00+01:00", rota).until == datetime(2026, 3, 30, 7, tzinfo=UTC), "summer time came"


@pytest.mark.parametrize(
    ("hand", "day", "minutes"),
    [
        # 02:30 does not exist on 29 March: hands change when the clocks do, and the shift of 02:30 to 03:00 falls out.
        ("02:30", "2026-03-29", {0: "first", 59: "first", 60: "third", 90: "third"}),
        # 02:30 comes twice on 25 October: hands change at the first, and the shift lasts an hour and a half.
        ("02:30", "2026-10-25", {0: "first", 29: "first", 30: "second", 60: "second", 119: "second", 120: "third"}),
    ],
)
def test_nights_on_which_the_clocks_change(hand: str, day: str, minutes: dict[int, str]) -> None:
    shifts = [
        {"from": "sat 20:00", "to": f"sun {hand}", "people": ["first"]},
        {"from": f"sun {hand}", "to": "sun 03:00", "people": ["second"]},
        {"from": "sun 03:00", "to": "sun 20:00", "people": ["third"]},
    ]
    rota = read_rota({"zone": "Europe/Berlin", "first_day": "2026-01-01", "shifts": shifts}, fallback="lead")
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")  # 01:00 in March, 02:00 in October
    for minute, person in minutes.items():
        assert on_call(rota, start + timedelta(minutes=minute)).person == person, minute


def test_a_person_who_left_is_stood_in_for_by_the_fallback() -> None:
    override = {"person": "gone", "starts_at": "2026-03-10T00:00:00+01:00", "ends_at": "2026-03-11T00:00:00+01:00"}
    rota = read_rota(WEEK, fallback="lead", overrides=[override], left=frozenset({"second", "gone"}))
    assert at("2026-03-10T12:00:00+01:00", rota).reason is RotaReason.PERSON_LEFT
    assert at("2026-03-16T12:00:00+01:00", rota).person == "third", "turns stay as they were"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"zone": "Europe/Nowhere"}, "no time zone"),
        ({"zone": "../../etc/passwd"}, "no time zone"),
        ({"zone": "a\x00"}, "no time zone"),
        ({"first_day": "soon"}, "no first day"),
        ({"first_day": "0001-01-01"}, "no first day"),
        ({"shifts": [{"from": "monday", "to": "tue 09:00", "people": ["a"]}]}, "no time of the week"),
        ({"shifts": [{"from": "mon 24:00", "to": "tue 09:00", "people": ["a"]}]}, "no time of the week"),
        ({"shifts": [{"from": "mon 09:00", "to": "tue 09:00", "people": []}]}, "people in turns"),
        ({"shifts": WEEK["shifts"] * 2}, "runs into"),
        (
            {"shifts": [{"from": "sun 20:00", "to": "mon 09:00", "people": ["a"]},
                        {"from": "mon 08:00", "to": "mon 10:00", "people": ["b"]}]},
            "sun 20:00 runs into the one that begins mon 08:00",
        ),
    ],
)  # fmt: skip
def test_faulty_rotas_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_rota({**WEEK, **change}, fallback="lead")


def test_moments_out_of_the_calendar_are_refused() -> None:
    rota = read_rota(WEEK, fallback="lead")
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        with pytest.raises(BadInput, match="1990 to 2199"):
            on_call(rota, moment)
