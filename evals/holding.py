"""With much in it: memory, restart and the list with 100,000 active alerts; speed over a long history."""

from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

from evals import load
from evals.contestants import House, database_server, nightshift
from evals.load import Kind, Load, Plan
from evals.machine import rss_mib

ACTIVE = 100_000
STORED = (1_000, 10_000, 100_000, 1_000_000)
LIST_READS, LIST_LIMIT = 100, 50
BATCH, CONNECTIONS = 100, 16
RSS_MIB_MAX, RESTART_S_MAX, LIST_P95_MS_MAX = 200.0, 5.0, 300.0
HISTORY = Path(__file__).with_name("history.sql")


def active() -> Iterator[dict[str, Any]]:
    """RSS of `serve`, its restart to ready, and the list page, with 100,000 alerts that fire."""
    with database_server() as database, nightshift(database) as house:
        filled = send(house, Kind.NEW, 0, ACTIVE, 600.0, once=1)
        yield {"what": f"alerts that fire: {firing(house)}", "value": filled.alerts_per_s, "unit": "new alerts/s"}
        yield judged("RSS of serve after taking them", memory(house), "MiB", RSS_MIB_MAX)
        house.stop()
        yield judged("restart to ready", house.serve(), "s", RESTART_S_MAX)
        yield judged("RSS after the restart", memory(house), "MiB", RSS_MIB_MAX)
        yield judged(f"incident list, {LIST_LIMIT} a page, p95", list_p95_ms(house), "ms", LIST_P95_MS_MAX)
        again = send(house, Kind.REPEATS, 0, ACTIVE, 5.0, once=1)
        yield {"what": "each of them once again", "value": again.alerts_per_s, "unit": "alerts/s"}
        yield judged("RSS after that", memory(house), "MiB", RSS_MIB_MAX)


def stored(seconds: float) -> Iterator[dict[str, Any]]:
    """Alerts a second over histories of alerts that have ended."""
    with database_server() as database, nightshift(database) as house:
        base = 99_000_000
        send(house, Kind.NEW, base, BATCH, 60.0, once=1)
        for number, history in enumerate(STORED):
            kept = lengthen(house, history)
            first = number * 1_000_000
            fresh = send(house, Kind.NEW, first, int(50_000 * seconds), seconds)
            repeats = send(house, Kind.REPEATS, first, 10_000, seconds)
            changed = send(house, Kind.CHANGED, first, 10_000, seconds)
            yield {
                "what": f"{kept} stored",
                "new_per_s": fresh.alerts_per_s,
                "repeats_per_s": repeats.alerts_per_s,
                "changed_per_s": changed.alerts_per_s,
                "new_p99_ms": fresh.p99_ms,
                "noise": max(one.other_cpu_share for one in (fresh, repeats, changed)),
                "list_p95_ms": list_p95_ms(house),
            }
            forget(house, base)


def send(house: House, kind: Kind, first: int, alerts: int, seconds: float, *, once: int = 0) -> Load:
    """A load of hundreds."""
    side = house.side
    return load.run_apart(
        Plan(
            port=side.port, key=side.key, kind=kind.value, batch=BATCH, connections=CONNECTIONS, seconds=seconds,
            warm_up_s=0.0, alerts=alerts, first=first, once=once, server=side.pids,
        )
    )  # fmt: skip


def firing(house: House) -> int:
    """How many are open, by the database."""
    with house.database_connection() as conn:
        row = conn.execute(_query("firing")).fetchone()
        return int(row[0]) if row else 0


def lengthen(house: House, wanted: int) -> int:
    """Copy ended alerts until there are so many; how many there are."""
    with house.database_connection() as conn:
        conn.execute(_query("end_all"))
        row = conn.execute(_query("count_all")).fetchone()
        have = int(row[0]) if row else 0
        if wanted > have:
            conn.execute(_query("copy"), {"missing": wanted - have})
        conn.execute(b"ANALYZE")
        return max(wanted, have)


def forget(house: House, base: int) -> None:
    """Take away what a load left, so that the next history has its own length."""
    with house.database_connection() as conn:
        conn.execute(_query("forget"), {"kept": f"node-{base // 1_000_000}%"})
        conn.execute(b"VACUUM ANALYZE")


def memory(house: House) -> float:
    """RSS of `serve`."""
    assert house.process is not None
    return rss_mib(house.process.pid)


def list_p95_ms(house: House) -> float:
    """The incident list, as a person opens it."""
    took = []
    for _ in range(LIST_READS):
        began = perf_counter()
        house.ask("GET", "/incidents", limit=LIST_LIMIT)
        took.append((perf_counter() - began) * 1000)
    return round(quantiles(took, n=20)[-1], 1)


def judged(what: str, value: float, unit: str, most: float) -> dict[str, Any]:
    """A row with its limit beside it."""
    return {
        "what": what, "value": round(value, 2), "unit": unit, "at_most": most,
        "verdict": "pass" if value <= most else "short",
    }  # fmt: skip


def _query(name: str) -> bytes:
    parts = HISTORY.read_text().split("-- name: ")
    return next(part.split("\n", 1)[1] for part in parts if part.startswith(f"{name}\n")).encode()
