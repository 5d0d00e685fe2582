"""Did it help? No data is never good news, and quiet is not health."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.verdict import SILENT_CHECKS_MIN, Check, CheckState, Verdict, VerdictReason, VerdictState, judge, watch, worst

GOOD, BAD, MISSING = CheckState.GOOD, CheckState.BAD, CheckState.MISSING
ACTED, WINDOW_S, EVERY_S, WITHIN_S, USUAL = 1000.0, 60.0, 15.0, 300.0, 10.0
# A full window and two evaluations more: good checks at 15, 30 ... 90 seconds.
ENOUGH = 6
WATCH_S = 150.0
WATCH_CHECKS = 10  # one each 15 seconds
ENDS_AFTER = 2 * WATCH_CHECKS + SILENT_CHECKS_MIN


def checks(states: list[CheckState], traffic: float | None = USUAL) -> list[Check]:
    return [Check(ACTED + EVERY_S * n, state, traffic) for n, state in enumerate(states, 1)]


def judged(seen: list[Check], after_s: float | None = None, usual: float | None = USUAL) -> Verdict:
    now = ACTED + after_s if after_s is not None else (seen[-1].at if seen else ACTED)
    return judge(
        seen, acted_at=ACTED, now=now, window_s=WINDOW_S, interval_s=EVERY_S, within_s=WITHIN_S, usual_traffic=usual
    )


STATES = st.lists(st.sampled_from(CheckState), max_size=30)
TRAFFIC = st.none() | st.floats(0, 100)


def test_good_for_the_whole_window_and_two_evaluations_is_verified() -> None:
    verified = Verdict(VerdictState.VERIFIED, VerdictReason.GOOD_FOR_LONG_ENOUGH)
    assert judged(checks([GOOD] * ENOUGH)) == verified
    assert judged(checks([GOOD] * (ENOUGH - 1))).state is VerdictState.PENDING
    assert judged(checks([GOOD] * 30), after_s=WITHIN_S + 1) == verified


@given(STATES, st.floats(0, 1000))
def test_no_data_is_never_verified(states: list[CheckState], after_s: float) -> None:
    silent = checks([MISSING if state is GOOD else state for state in states])
    assert judged(silent, after_s).state is not VerdictState.VERIFIED
    assert judged([], after_s).state is not VerdictState.VERIFIED


@given(STATES, st.sampled_from([BAD, MISSING]), st.integers(0, ENOUGH - 1))
def test_a_bad_check_resets(before: list[CheckState], spoiler: CheckState, good: int) -> None:
    """However long it was good: after a bad or missing check the whole window starts again."""
    assert judged(checks([*before, spoiler] + [GOOD] * good), after_s=100).state is not VerdictState.VERIFIED
    assert judged(checks([*before, spoiler] + [GOOD] * ENOUGH), after_s=100).state is VerdictState.VERIFIED


@given(STATES, TRAFFIC, st.floats(0, 1000), st.none() | st.floats(0, 100))
def test_verified_means_good_checks_under_enough_traffic(
    states: list[CheckState], traffic: float | None, after_s: float, usual: float | None
) -> None:
    seen = checks(states, traffic)
    if judged(seen, after_s, usual).state is VerdictState.VERIFIED:
        assert {check.state for check in seen[-ENOUGH:]} == {GOOD}
        assert not usual or (traffic is not None and traffic >= usual / 2)


@pytest.mark.parametrize("traffic", [0.0, USUAL / 2 - 0.01, None])
def test_traffic_under_half_is_inconclusive(traffic: float | None) -> None:
    quiet = checks([GOOD] * ENOUGH, traffic)
    assert judged(quiet, WITHIN_S) == Verdict(VerdictState.INCONCLUSIVE, VerdictReason.TOO_LITTLE_TRAFFIC)
    assert judged(quiet).state is VerdictState.PENDING, "users may come back before the deadline"


def test_where_traffic_is_counted_and_the_usual_is_not_known_there_has_to_be_some() -> None:
    """A service without a history of traffic: nobody can compare, which is said, but silence proves nothing either."""

    def of(traffic: float | None) -> Verdict:
        return judge(
            checks([GOOD] * ENOUGH, traffic), acted_at=ACTED, now=ACTED + WITHIN_S, window_s=WINDOW_S,
            interval_s=EVERY_S, within_s=WITHIN_S, usual_traffic=None, counts_traffic=True,
        )  # fmt: skip

    assert of(0.01) == Verdict(VerdictState.VERIFIED, VerdictReason.GOOD_BUT_USUAL_TRAFFIC_UNKNOWN)
    for silence in (0.0, None):
        assert of(silence) == Verdict(VerdictState.INCONCLUSIVE, VerdictReason.TOO_LITTLE_TRAFFIC)


@pytest.mark.parametrize("usual", [None, 0.0])
def test_where_no_traffic_is_usual_none_is_asked_for(usual: float | None) -> None:
    assert judged(checks([GOOD] * ENOUGH, None), usual=usual).state is VerdictState.VERIFIED
    assert judged(checks([GOOD] * ENOUGH, USUAL / 2)).state is VerdictState.VERIFIED


@given(STATES)
def test_time_in_which_nothing_was_evaluated_is_not_good(states: list[CheckState]) -> None:
    """An evaluator that slept for more than two intervals begins the window again."""
    early = checks([*states, GOOD, GOOD])
    pause = early[-1].at + 2 * EVERY_S
    on_time, late = [[Check(at + EVERY_S * n, GOOD, USUAL) for n in range(ENOUGH - 1)] for at in (pause, pause + 1)]
    assert judged([*early, *on_time], 100).state is VerdictState.VERIFIED
    assert judged([*early, *late], 100).state is VerdictState.PENDING


@pytest.mark.parametrize("good", [1, ENOUGH - 1])
def test_good_but_too_short_at_the_deadline_says_so(good: int) -> None:
    verdict = judged(checks([BAD] + [GOOD] * good), WITHIN_S)
    assert verdict == Verdict(VerdictState.INCONCLUSIVE, VerdictReason.NOT_LONG_ENOUGH)


@given(STATES)
def test_missing_at_the_deadline_is_inconclusive(states: list[CheckState]) -> None:
    verdict = judged(checks([*states, MISSING]), WITHIN_S)
    assert verdict == Verdict(VerdictState.INCONCLUSIVE, VerdictReason.NO_DATA)
    assert judged([], WITHIN_S) == verdict


@given(STATES)
def test_bad_at_the_deadline_is_ineffective(states: list[CheckState]) -> None:
    verdict = judged(checks([*states, BAD]), WITHIN_S)
    assert verdict == Verdict(VerdictState.INEFFECTIVE, VerdictReason.STILL_BAD)


@given(STATES, st.floats(0, WITHIN_S - 1))
def test_nothing_is_given_up_before_the_deadline(states: list[CheckState], after_s: float) -> None:
    assert judged(checks(states), after_s).state in (VerdictState.PENDING, VerdictState.VERIFIED)


def test_pending_says_whether_it_is_too_early_to_ask() -> None:
    assert judged(checks([BAD]), 89).reason is VerdictReason.TOO_EARLY
    assert judged(checks([BAD]), 90).reason is VerdictReason.NOT_YET_GOOD


@given(STATES)
def test_what_was_seen_before_the_action_proves_nothing(states: list[CheckState]) -> None:
    earlier = [replace(check, at=check.at - 1000) for check in checks([GOOD] * 30)]
    at_once = Check(ACTED, GOOD, USUAL)
    assert judged([*earlier, at_once, *checks(states)], WITHIN_S) == judged(checks(states), WITHIN_S)


def test_a_check_at_the_moment_of_the_action_does_not_count() -> None:
    at_once = Check(ACTED, GOOD, USUAL)
    assert judged([at_once, *checks([GOOD] * (ENOUGH - 1))]).state is VerdictState.PENDING


def test_two_good_checks_are_never_enough_however_far_apart() -> None:
    assert judged([Check(ACTED + 1, GOOD, USUAL), Check(ACTED + 250, GOOD, USUAL)]).state is VerdictState.PENDING


@given(st.lists(st.sampled_from(CheckState), min_size=1))
def test_the_worst_signal_speaks_for_all(states: list[CheckState]) -> None:
    expected = BAD if BAD in states else MISSING if MISSING in states else GOOD
    assert worst(states) is expected


def test_no_signal_at_all_is_missing() -> None:
    assert worst([]) is MISSING


def watched(states: list[CheckState], after_s: float | None = None) -> Verdict:
    seen = checks(states)
    now = ACTED + after_s if after_s is not None else (seen[-1].at if seen else ACTED)
    return watch(seen, now=now, verified_at=ACTED, watch_s=WATCH_S, interval_s=EVERY_S)


def test_good_for_the_whole_watch_is_stable_and_not_a_check_sooner() -> None:
    assert watched([GOOD] * WATCH_CHECKS) == Verdict(VerdictState.STABLE, VerdictReason.STAYED_GOOD)
    assert watched([GOOD] * (WATCH_CHECKS - 1)) == Verdict(VerdictState.PENDING, VerdictReason.STILL_WATCHED)


@given(STATES, st.lists(st.just(MISSING), max_size=5), st.lists(st.just(MISSING), max_size=5))
def test_bad_twice_is_a_regression_however_much_is_missing_between(
    before: list[CheckState], between: list[CheckState], after: list[CheckState]
) -> None:
    verdict = watched([*before, BAD, *between, BAD, *after])
    assert verdict == Verdict(VerdictState.REGRESSED, VerdictReason.CAME_BACK)


def test_one_bad_check_is_no_regression_and_no_end() -> None:
    assert watched([GOOD] * WATCH_CHECKS + [BAD]).state is VerdictState.PENDING
    assert watched([GOOD] * WATCH_CHECKS + [BAD, GOOD]).state is VerdictState.STABLE


@given(st.lists(st.sampled_from(CheckState), max_size=60))
def test_no_watch_is_stable_without_good_news_at_its_end_and_for_half_of_it(states: list[CheckState]) -> None:
    if watched(states).state is VerdictState.STABLE:
        assert states[-1] is GOOD
        assert 2 * states.count(GOOD) >= len(states) >= WATCH_CHECKS
    if MISSING not in states and BAD not in states:
        assert watched(states).state is (VerdictState.STABLE if len(states) >= WATCH_CHECKS else VerdictState.PENDING)


@given(st.lists(st.sampled_from([MISSING, GOOD]), max_size=WATCH_CHECKS - 1))
def test_signals_that_stay_away_end_the_watch_without_an_answer(before: list[CheckState]) -> None:
    away = [MISSING] * (ENDS_AFTER - len(before))
    assert watched([*before, *away]) == Verdict(VerdictState.INCONCLUSIVE, VerdictReason.WATCH_WITHOUT_DATA)
    assert watched([*before, *away[:-1]]).state is VerdictState.PENDING


@given(st.lists(st.sampled_from(CheckState), min_size=ENDS_AFTER, max_size=ENDS_AFTER + 30))
def test_every_watch_ends(states: list[CheckState]) -> None:
    assert watched(states).state is not VerdictState.PENDING


@given(STATES)
def test_what_was_seen_before_it_was_verified_is_not_of_the_watch(states: list[CheckState]) -> None:
    earlier = [replace(check, at=check.at - 1000) for check in checks([BAD] * 30)]
    now = ACTED + EVERY_S * len(states)
    of_both = watch([*earlier, *checks(states)], now=now, verified_at=ACTED, watch_s=WATCH_S, interval_s=EVERY_S)
    assert of_both == watched(states, EVERY_S * len(states))
