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


class VerdictReason(StrEnum):
    """Why."""

    TOO_EARLY = "too_early"
    NOT_YET_GOOD = "not_yet_good"
    GOOD_FOR_LONG_ENOUGH = "good_for_long_enough"
    STILL_BAD = "still_bad"
    NOT_LONG_ENOUGH = "not_long_enough"
    NO_DATA = "no_data"
    TOO_LITTLE_TRAFFIC = "too_little_traffic"


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


def judge(
    checks: Sequence[Check],
    *,
    acted_at: float,
    now: float,
    window_s: float,
    interval_s: float,
    within_s: float,
    usual_traffic: float | None,
) -> Verdict:
    """Verified: every check good for the query's window plus two evaluations, under at least half the usual traffic.

    Time in which nothing was evaluated is not good: a gap of more than two intervals starts the window again.
    At the deadline, `within_s` after the action: bad is ineffective; missing data, traffic or time is inconclusive.
    """
    needed_s = window_s + EVALUATIONS_AFTER_WINDOW * interval_s
    after = [check for check in checks if check.at > acted_at]
    good = _good_tail(after, gap_s_max=GAP_INTERVALS_MAX * interval_s)
    held_s = good[-1].at - good[0].at if good else 0.0
    # The first good check closes a window that began before it, hence one interval is added.
    long_enough = len(good) > EVALUATIONS_AFTER_WINDOW and held_s + interval_s >= needed_s
    busy = bool(good) and _busy(good[-1], usual_traffic)
    if long_enough and busy:
        return Verdict(VerdictState.VERIFIED, VerdictReason.GOOD_FOR_LONG_ENOUGH)
    if now - acted_at < within_s:
        early = now - acted_at < needed_s
        return Verdict(VerdictState.PENDING, VerdictReason.TOO_EARLY if early else VerdictReason.NOT_YET_GOOD)
    if long_enough:
        return Verdict(VerdictState.INCONCLUSIVE, VerdictReason.TOO_LITTLE_TRAFFIC)
    if after and after[-1].state is CheckState.BAD:
        return Verdict(VerdictState.INEFFECTIVE, VerdictReason.STILL_BAD)
    return Verdict(VerdictState.INCONCLUSIVE, VerdictReason.NOT_LONG_ENOUGH if good else VerdictReason.NO_DATA)


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
