"""What history recommends, from enough outcomes on, and never against what was found today without saying so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.advice import advise
from core.diagnosis import Cause
from core.playbook import ActionType, Playbook
from core.proposal import Basis
from core.rates import TrackRecord
from core.recommendation import (
    ALTERNATIVES_MAX,
    Agreement,
    Status,
    agreement,
    best_of,
    deserves_playbook,
    is_worthy,
    recommend,
    status,
)

RESTART = Playbook("restart", 1, "Restart", ActionType.RESTART_INSTANCE, tier=1)
SCALE = Playbook("scale", 1, "Scale", ActionType.SCALE, tier=2)
CAUSES = frozenset({Cause.BAD_RELEASE})
ROLLBACK = Playbook("rollback", 1, "Roll back", ActionType.DEPLOY_ROLLBACK, causes=CAUSES, tier=3)
LIMIT = Playbook("limit", 1, "Limit", ActionType.THROTTLE, tier=2)
TELL = Playbook("tell", 1, "Tell", ActionType.ALERT_ONLY, tier=4)
BOOKS = [RESTART, SCALE, ROLLBACK, LIMIT, TELL]
RECORDS = st.integers(0, 30).flatmap(lambda n: st.integers(0, n).map(lambda helped: TrackRecord(helped, n)))
HISTORY = st.dictionaries(st.sampled_from([book.id for book in BOOKS]), RECORDS)
CAUSE = st.sampled_from(["", Cause.BAD_RELEASE.value, Cause.DEPENDENCY_DOWN.value])


def test_the_best_cautious_rate_is_recommended_with_two_others() -> None:
    records = {
        "restart": TrackRecord(9, 10, seconds=3.5),
        "scale": TrackRecord(5, 5),
        "rollback": TrackRecord(30, 40),
        "limit": TrackRecord(7, 10),
    }
    found = recommend(BOOKS, records)
    assert found is not None
    assert (found.playbook, found.based_on, found.record.seconds) == (RESTART, 10, 3.5)
    assert [book.id for book, _ in found.alternatives] == ["rollback", "scale"]
    assert found.confidence == records["restart"].cautious


@pytest.mark.parametrize(
    ("record", "worthy"),
    [
        (TrackRecord(4, 4), False),
        (TrackRecord(5, 5), True),
        (TrackRecord(3, 5), True),
        (TrackRecord(6, 10), True),
        (TrackRecord(5, 9), False),
        (TrackRecord(0, 9), False),
    ],
)
def test_five_outcomes_of_which_six_of_ten_helped_are_the_least(record: TrackRecord, worthy: bool) -> None:
    assert is_worthy(record) is worthy
    assert (recommend([RESTART], {"restart": record}) is not None) is worthy


def test_what_only_tells_a_human_is_no_recommendation() -> None:
    assert recommend([TELL], {"tell": TrackRecord(9, 9)}) is None
    assert recommend([RESTART], {}) is None


def test_equal_records_are_told_apart_by_how_little_they_do() -> None:
    same = TrackRecord(8, 10)
    found = recommend([ROLLBACK, SCALE, LIMIT], {"rollback": same, "scale": same, "limit": same})
    assert found is not None
    assert [found.playbook, *[book for book, _ in found.alternatives]] == [LIMIT, SCALE, ROLLBACK]


@given(HISTORY, CAUSE)
def test_advice_fits_the_finding_and_is_worth_its_basis(records: dict[str, TrackRecord], cause: str) -> None:
    advice = advise(BOOKS, records, cause)
    found = advice.recommendation
    assert found is not None
    assert found.playbook.acts
    assert not cause or not found.playbook.causes or cause in found.playbook.causes
    assert len(found.alternatives) <= ALTERNATIVES_MAX
    assert is_worthy(found.record) is (advice.basis is not Basis.DEFAULT)
    assert advice.basis is not Basis.LEARNED or (cause and found.confidence >= 0.6)
    assert advice.reasons


def test_history_decides_alone_where_it_is_sure_and_today_agrees() -> None:
    sure = {"rollback": TrackRecord(9, 10)}
    assert advise(BOOKS, sure, "bad_release").basis is Basis.LEARNED
    nothing_found = advise(BOOKS, sure, "")
    assert (nothing_found.basis, nothing_found.reasons[-1]) == (
        Basis.HYBRID, "nothing was found today yet: history does not decide alone",
    )  # fmt: skip
    unsure = advise(BOOKS, {"rollback": TrackRecord(6, 9)}, "bad_release")
    assert unsure.basis is Basis.HYBRID
    assert unsure.reasons == (
        "helped 6 of 9 (35-88 %)",
        "the cautious rate is below 0.6: history does not decide alone",
    )


def test_history_that_today_contradicts_is_told_and_not_followed() -> None:
    sure = {"rollback": TrackRecord(9, 10)}
    advice = advise(BOOKS, sure, "dependency_down")
    assert advice.recommendation is not None
    assert (advice.recommendation.playbook, advice.basis) == (RESTART, Basis.DEFAULT)
    assert advice.disagreement == (
        "History says rollback (9 of 10 (60-98 %)), but today's evidence disagrees: dependency_down"
    )
    better = advise(BOOKS, {**sure, "restart": TrackRecord(30, 30)}, "dependency_down")
    assert (better.basis, better.disagreement) == (Basis.LEARNED, "")
    worse = advise(BOOKS, {**sure, "restart": TrackRecord(6, 9)}, "dependency_down")
    assert worse.disagreement.startswith("History says rollback")


def test_without_enough_outcomes_the_least_invasive_is_named_and_marked() -> None:
    advice = advise(BOOKS, {"restart": TrackRecord(1, 2, by_hand=3)}, "")
    assert advice.recommendation is not None
    assert (advice.recommendation.playbook, advice.basis) == (RESTART, Basis.DEFAULT)
    assert advice.reasons == (
        "no playbook has 5 outcomes here of which 6 of 10 helped",
        "the least invasive that fits",
        "people did it by hand: 3",
    )


def test_where_nothing_fits_nothing_is_recommended() -> None:
    for books, cause in (([], ""), ([TELL], ""), ([ROLLBACK], "dependency_down")):
        advice = advise(books, {}, cause)
        assert (advice.recommendation, advice.basis) == (None, Basis.NONE)


@pytest.mark.parametrize(
    ("helped", "tried", "earned"), [(4, 4, False), (5, 5, True), (8, 10, True), (7, 9, False), (5, 7, False)]
)
def test_five_successes_at_eight_of_ten_earn_a_playbook(helped: int, tried: int, earned: bool) -> None:
    assert deserves_playbook(TrackRecord(helped, tried)) is earned


@pytest.mark.parametrize(
    ("helped", "attempts", "expected"),
    [
        (0, 0, Status.INSUFFICIENT),
        (2, 2, Status.INSUFFICIENT),
        (3, 3, Status.LEARNING),
        (9, 9, Status.LEARNING),
        (8, 10, Status.EXCELLENT),
        (7, 10, Status.SUFFICIENT),
        (0, 10, Status.SUFFICIENT),
    ],
)
def test_status_says_how_much_is_known(helped: int, attempts: int, expected: Status) -> None:
    assert status(helped, attempts) is expected


def test_the_best_has_three_tries_and_helped_at_least_once() -> None:
    assert best_of([("a", TrackRecord(2, 2)), ("b", TrackRecord(1, 3))]) == "b"
    assert best_of([("b", TrackRecord(5, 6)), ("a", TrackRecord(5, 6))]) == "a"
    assert best_of([("a", TrackRecord(0, 5))]) is None
    assert best_of([]) is None


def test_shadow_proposals_are_scored_by_what_people_did() -> None:
    pairs = [("restart", "restart"), ("restart", "rollback"), ("scale", ""), ("scale", None)]
    found = agreement(pairs)
    assert found == Agreement(agreed=1, compared=3, open=1)
    assert found.words() == "would have agreed 1 of 3 (1 not told)"
    assert agreement(pairs[:2]).words() == "would have agreed 1 of 2"
    assert agreement([]).words() == "nothing to compare yet"
    assert agreement([("a", None)]).words() == "nothing to compare yet (1 not told)"
