"""Approvals raced over real connections: what was not decided by who may, in time, exactly once, is never done.

`NIGHTSHIFT_CHAOS=full` makes it a long run; `NIGHTSHIFT_CHAOS_SEED` repeats one.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from core.errors import NightshiftError
from core.execution import Reason
from engine import approving, revising, sweeping
from tests.engine.ward import Ward, open_ward

# Read when the module is imported: the settings of this machine are taken away from each test.
FULL = os.environ.get("NIGHTSHIFT_CHAOS") == "full"
SEED = int(os.environ.get("NIGHTSHIFT_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
RACES = 10_000 if FULL else 200
AT_ONCE = 4
LATE_S = 0.004
WORKERS = 3
PEOPLE = ("first", "second", "third", "carer")
ENDS = {"rejected", "superseded", "expired", "invalidated"}
Move = Callable[[Ward, UUID], Awaitable[Any]]


def vote(person: str, verdict: str = "approve") -> Move:
    """A person decides on what they saw."""

    async def move(ward: Ward, key: UUID) -> None:
        await ward.decide(key, person, verdict)

    return move


async def edit(ward: Ward, key: UUID) -> None:
    """A person wants it twice."""
    approval, site = await ward.approval(key), await ward.house.site()
    async with ward.store.begin() as conn:
        await revising.edit(
            conn, site, approval["id"], ward.people["third"], intent_hash=approval["intent_hash"],
            parameters={"times": 2}, reason="twice",
        )  # fmt: skip


async def withdraw(ward: Ward, key: UUID) -> None:
    """A person takes it back."""
    approval = await ward.approval(key)
    async with ward.store.begin() as conn:
        await revising.withdraw(conn, approval["id"], ward.people["second"], reason="no", may_all=True)


async def move_on(ward: Ward, key: UUID) -> None:
    """The incident moves on."""
    row = await ward.execution(key)
    async with ward.store.begin() as conn:
        await approving.supersede(conn, row["incident_id"], Reason.INCIDENT_MOVED_ON)


async def expire(ward: Ward, key: UUID) -> None:
    """Its time is over, and the sweeper comes by."""
    await ward.rows("UPDATE approvals SET expires_at = store.now() WHERE execution_id = %s", key)
    await sweeping.sweep(ward.house)


async def run(ward: Ward, key: UUID) -> None:
    """A worker got the job."""
    await ward.execute(key)


async def run_soon(ward: Ward, key: UUID) -> None:
    """Another one got it too, a moment later."""
    await asyncio.sleep(LATE_S * 2)
    await ward.execute(key)


YES, NO, OTHER_YES = vote("first"), vote("second", "reject"), vote("third")
RACE_KINDS: dict[str, tuple[str, int, tuple[Move, ...]]] = {
    "approve or reject": ("poke", 1, (YES, NO, run_soon, run_soon)),
    "approve twice, one person": ("poke", 1, (YES, YES, YES, run_soon)),
    "approve, withdraw": ("poke", 1, (YES, withdraw, run_soon, run)),
    "approve, edit": ("poke", 1, (YES, edit, run_soon, run)),
    "approve, expire": ("poke", 1, (YES, expire, run_soon, run)),
    "approve, move on": ("poke", 1, (YES, move_on, run_soon, run)),
    "nobody may, many run": ("poke", 0, (NO, run, run, run)),
    "one of two, twice": ("hammer", 0, (YES, YES, YES, run_soon)),
    "one of two, who asked": ("hammer", 0, (YES, vote("carer"), run_soon, run)),
    "two of two or reject": ("hammer", 1, (YES, OTHER_YES, NO, run_soon)),
    "two of two, edit": ("hammer", 1, (YES, OTHER_YES, edit, run_soon)),
    "all at once": ("poke", 1, (YES, NO, edit, withdraw, expire, move_on, run_soon, run)),
}


async def test_no_race_gets_an_action_done_that_was_not_approved(database: Any, tmp_path: Path) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    async with open_ward(database, tmp_path, names=PEOPLE) as ward:
        services = [await ward.add_service() for _ in range(AT_ONCE)]
        tally: Counter[str] = Counter()
        kinds = list(RACE_KINDS)
        for start in range(0, RACES, AT_ONCE):
            picked = [(service, kinds[(start + n) % len(kinds)]) for n, service in enumerate(services)]
            answers = await asyncio.gather(*(race(ward, chance, service, name) for service, name in picked))
            for answer in answers:
                tally.update(answer)
    print(f"seed {SEED}: {RACES} races, {dict(tally)}")
    assert tally["races"] == RACES
    assert tally["done"] > RACES / 20, "honest approvals win some of the races"
    assert tally["not done"] > RACES / 20
    assert not tally["accepted wrongly"]


async def race(ward: Ward, chance: random.Random, service: str, name: str) -> list[str]:
    """One approval and everybody who wants something of it; what came of it."""
    playbook, honest_max, moves = RACE_KINDS[name]
    key = (await ward.ask(service, playbook))["id"]
    await asyncio.gather(*(_late(chance.uniform(0, LATE_S), move, ward, key) for move in moves))
    await ward.execute(key)
    fault = await judged(ward, key, honest_max)
    # The next race needs the resource, and everything that was edited or waits out of the way.
    await ward.rows(
        "UPDATE executions SET state = 'stable' WHERE resource_id = 'service:test/' || %s AND state <> 'stable'",
        service,
    )
    done = "done" if ward.target.received(str(key)) else "not done"
    if fault:
        print(f"{name}: {fault}")
    return ["races", done, *(["accepted wrongly"] if fault else [])]


async def _late(seconds: float, move: Move, ward: Ward, key: UUID) -> None:
    await asyncio.sleep(seconds)
    try:
        await move(ward, key)
    except NightshiftError:
        return  # somebody was quicker


async def judged(ward: Ward, key: UUID, honest_max: int) -> str:
    """What is wrong with this end; empty where nothing is."""
    row, approval = await ward.execution(key), await ward.approval(key)
    path, calls = await ward.path(key), ward.target.received(str(key))
    votes = await ward.rows("SELECT person_id, verdict FROM approval_votes WHERE approval_id = %s", approval["id"])
    yes = [one["person_id"] for one in votes if one["verdict"] == "approve"]
    said = f"{calls} calls, {path}, approval {approval['state']}, {len(yes)} yes"
    if calls > honest_max:
        return said
    if calls and (set(path) & ENDS or approval["state"] != "consumed" or len(set(yes)) < approval["needed"]):
        return said
    if calls != path.count("running") or len(yes) != len(set(yes)):
        return said
    if row["state"] != path[-1] or path.count("approved") > 1 + path.count("claimed"):
        return said
    return ""
