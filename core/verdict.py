"""Did it help? Judged from signals alone, with traffic, over a whole window; no data is never good news."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """What the signals said at one evaluation."""

    GOOD = "good"
    BAD = "bad"
    MISSING = "missing"


class VerdictState(StrEnum):
    """What the checks add up to."""

    PENDING = "pending"
    VERIFIED = "verified"
    INEFFECTIVE = "ineffective"
    INCONCLUSIVE = "inconclusive"
    STABLE = "stable"
    REGRESSED = "regressed"


class VerdictReason(StrEnum):
    """Why."""

    TOO_EARLY = "too_early"
    NOT_YET_GOOD = "not_yet_good"
    GOOD_FOR_LONG_ENOUGH = "good_for_long_enough"
    GOOD_BUT_USUAL_TRAFFIC_UNKNOWN = "good_but_usual_traffic_unknown"
    STILL_BAD = "still_bad"
    NOT_LONG_ENOUGH = "not_long_enough"
    NO_DATA = "no_data"
    TOO_LITTLE_TRAFFIC = "too_little_traffic"
    CASCADE = "cascade"
    RECOVERED_ALONE = "recovered_alone"
    STILL_WATCHED = "still_watched"
    STAYED_GOOD = "stayed_good"
    CAME_BACK = "came_back"
    WATCH_WITHOUT_DATA = "watch_without_data"


@dataclass(frozen=True, slots=True)
class Check:
    """All signals at one moment: `at` in unix seconds, `traffic` in requests per second (None: not measured)."""

    at: float
    state: CheckState
    traffic: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement so far."""

    state: VerdictState
    reason: VerdictReason


TRAFFIC_SHARE_MIN = 0.5
EVALUATIONS_AFTER_WINDOW = 2
GAP_INTERVALS_MAX = 2
BAD_CHECKS_TO_REGRESS = 2
GOOD_SHARE_MIN = 0.5
WATCHES_MAX = 2
SILENT_CHECKS_MIN = 20


def judge(
    checks: Sequence[Check],
    *,
    acted_at: float,
    now: float,
    window_s: float,
    interval_s: float,
    within_s: float,
    usual_traffic: float | None,
    counts_traffic: bool = False,
) -> Verdict:
    """Verified: every check good for the query's window plus two evaluations, under at least half the usual traffic.

    Where traffic is counted (`counts_traffic`) and the usual one is not known, there has to be some, and the reason
    says that nobody could compare it.
    Time in which nothing was evaluated is not good: a gap of more than two intervals starts the window again.
    At the deadline, `within_s` after the action: bad is ineffective; missing data, traffic or time is inconclusive.
    """
    needed_s = window_s + EVALUATIONS_AFTER_WINDOW * interval_s
    after = [check for check in checks if check.at > acted_at]
    good = _good_tail(after, gap_s_max=GAP_INTERVALS_MAX * interval_s)
    held_s = good[-1].at - good[0].at if good else 0.0
    # The first good check closes a window that began before it, hence one interval is added.
    long_enough = len(good) > EVALUATIONS_AFTER_WINDOW and held_s + interval_s >= needed_s
    unknown = counts_traffic and usual_traffic is None
    busy = bool(good) and (bool(good[-1].traffic) if unknown else _busy(good[-1], usual_traffic))
    if long_enough and busy:
        reason = VerdictReason.GOOD_BUT_USUAL_TRAFFIC_UNKNOWN if unknown else VerdictReason.GOOD_FOR_LONG_ENOUGH
        return Verdict(VerdictState.VERIFIED, reason)
    if now - acted_at < within_s:
        early = now - acted_at < needed_s
        return Verdict(VerdictState.PENDING, VerdictReason.TOO_EARLY if early else VerdictReason.NOT_YET_GOOD)
    if long_enough:
        return Verdict(VerdictState.INCONCLUSIVE, VerdictReason.TOO_LITTLE_TRAFFIC)
    if after and after[-1].state is CheckState.BAD:
        return Verdict(VerdictState.INEFFECTIVE, VerdictReason.STILL_BAD)
    return Verdict(VerdictState.INCONCLUSIVE, VerdictReason.NOT_LONG_ENOUGH if good else VerdictReason.NO_DATA)


def watch(checks: Sequence[Check], *, now: float, verified_at: float, watch_s: float, interval_s: float) -> Verdict:
    """Did it last? Judged over the checks since it was verified.

    Regressed: the last two checks that saw anything saw it bad. Stable: the window is over, the last check is good,
    and so are at least half of all, since a watch that saw nothing has watched nothing. Where the signals stay away,
    it ends without an answer after as long again and twenty evaluations: no data is neither good nor bad news.
    """
    seen = [check for check in checks if check.at > verified_at]
    told = [check.state for check in seen if check.state is not CheckState.MISSING]
    if told[-BAD_CHECKS_TO_REGRESS:] == [CheckState.BAD] * BAD_CHECKS_TO_REGRESS:
        return Verdict(VerdictState.REGRESSED, VerdictReason.CAME_BACK)
    good = told.count(CheckState.GOOD)
    watched_s = now - verified_at
    is_good_now = bool(seen) and seen[-1].state is CheckState.GOOD
    if watched_s >= watch_s and is_good_now and good >= GOOD_SHARE_MIN * len(seen):
        return Verdict(VerdictState.STABLE, VerdictReason.STAYED_GOOD)
    if watched_s >= WATCHES_MAX * watch_s + SILENT_CHECKS_MIN * interval_s:
        return Verdict(VerdictState.INCONCLUSIVE, VerdictReason.WATCH_WITHOUT_DATA)
    return Verdict(VerdictState.PENDING, VerdictReason.STILL_WATCHED)


def worst(states: Sequence[CheckState]) -> CheckState:
    """Bad outweighs missing, missing outweighs good; no signal at all is missing."""
    for state in (CheckState.BAD, CheckState.MISSING):
        if state in states:
            return state
    return CheckState.GOOD if states else CheckState.MISSING


def _good_tail(checks: Sequence[Check], *, gap_s_max: float) -> list[Check]:
    tail: list[Check] = []
    for check in reversed(checks):
        if check.state is not CheckState.GOOD or (tail and tail[-1].at - check.at > gap_s_max):
            break
        tail.append(check)
    return tail[::-1]


def _busy(check: Check, usual: float | None) -> bool:
    if not usual:
        return True
    return check.traffic is not None and check.traffic >= TRAFFIC_SHARE_MIN * usual
