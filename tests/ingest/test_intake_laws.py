"""The intake against a small model: whatever comes, the same alerts are open and the counts add up."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.alert import Alert, AlertStatus
from ingest.intake import Folded, Intake
from store.pool import Store, many
from tests.laws.size import SEQUENCES

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)
AT_ONCE = 0  # a moment that is now; negative ones are seconds around LONG_AGO
_runs = itertools.count()


@dataclass(frozen=True)
class Said:
    """One alert of a batch: of whom, firing or over, since or until when, and with which text."""

    who: str
    firing: bool
    when: int
    text: str


WHO = st.sampled_from(["shop-a", "shop-b", "cart-a", "mail-a"])
FIRES = st.builds(Said, WHO, st.just(True), st.sampled_from([AT_ONCE, -50]), st.sampled_from(["same", "worse"]))
ENDS = st.builds(Said, WHO, st.just(False), st.sampled_from([AT_ONCE, -100, -10]), st.just("same"))
BATCHES = st.lists(FIRES | FIRES | ENDS, min_size=1, max_size=8)
DELIVERIES = st.lists(st.lists(BATCHES, min_size=1, max_size=3), min_size=1, max_size=6)


class Model:
    """The open alerts, when each began and ended, and what was counted; time is the number of the delivery."""

    def __init__(self) -> None:
        self.open: dict[str, tuple[str, float]] = {}
        self.ended: dict[str, float] = {}
        self.counted: Counter[str] = Counter()
        self.occurrences: Counter[str] = Counter()

    def take(self, said: Sequence[Said], moment: int) -> None:
        """Fold what came together, one after the other."""
        for one in said:
            when = moment if one.when == AT_ONCE else one.when
            result = self._fire(one, when, moment) if one.firing else self._end(one.who, when, moment)
            self.counted[result] += 1
            if one.firing and result != "late":
                self.occurrences[one.who] += 1

    def _fire(self, said: Said, when: float, moment: int) -> str:
        if said.who in self.open:
            text, began = self.open[said.who]
            self.open[said.who] = said.text, began
            return "repeats" if text == said.text else "changed"
        if when <= self.ended.get(said.who, float("-inf")):
            return "late"
        self.open[said.who] = said.text, when
        return "new"

    def _end(self, who: str, when: float, moment: int) -> str:
        if who not in self.open or when < self.open[who][1]:
            return "ignored"
        del self.open[who]
        self.ended[who] = when
        return "resolved"


def alert(said: Said, run: str, moment: datetime) -> Alert:
    """As a sender writes it."""
    when = moment if said.when == AT_ONCE else LONG_AGO + timedelta(seconds=said.when)
    labels = {"alertname": f"Odd{said.who[-1]}", "service": said.who[:-2], "environment": run, "cluster": "one"}
    fired = Alert("law", f"{run}:{said.who}", labels, AlertStatus.FIRING, when, annotations={"summary": said.text})
    return fired if said.firing else replace(fired, status=AlertStatus.RESOLVED, starts_at=LONG_AGO, ends_at=when)


@settings(max_examples=SEQUENCES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=DELIVERIES)
async def test_the_intake_does_what_the_model_does(
    store: Store, intake: Intake, deliveries: list[list[list[Said]]]
) -> None:
    run, model, counted = f"run{next(_runs)}", Model(), Folded()
    for number, batches in enumerate(deliveries, 1):
        model.take([said for batch in batches for said in batch], number)
        now = datetime.now(UTC)
        sent = [[alert(said, run, now) for said in batch] for batch in batches]
        for folded in await asyncio.gather(*[intake.accept(batch) for batch in sent]):
            counted.add(folded)
        rows = await alerts_of(store, run)
        firing = [row for row in rows if row["ended_at"] is None]
        assert sorted(row["identity"] for row in firing) == sorted(f"{run}:{who}" for who in model.open)
        assert {row["identity"][len(run) + 1 :]: row["text"] for row in firing} == {
            who: text for who, (text, _) in model.open.items()
        }
        assert +Counter(asdict(counted)) == +model.counted
    occurrences: Counter[str] = Counter()
    for row in rows:
        occurrences[row["identity"][len(run) + 1 :]] += row["occurrences"]
    assert occurrences == model.occurrences
    await check_incidents(store, run)


async def test_eight_senders_at_once_lose_nothing_and_stand_in_nobodys_way(
    store: Store, intake: Intake, another_intake: Any
) -> None:
    """Two processes take overlapping batches in eight different orders; every alert is counted exactly once."""
    everybody = [Said(f"{service}-{n}", True, -50, "same") for service in ("shop", "cart", "mail") for n in range(10)]
    counted, rounds = Folded(), 6

    async def send(door: Intake, number: int) -> None:
        chance = random.Random(number)
        for turn in range(rounds):
            batch = [replace(said, text=f"text {(number + turn) % 2}") for said in everybody]
            chance.shuffle(batch)
            counted.add(await door.accept([alert(said, "together", LONG_AGO) for said in batch]))

    async with another_intake() as second:
        await asyncio.gather(*[send((intake, second)[number % 2], number) for number in range(8)])
    sent = 8 * rounds * len(everybody)
    assert counted.new == len(everybody)
    assert counted.new + counted.repeats + counted.changed == sum(asdict(counted).values()) == sent
    rows = await alerts_of(store, "together")
    assert len(rows) == len(everybody)
    assert sum(row["occurrences"] for row in rows) == sent
    await check_incidents(store, "together")


async def alerts_of(store: Store, run: str) -> list[dict[str, Any]]:
    async with store.begin() as conn:
        columns = "identity, ended_at, occurrences, annotations->>'summary' AS text"
        return await many(conn, f"SELECT {columns} FROM alerts WHERE environment = %s", [run])


async def check_incidents(store: Store, run: str) -> None:
    """The counters of each incident are what its alerts say."""
    query = """
      SELECT i.firing_count, i.alert_count, count(a.id) AS alerts,
             count(a.id) FILTER (WHERE a.ended_at IS NULL) AS firing
      FROM incidents i LEFT JOIN alerts a ON a.incident_id = i.id WHERE i.environment = %s GROUP BY i.id
    """
    async with store.begin() as conn:
        for row in await many(conn, query, [run]):
            assert (row["firing_count"], row["alert_count"]) == (row["firing"], row["alerts"])
            assert row["alerts"] > 0


async def test_of_two_ends_in_one_body_the_first_one_counts(store: Store, intake: Intake) -> None:
    """And so a fire between them in time is a new one, however they were put together."""
    ends = [Said("shop-b", False, -10, "same"), Said("shop-b", False, AT_ONCE, "same")]
    fires = [Said("shop-b", True, -50, "same"), Said("shop-b", True, AT_ONCE, "same")]
    now = datetime.now(UTC)
    folded = await intake.accept([alert(said, "ends", now) for said in (fires[0], *ends, fires[1])])
    assert asdict(folded) | {"new": 2, "resolved": 1, "ignored": 1} == asdict(folded)
    ended = {row["ended_at"] for row in await alerts_of(store, "ends")}
    assert ended == {LONG_AGO - timedelta(seconds=10), None}
