"""A diagnosis by rules: the order of the rules, and no say for outsiders."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.diagnosis import CHANGE_LOOKBACK, CHANGE_SLACK, Cause, Diagnosis, conclude
from core.evidence import Evidence, EvidenceKind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KIND = EvidenceKind


def ago(minutes: float) -> datetime:
    return NOON - timedelta(minutes=minutes)


RELEASE = Evidence("e1", KIND.CHANGE, "v42 was rolled out", "deployer", "cart", ago(3))
FLAG = Evidence("e2", KIND.CHANGE, "flag fast_path went on", "flags", "cart", ago(2))
TARGET = Evidence("e3", KIND.TARGET_DOWN, "cart:9100 does not answer", "collector", "cart", ago(1))
DEPENDENCY = Evidence("e4", KIND.DEPENDENCY_DOWN, "orders does not answer", "collector", "orders", ago(4))
SHIFT = Evidence("e5", KIND.METRIC_SHIFT, "errors rose to 20 %", "metrics", "cart", ago(1), strength=8)
LOG = Evidence("e6", KIND.LOG_TEMPLATE, "refused <NUM> is new", "logs", "cart", ago(1), strength=2)
PAST = Evidence("e7", KIND.PAST_INCIDENT, "a rollback helped", "memory", "cart")
ANY_EVIDENCE = st.builds(
    Evidence,
    id=st.just("e"),
    kind=st.sampled_from(KIND),
    statement=st.sampled_from(["ran away", "is gone"]),
    source=st.sampled_from(["deployer", "flags", "logs"]),
    service=st.sampled_from(["cart", "orders"]),
    at=st.none() | st.integers(-60, 60).map(ago),
    strength=st.floats(0, 10),
)


def concluded(*evidence: Evidence) -> Diagnosis:
    return conclude("cart", NOON, evidence)


def test_the_dependency_that_is_down_beats_a_recent_release() -> None:
    diagnosis = concluded(RELEASE, TARGET, SHIFT, DEPENDENCY)
    assert (diagnosis.cause, diagnosis.service) == (Cause.DEPENDENCY_DOWN, "orders")
    assert diagnosis.summary == "cart needs orders, and orders does not answer."


def test_the_rules_speak_in_their_order() -> None:
    everything = [DEPENDENCY, TARGET, RELEASE]
    causes = [concluded(*everything[n:]).cause for n in range(4)]
    assert causes == [Cause.DEPENDENCY_DOWN, Cause.INSTANCE_DOWN, Cause.BAD_RELEASE, Cause.UNKNOWN]


def test_the_dependency_that_went_down_first_is_to_blame() -> None:
    later = replace(DEPENDENCY, service="billing", at=ago(1))
    undated = replace(DEPENDENCY, service="auth", at=None)
    assert concluded(later, DEPENDENCY, undated).service == "orders"
    assert concluded(replace(later, at=None), undated).service == "auth", "a tie goes by name"


def test_a_target_of_another_service_is_not_ours() -> None:
    assert concluded(replace(TARGET, service="shop")).cause is Cause.UNKNOWN
    assert concluded(TARGET).summary == "Cart:9100 does not answer."


def test_the_last_change_is_blamed_and_a_release_is_told_from_other_changes() -> None:
    assert concluded(RELEASE, FLAG).cause is Cause.CHANGE
    blamed = concluded(replace(FLAG, at=ago(5)), RELEASE)
    assert blamed.cause is Cause.BAD_RELEASE
    assert blamed.summary == "cart broke right after a change: v42 was rolled out."


@pytest.mark.parametrize(
    ("at", "blamed"),
    [
        (NOON - CHANGE_LOOKBACK, True),
        (NOON - CHANGE_LOOKBACK - timedelta(seconds=1), False),
        (NOON + CHANGE_SLACK, True),
        (NOON + CHANGE_SLACK + timedelta(seconds=1), False),
        (None, False),
    ],
)
def test_only_a_change_shortly_before_the_trouble_is_blamed(at: datetime | None, blamed: bool) -> None:
    assert (concluded(replace(RELEASE, at=at)).cause is Cause.BAD_RELEASE) == blamed


def test_a_change_of_another_service_is_not_blamed() -> None:
    assert concluded(replace(RELEASE, service="orders")).cause is Cause.UNKNOWN


def test_one_kind_of_signal_is_a_suspicion_and_a_second_confirms_it() -> None:
    assert not concluded(RELEASE).confirmed
    assert not concluded(RELEASE, FLAG).confirmed
    assert not concluded(RELEASE, PAST).confirmed, "history is no signal of today"
    assert concluded(RELEASE, SHIFT).confirmed
    assert not concluded(SHIFT, LOG).confirmed, "an unknown cause is never confirmed"


@given(st.lists(ANY_EVIDENCE, max_size=6), st.lists(ANY_EVIDENCE, max_size=4), st.randoms(use_true_random=False))
def test_outsider_evidence_never_decides(ours: list[Evidence], theirs: list[Evidence], chance: object) -> None:
    """It is shown, but cause, blame, words, certainty and unknowns are the same without it."""
    outsiders = [replace(e, outsider=True) for e in theirs]
    mixed = [*outsiders, *ours]
    with_them, without = concluded(*mixed), concluded(*ours)
    assert replace(with_them, evidence=()) == replace(without, evidence=())
    assert with_them.evidence == tuple(mixed)


@given(st.lists(ANY_EVIDENCE, max_size=6))
def test_what_is_not_known_is_always_said(evidence: list[Evidence]) -> None:
    diagnosis = concluded(*evidence)
    kinds = {e.kind for e in evidence}
    assert ("No metric was seen leaving its own past." in diagnosis.unknowns) == (KIND.METRIC_SHIFT not in kinds)
    assert ("No new kind of log line was seen." in diagnosis.unknowns) == (KIND.LOG_TEMPLATE not in kinds)
    assert ("The cause." in diagnosis.unknowns) == (diagnosis.cause is Cause.UNKNOWN)
    proven = not any("not proven" in text for text in diagnosis.unknowns)
    assert proven == (diagnosis.cause is not Cause.BAD_RELEASE)


def test_without_evidence_the_cause_is_unknown() -> None:
    diagnosis = concluded()
    assert (diagnosis.cause, diagnosis.service, diagnosis.confirmed) == (Cause.UNKNOWN, "cart", False)
    assert diagnosis.summary == "No rule explains the trouble of cart."


def test_evidence_of_one_kind_is_cited_strongest_first() -> None:
    stronger = replace(SHIFT, id="e9", strength=20)
    assert concluded(SHIFT, LOG, stronger).cited(KIND.METRIC_SHIFT) == [stronger, SHIFT]


def test_a_change_of_one_service_and_a_shift_of_another_confirm_nothing() -> None:
    elsewhere = replace(SHIFT, service="orders")
    assert not concluded(RELEASE, elsewhere).confirmed
    assert not concluded(RELEASE, replace(TARGET, service="shop")).confirmed
    assert concluded(DEPENDENCY, SHIFT).confirmed, "the symptom of the service in trouble counts"
    assert concluded(DEPENDENCY, elsewhere).confirmed, "and what the blamed one shows itself"
    assert not concluded(DEPENDENCY, RELEASE).confirmed, "a change of cart says nothing about orders"
