"""Track records: honest counts, and an interval that says how sure they make us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rates import Outcome, TrackRecord, track_record

ROUNDING = 1e-12
RECORDS = st.integers(1, 100_000).flatmap(
    lambda tried: st.integers(0, tried).map(lambda helped: TrackRecord(helped, tried))
)


def width(record: TrackRecord) -> float:
    low, high = record.interval
    return high - low


@given(RECORDS)
def test_the_wilson_interval_contains_the_raw_rate(record: TrackRecord) -> None:
    low, high = record.interval
    assert low - ROUNDING <= record.helped / record.tried <= high + ROUNDING


@given(RECORDS)
def test_the_wilson_interval_is_never_outside_zero_and_one(record: TrackRecord) -> None:
    low, high = record.interval
    assert 0.0 <= low < high <= 1.0
    assert record.cautious == low


@given(RECORDS, st.integers(2, 50))
def test_the_wilson_interval_narrows_with_n(record: TrackRecord, times: int) -> None:
    assert width(TrackRecord(record.helped * times, record.tried * times)) < width(record)


@given(RECORDS)
def test_one_more_success_never_lowers_the_cautious_rate(record: TrackRecord) -> None:
    assert TrackRecord(record.helped + 1, record.tried + 1).cautious >= record.cautious - ROUNDING


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
    assert TrackRecord(7, 8).words() == "7 of 8 (53-98 %)"
    assert TrackRecord(0, 0, apart=3).words() == "never tried here"
    assert TrackRecord().interval == (0.0, 1.0)
    assert TrackRecord().cautious == 0.0
