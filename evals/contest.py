"""Alerts a second, answered after the commit, beside Debian's Alertmanager in memory: A-B-A-B, each pass from empty."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from evals import load
from evals.contestants import Side, alertmanager, database_server, has_alertmanager, nightshift
from evals.load import Kind, Load, Plan

PASSES = 2
NEW_A_SECOND_MAX = 60_000  # how many new alerts are made for each second of a run
NOISE_MAX = 0.2  # of a core


@dataclass(frozen=True)
class Match:
    """What is sent, the share of Alertmanager's alerts a second that is wanted, and the longest wait of 99 in 100."""

    name: str
    kind: Kind
    batch: int
    connections: int
    ratio_min: float
    p99_ms_max: float = float("inf")


MATCHES = (
    Match("exact repeats, hundreds", Kind.REPEATS, 100, 16, 1.1),
    Match("changed, hundreds", Kind.CHANGED, 100, 16, 0.9),
    Match("new, hundreds", Kind.NEW, 100, 16, 0.8),
    Match("exact repeats, tens", Kind.REPEATS, 10, 16, 0.9),
    Match("exact repeats, single", Kind.REPEATS, 1, 64, 0.4, 50.0),
)


def contest(seconds: float, *, worker: bool = False, only: str = "") -> Iterator[dict[str, Any]]:
    """A row for each match; without Alertmanager only our own figures."""
    rival = has_alertmanager()
    with database_server() as database:
        for match in MATCHES:
            if only not in match.name:
                continue
            ours: list[Load] = []
            theirs: list[Load] = []
            for _ in range(PASSES):
                if rival:
                    with alertmanager() as side:
                        theirs.append(_run(match, side, seconds))
                with nightshift(database, worker=worker) as house:
                    ours.append(_run(match, house.side, seconds))
            yield _row(match, ours, theirs)


def _run(match: Match, side: Side, seconds: float) -> Load:
    many = int(NEW_A_SECOND_MAX * (seconds + 1)) if match.kind is Kind.NEW else 10_000
    return load.run_apart(
        Plan(
            port=side.port,
            key=side.key,
            kind=match.kind.value,
            batch=match.batch,
            connections=match.connections,
            seconds=seconds,
            alerts=many,
            server=side.pids,
        )
    )


def _row(match: Match, ours: list[Load], theirs: list[Load]) -> dict[str, Any]:
    noise = max(one.other_cpu_share for one in (*ours, *theirs))
    row: dict[str, Any] = {
        "what": match.name,
        "ours": [one.alerts_per_s for one in ours],
        "alertmanager": [one.alerts_per_s for one in theirs],
        "p50_ms": [one.p50_ms for one in ours],
        "p99_ms": [one.p99_ms for one in ours],
        "alertmanager_p99_ms": [one.p99_ms for one in theirs],
        "noise": noise,
        "quiet": noise <= NOISE_MAX,
        "ratio_wanted": match.ratio_min,
        "runs": {"ours": [asdict(one) for one in ours], "alertmanager": [asdict(one) for one in theirs]},
    }
    if theirs:
        ratio = mean(one.alerts_per_s for one in ours) / mean(one.alerts_per_s for one in theirs)
        # A request that was refused or broke is no pass, however fast the others were.
        refused = any(word != "200" for one in ours for word in one.statuses)
        good = ratio >= match.ratio_min and mean(row["p99_ms"]) <= match.p99_ms_max and not refused
        row |= {"ratio": round(ratio, 2), "verdict": "pass" if good else "short"}
    return row
