"""Two workers want the same work: each action is called once, and a resource has one open run at a time."""

import asyncio

from tests.stories.target import Manner
from tests.stories.town import POKE, Town, until

MANY = 20
RIVALS = 3


async def test_two_workers_race_on_many_resources_and_on_one(town: Town) -> None:
    """Twenty runs on twenty resources, and three on one: everything approved before anybody works."""
    services = [f"shop-{n}" for n in range(MANY)]
    await town.furnish([*services, "busy"], timings={"settle_s": 3600, "watch_s": 0})
    await town.ask("PUT", "/playbooks/poke", {**POKE, "verify_within_s": 2})
    await asyncio.gather(*[town.fire(name) for name in [*services, "busy"]])
    pokes = [await town.poke(name) for name in services]
    rivals = [await town.poke("busy") for _ in range(RIVALS)]
    town.target.manners["busy"] = Manner(after_s=0.5)
    for execution in [*pokes, *rivals]:
        await town.decide(execution)
    town.worker()
    town.worker()

    async def all_called() -> bool:
        return len(town.target.all_received()) == MANY + len(rivals)

    # No alert ends, so each rival is verified in vain until its time is over; only then the next may begin.
    await until("every call", all_called, 90.0)
    assert set(town.target.all_received().values()) == {1}
    assert len(town.target.effective()) == MANY + len(rivals)
    claimers = town.rows("SELECT DISTINCT actor FROM audit WHERE to_state = 'claimed'")
    assert len(claimers) == 2, "both workers took part"
    assert open_at_once(town, rivals) == 1


def open_at_once(town: Town, executions: list[str]) -> int:
    """How many of these were open at the same time at most, by their audit rows."""
    begins, ends = ("claimed",), ("verified", "ineffective", "inconclusive", "invalidated", "failed")
    most = now = 0
    subjects = [f"execution:{key}" for key in executions]
    for row in town.rows("SELECT to_state FROM audit WHERE subject = ANY (%s) ORDER BY id", subjects):
        now += (row["to_state"] in begins) - (row["to_state"] in ends)
        most = max(most, now)
    return most
