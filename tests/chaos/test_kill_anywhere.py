"""Workers killed and paused at random moments, over many runs; judged by the target's own log.

`NIGHTSHIFT_CHAOS=full` makes it a long run; `NIGHTSHIFT_CHAOS_SEED` repeats one.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from tests.stories.target import Manner
from tests.stories.town import POKE, SHORT_LEASE_S, Json, Town, firing, open_town

# Read when the module is imported: the settings of this machine are taken away from each test.
FULL = os.environ.get("NIGHTSHIFT_CHAOS") == "full"
SEED = int(os.environ.get("NIGHTSHIFT_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
RUNS, FAULTS = (400, 60) if FULL else (30, 8)
WORKERS = 2
EVERY_S = 1.2
PAUSE_S = SHORT_LEASE_S + 0.7
SETTLE_S = 900.0 if FULL else 150.0
MANNERS = (
    Manner(after_s=0.2),
    Manner(before_s=0.2, after_s=0.2),
    Manner(before_s=0.5),
    Manner(answer=0),
    Manner(answer=0, effect=False),
    Manner(answer=502),
    Manner(answer=409, effect=False),
)
OPEN = ("claimed", "running", "succeeded", "verifying", "unknown", "needs_human")
ENDS = {
    "stable", "regressed", "ineffective", "inconclusive", "failed", "invalidated", "expired", "superseded",
    "needs_human",
}  # fmt: skip
ATTEMPTED = "running"


async def test_no_kill_and_no_pause_doubles_or_loses_an_action(database: Any, tmp_path: Path) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    async with open_town(database, tmp_path) as town:
        services = [f"shop-{n}" for n in range(RUNS)]
        timings = {"lease_s": SHORT_LEASE_S, "settle_s": 3600, "approval_expires_s": 3600, "resolve_after_s": 3600}
        await town.furnish(services, timings=timings)
        await town.ask("PUT", "/playbooks/poke", {**POKE, "verify_within_s": 30})
        town.target.manners.update({name: chance.choice(MANNERS) for name in services})
        await town.send_alerts([firing(name) for name in services])
        runs = {name: await town.poke(name) for name in services}
        with psycopg.connect(town.database_url, autocommit=True) as witness:
            town.target.witness = lambda key: token_of_intent(witness, key)
            healing = asyncio.create_task(heal_what_was_touched(town))
            await asyncio.gather(approve(town, chance, runs), break_things(town, chance))
            try:
                await settled(town)
            finally:
                healing.cancel()
                await asyncio.gather(healing, return_exceptions=True)
        town.end()
        judge(town, runs)


async def approve(town: Town, chance: random.Random, runs: dict[str, str]) -> None:
    """Persons decide all through the faults."""
    for execution in runs.values():
        await town.decide(execution)
        await asyncio.sleep(chance.uniform(0, 2 * EVERY_S * FAULTS / RUNS))


async def break_things(town: Town, chance: random.Random) -> None:
    """Kill -9, or pause for longer than a lease, one of the workers at a time; the killed are replaced."""
    workers = [town.worker() for _ in range(WORKERS)]
    await asyncio.sleep(2.0)
    for _ in range(FAULTS):
        await asyncio.sleep(chance.uniform(0.2, EVERY_S))
        at = chance.randrange(WORKERS)
        if chance.random() < 0.6:
            town.kill(workers[at])
            workers[at] = town.worker()
        else:
            await paused(workers[at])


async def paused(worker: subprocess.Popen[bytes]) -> None:
    """Stop a worker for longer than its lease, then let it go on as if nothing had been."""
    worker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(PAUSE_S)
    worker.send_signal(signal.SIGCONT)


async def heal_what_was_touched(town: Town) -> None:
    """The sender of alerts: a service that the target changed is well again."""
    done = 0
    while True:
        effects = town.target.effective()
        if fresh := effects[done:]:
            await town.clear([firing(row["service"]) for row in fresh])
            done = len(effects)
        await asyncio.sleep(0.2)


async def settled(town: Town) -> None:
    """Wait for the end of every run."""
    end = time.monotonic() + SETTLE_S
    while time.monotonic() < end:
        states = Counter(row["state"] for row in town.rows("SELECT state FROM executions"))
        if not set(states) - ENDS:
            return
        await asyncio.sleep(0.5)


def token_of_intent(witness: psycopg.Connection[Any], key: str) -> int | None:
    """At the moment of a call: the token of the committed intent, by the audit log."""
    query = "SELECT token FROM audit WHERE subject = %s AND to_state = 'running'"
    row = witness.execute(query, [f"execution:{key}"]).fetchone()
    return row[0] if row else None


def judge(town: Town, runs: dict[str, str]) -> None:
    """The invariants, over the target's log and the audit rows."""
    rows = {str(row["id"]): row for row in town.rows("SELECT * FROM executions")}
    approvals = {str(row["execution_id"]): row for row in town.rows("SELECT * FROM approvals")}
    audit: dict[str, list[Json]] = {key: [] for key in rows}
    for row in town.rows("SELECT * FROM audit WHERE action = 'execution.move' ORDER BY id"):
        audit[row["subject"].removeprefix("execution:")].append(row)
    effects = Counter(row["key"] for row in town.target.effective())
    received = town.target.all_received()
    states = Counter(row["state"] for row in rows.values())
    lost = Counter(one["reason"] for moves in audit.values() for one in moves if one["reason"].startswith("lease_lost"))
    unknown = sum("unknown" in [one["to_state"] for one in moves] for moves in audit.values())
    counts = f"{received.total()} calls, {effects.total()} effects, {unknown} unknown"
    said = f"seed {SEED}: {dict(states)}, {counts}, {dict(lost)}"
    print(said, file=sys.stderr)

    assert set(rows) == set(runs.values())
    stuck = {key: [one["to_state"] for one in audit[key]] for key, row in rows.items() if row["state"] not in ENDS}
    assert not stuck, f"I10: {said}: {stuck}"
    assert not [key for key, count in received.items() if count > 1], f"I1: {said}: called twice"
    assert not [key for key, count in effects.items() if count > 1], f"I1: {said}: two effects"
    for key, row in rows.items():
        path = [one["to_state"] for one in audit[key]]
        story = f"{said}: {key} {path} {[one['reason'] for one in audit[key]]}"
        assert path.count(ATTEMPTED) <= 1, f"one attempt an approval: {story}"
        assert "succeeded" not in path or effects[key] == 1, f"I2: {story}"
        assert not effects[key] or ATTEMPTED in path, f"I3: {story}"
        assert row["state"] not in ("failed", "invalidated") or not effects[key], f"no effect is denied: {story}"
        if ATTEMPTED in path:
            approval = approvals[key]
            assert (approval["state"], approval["intent_hash"]) == ("consumed", row["intent_hash"]), f"I4: {story}"
        tokens = [one["token"] for one in audit[key]]
        assert tokens == sorted(tokens), f"I6: {story}"
        assert row["state"] == path[-1], f"I9: {story}"
    for call in town.target.log:
        if call["event"] == "received":
            assert call["saw"] == rows[call["key"]]["token"], f"I3: {said}: {call} came before its intent"
    assert_one_open_at_a_time(town)
    stable = states["stable"]
    learned = town.rows("SELECT count(*) AS n FROM executions WHERE outcome = 'stable' AND learned_at IS NOT NULL")
    assert learned[0]["n"] == stable, f"I11: {said}"
    tried = town.rows("SELECT count(*) AS n FROM executions WHERE acted_at IS NOT NULL")
    assert tried[0]["n"] == sum(ATTEMPTED in [one["to_state"] for one in rows_] for rows_ in audit.values()), "I11"
    assert stable > 0, f"faults did not stop everything: {said}"


def assert_one_open_at_a_time(town: Town) -> None:
    """I5, over the whole history of each resource."""
    open_on: dict[str, set[str]] = {}
    history = town.rows(
        "SELECT a.to_state, e.id, e.resource_id FROM audit a"
        " JOIN executions e ON a.subject = 'execution:' || e.id::text ORDER BY a.id"
    )
    for row in history:
        now = open_on.setdefault(row["resource_id"], set())
        (now.add if row["to_state"] in OPEN else now.discard)(str(row["id"]))
        assert len(now) <= 1, f"I5: {row['resource_id']}"
