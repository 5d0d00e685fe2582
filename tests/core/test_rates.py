"""Track records: honest counts, and an interval that says how sure they make us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.beta import Beta
from core.rates import Outcome, TrackRecord, n_of_n, track_record

ROUNDING = 1e-9
RECORDS = st.integers(1, 100_000).flatmap(
    lambda tried: st.integers(0, tried).map(lambda helped: TrackRecord(helped, tried))
)


def width(record: TrackRecord) -> float:
    low, high = record.interval
    return high - low


@given(RECORDS)
def test_the_wilson_interval_contains_the_raw_rate(record: TrackRecord) -> None:
    low, high = record.interval
    assert record.rate is not None
    assert low - ROUNDING <= record.rate <= high + ROUNDING


@given(RECORDS)
def test_every_stated_rate_is_between_zero_and_one(record: TrackRecord) -> None:
    low, high = record.interval
    assert 0.0 <= low < high <= 1.0
    assert 0.0 <= record.cautious < record.expected < 1.0


@given(RECORDS, st.integers(2, 50))
def test_the_wilson_interval_narrows_with_n(record: TrackRecord, times: int) -> None:
    assert width(TrackRecord(record.helped * times, record.tried * times)) < width(record)


@given(RECORDS)
def test_one_more_success_never_lowers_the_cautious_rate(record: TrackRecord) -> None:
    assert TrackRecord(record.helped + 1, record.tried + 1).cautious >= record.cautious - ROUNDING
    assert TrackRecord(record.helped, record.tried + 1).cautious <= record.cautious + ROUNDING


def test_the_wilson_interval_of_one_of_one() -> None:
    assert TrackRecord(1, 1).interval == pytest.approx((0.207, 1.0), abs=5e-4)


@given(st.lists(st.sampled_from(Outcome)))
def test_a_track_record_counts_every_outcome_once(outcomes: list[Outcome]) -> None:
    record = track_record(iter(outcomes))
    assert record.helped == outcomes.count(Outcome.STABLE)
    failures = outcomes.count(Outcome.INEFFECTIVE) + outcomes.count(Outcome.REGRESSED)
    assert record.tried == record.helped + failures
    assert record.tried + record.apart == len(outcomes)


def test_what_teaches_nothing_is_counted_apart() -> None:
    silent = [Outcome.FAILED, Outcome.RECOVERED_ALONE, Outcome.UNKNOWN, Outcome.INCONCLUSIVE]
    assert track_record(silent) == TrackRecord(0, 0, apart=4)


def test_the_words_never_hold_a_bare_percentage() -> None:
    assert n_of_n(7, 8) == TrackRecord(7, 8).words() == "7 of 8 (53-98 %)"
    assert TrackRecord(0, 0, apart=3).words() == "never tried here"
    assert TrackRecord().interval == (0.0, 1.0)
    assert TrackRecord().rate is None


def test_the_words_say_what_was_seen_on_this_very_service() -> None:
    assert TrackRecord(7, 8, on_service=(7, 8)).words() == "7 of 8 (53-98 %) on this service"
    assert TrackRecord(7, 8, on_service=(3, 3)).words() == "7 of 8 (53-98 %), 3 of 3 (44-100 %) on this service"
    assert TrackRecord(7, 8, on_service=(0, 0)).words() == "7 of 8 (53-98 %) on other services"
    assert TrackRecord(on_service=(0, 0)).words() == "never tried here"


def test_what_does_not_belong_to_the_rate_is_told_apart() -> None:
    record = TrackRecord(7, 8, 2, returned=3, by_hand=4, similar=(1, 2), elsewhere=(5, 9))
    assert record.notes() == (
        "the trouble was back within 24 h after 3 of 7",
        "people did it by hand: 4",
        "in similar incidents: 1 of 2 (9-91 %)",
        "in other trouble: 5 of 9 (27-81 %)",
        "teach nothing (no effect, unknown, recovered alone): 2",
    )
    assert TrackRecord(7, 8).notes() == ()


def test_a_belief_speaks_louder_than_the_bare_counts() -> None:
    bare, doubted = TrackRecord(7, 8), TrackRecord(7, 8, belief=Beta(2, 6))
    assert bare.expected == pytest.approx(0.8)
    assert doubted.expected == 0.25
    assert doubted.cautious < bare.cautious
    assert doubted.words() == bare.words()


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (TrackRecord(), False),
        (TrackRecord(apart=3, by_hand=2), False),
        (TrackRecord(0, 1), True),
        (TrackRecord(similar=(0, 1)), True),
        (TrackRecord(elsewhere=(0, 1)), True),
    ],
)
def test_a_record_is_known_by_outcomes_only(record: TrackRecord, known: bool) -> None:
    assert record.is_known is known
