"""A value that the database refuses costs only its own batch, and at the door only itself."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from api.delivery import Delivery
from api.figures import Figures
from core.alert import Alert, AlertStatus
from core.errors import Contended, Unavailable
from ingest.intake import Intake
from ingest.parsed import Parsed
from store.pool import Store, many, refuses_value

GOOD = Alert("test", "good", {"alertname": "CartDown", "service": "cart"}, AlertStatus.FIRING, datetime.now(UTC))
# Random digits cannot be compressed below what an index takes.
LONG = "".join(random.Random(1).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=9000))
POISON = replace(GOOD, identity="poison", labels={"alertname": "CartDown", "service": LONG})


async def test_one_poisoned_batch_does_not_cost_its_neighbours(store: Store, intake: Intake) -> None:
    batches = [[GOOD], [POISON], [replace(GOOD, identity="fine")]]
    first, second, third = await asyncio.gather(*[intake.accept(b) for b in batches], return_exceptions=True)
    assert isinstance(second, psycopg.errors.ProgramLimitExceeded)
    assert (getattr(first, "new", None), getattr(third, "new", None)) == (1, 1)


async def test_at_the_door_the_poison_alone_goes_into_quarantine(store: Store, intake: Intake) -> None:
    around = [replace(GOOD, identity=f"good{n}") for n in range(5)]
    door = Delivery(store, intake, Figures(), "prometheus")
    counts, rejected = await door.store_alerts(Parsed([*around[:2], POISON, *around[2:]], [], 0, 0))
    assert (counts["new"], counts["quarantined"], len(rejected)) == (5, 1, 1)
    async with store.begin() as conn:
        [kept] = await many(conn, "SELECT reason FROM quarantine")
        assert kept["reason"] == "unstorable"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("57P01", Unavailable),
        ("53300", Unavailable),
        ("08006", Unavailable),
        ("40P01", Contended),
        ("55P03", Contended),
        ("54000", psycopg.errors.ProgramLimitExceeded),
        ("22003", psycopg.errors.NumericValueOutOfRange),
    ],
)
async def test_only_a_database_that_is_away_is_called_away(store: Store, state: str, expected: type[Exception]) -> None:
    with pytest.raises(Exception) as raised:
        async with store.begin() as conn:
            await conn.execute(f"DO $$ BEGIN RAISE 'no' USING ERRCODE = '{state}'; END $$")  # type: ignore[call-overload]
    assert type(raised.value) is expected
    assert refuses_value(raised.value) == (state[:2] in ("22", "54"))


async def test_a_sender_is_told_soon_when_no_connection_is_free(store: Store, intake: Intake) -> None:
    loop = asyncio.get_running_loop()

    async def hold(until: asyncio.Event) -> None:
        async with store.begin():
            await until.wait()

    done = asyncio.Event()
    held = [asyncio.create_task(hold(done)) for _ in range(store.pool.max_size)]
    await asyncio.sleep(0.5)
    began = loop.time()
    with pytest.raises(Unavailable, match="no free connection"):
        await intake.accept([GOOD])
    assert loop.time() - began < 6
    done.set()
    await asyncio.gather(*held)
