"""Workers killed and paused at random moments, over many runs; judged by the target's own log.

`NIGHTSHIFT_CHAOS=full` makes it a long run; `NIGHTSHIFT_CHAOS_SEED` repeats one.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.stories.target import Manner
from tests.stories.town import POKE, Json, Town, firing, open_town

# Read when the module is imported: the settings of this machine are taken away from each test.
FULL = os.environ.get("NIGHTSHIFT_CHAOS") == "full"
SEED = int(os.environ.get("NIGHTSHIFT_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
RUNS, FAULTS = (4_000, 300) if FULL else (200, 20)
SERVICES = 100
WORKERS = 3
EVERY_S = 1.2
STUCK_S_MAX = 10.0  # beyond its lease
LEASE_S = 6.0
PAUSE_S = LEASE_S + 0.7
SETTLE_S = 3_600.0 if FULL else 400.0
LOOK_EVERY_S = 0.5
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
        town.patience_s = 30.0  # who is paused may hold what a request needs
        services = [f"shop-{n}" for n in range(SERVICES)]
        timings = {
            "lease_s": LEASE_S,
            "verify_every_s": 1,
            "settle_s": 3600,
            "approval_expires_s": 3600,
            "resolve_after_s": 3600,
        }
        await town.furnish(services, timings=timings)
        await town.ask("PUT", "/playbooks/poke", {**POKE, "verify_within_s": 12, "retries_max": 10_000})
        watch = Watch(town)
        with psycopg.connect(town.database_url, autocommit=True) as witness:
            town.target.witness = lambda key: token_of_intent(witness, key)
            looking = [asyncio.create_task(heal_what_was_touched(town)), asyncio.create_task(watch.look())]
            try:
                async with asyncio.timeout(SETTLE_S):
                    rounds = RUNS // SERVICES
                    runs = await asyncio.gather(
                        break_things(town, chance), *(live(town, watch, chance, name, rounds) for name in services)
                    )
            except TimeoutError:
                left = {key: state for key, state in watch.states.items() if state not in ENDS}
                paths = {key: await town.path(key) for key in [*left][:5]}
                raise AssertionError(
                    f"seed {SEED}: {Counter(watch.states.values())} after {SETTLE_S:.0f} s: {paths}"
                ) from None
            finally:
                for task in looking:
                    task.cancel()
                await asyncio.gather(*looking, return_exceptions=True)
        town.end()
        judge(town, {key for keys in runs[1:] for key in keys or ()})
        assert not watch.stuck, f"seed {SEED}: beyond their lease by more than {STUCK_S_MAX:.0f} s: {watch.stuck}"


@dataclass
class Watch:
    """Looks at all executions now and then, for those who wait for one."""

    town: Town
    states: dict[str, str] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)

    async def look(self) -> None:
        """Read where they are, and which hang after their lease."""
        late = "SELECT id FROM executions WHERE state IN ('claimed', 'running') AND lease_until < now() - %s"
        while True:
            self.states = {str(row["id"]): row["state"] for row in self.town.rows("SELECT id, state FROM executions")}
            self.stuck |= {str(row["id"]) for row in self.town.rows(late, timedelta(seconds=STUCK_S_MAX))}
            await asyncio.sleep(LOOK_EVERY_S)

    async def end(self, execution: str) -> None:
        """Wait until one has ended."""
        while self.states.get(execution) not in ENDS:
            await asyncio.sleep(LOOK_EVERY_S)


async def live(town: Town, watch: Watch, chance: random.Random, service: str, rounds: int) -> list[str]:
    """A service that falls ill again and again, and is poked each time by people; the executions."""
    made = []
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(0, EVERY_S * FAULTS / rounds))
        town.target.manners[service] = chance.choice(MANNERS)
        await town.fire(service)
        made.append(await town.poke(service))
        await town.decide(made[-1])
        await watch.end(made[-1])
        # An action whose resource waits for a person has to be looked at before the next.
        if watch.states[made[-1]] == "needs_human":
            seen = {"happened": town.target.effects(made[-1]) > 0, "reason": "looked at the target"}
            await town.ask("POST", f"/executions/{made[-1]}/checked", seen, who="on-call")
            watch.states.pop(made[-1])
            await watch.end(made[-1])
        await town.clear([firing(service)])
    return made


async def break_things(town: Town, chance: random.Random) -> None:
    """Kill -9, or pause for longer than a lease, one of the workers at a time; the killed are replaced."""
    workers = [town.worker() for _ in range(WORKERS)]
    await asyncio.sleep(2.0)
    for _ in range(FAULTS):
        await asyncio.sleep(chance.uniform(0.2, EVERY_S))
        assert [worker.poll() for worker in workers] == [None] * WORKERS, f"seed {SEED}: a worker ended by itself"
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


def token_of_intent(witness: psycopg.Connection[Any], key: str) -> int | None:
    """At the moment of a call: the token of the committed intent, by the audit log."""
    query = "SELECT token FROM audit WHERE subject = %s AND to_state = 'running'"
    row = witness.execute(query, [f"execution:{key}"]).fetchone()
    return row[0] if row else None


def judge(town: Town, runs: set[str]) -> None:
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
    said = f"seed {SEED}: {RUNS} runs, {FAULTS} faults, {dict(states)}, {counts}, {dict(lost)}"
    print(said, file=sys.stderr)

    assert set(rows) == runs
    assert len(runs) == RUNS
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
