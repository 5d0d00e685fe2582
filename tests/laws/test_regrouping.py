"""Whatever people merge, split, acknowledge and resolve while alerts come and go: none is lost, all counts are true."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.alert import Alert, AlertStatus
from core.errors import IllegalTransition
from core.site import Site, Timings
from engine import regrouping
from engine.regrouping import By
from ingest.intake import Intake
from store import incidents
from store import regrouping as tables
from store.bus import open_bus
from store.pool import Store, many, open_store
from tests.laws.size import law

SITE = Site(1, "test", timings=Timings(reopen_s=0.0))
BY = By("the person on call", "person:the person on call")
MOVABLE = ["open", "acknowledged"]
WHO = st.sampled_from(["shop-a", "shop-b", "cart-a", "cart-b", "mail-a"])
NUMBER = st.integers(0, 5)
STEPS = st.lists(
    st.tuples(st.just("fire"), WHO)
    | st.tuples(st.just("fire"), WHO)
    | st.tuples(st.just("end"), WHO)
    | st.tuples(st.just("merge"), NUMBER, NUMBER)
    | st.tuples(st.just("split"), NUMBER, st.sets(WHO, min_size=1, max_size=2))
    | st.tuples(st.just("ack"), NUMBER)
    | st.tuples(st.just("resolve"), NUMBER),
    min_size=1,
    max_size=14,
)
_runs = itertools.count()


@dataclass
class Thing:
    """An incident of the model."""

    group: str
    state: str = "open"
    into: int | None = None


@dataclass
class Model:
    """Incidents in the order of their opening; each episode of an alert with its incident, and whether it is open."""

    things: list[Thing] = field(default_factory=list)
    episodes: list[tuple[str, int, bool]] = field(default_factory=list)
    claims: dict[str, int] = field(default_factory=dict)

    def fire(self, who: str) -> None:
        """A new episode, unless there is an open one; it goes where it is claimed, or to its group's incident."""
        if not any(one == who and is_open for one, _, is_open in self.episodes):
            self.episodes.append((who, self._home(who, who[:4]), True))

    def _home(self, who: str, group: str) -> int:
        alive = {n: thing for n, thing in enumerate(self.things) if thing.state in MOVABLE}
        own = [n for n, thing in alive.items() if thing.group == group]
        for home in [self.claims.get(who), *own, self.claims.get(group)]:
            if home in alive:
                return home
        self.things.append(Thing(group))
        return len(self.things) - 1

    def end(self, who: str) -> None:
        """The open episode is over."""
        self.episodes = [(one, home, is_open and one != who) for one, home, is_open in self.episodes]

    def merge(self, source: int, target: int) -> bool:
        """Whether it may be, and what comes of it."""
        if source == target or self.things[source].state == "merged" or self.things[target].state not in MOVABLE:
            return False
        self.episodes = [(one, target if home == source else home, o) for one, home, o in self.episodes]
        self.claims = {key: target if home == source else home for key, home in self.claims.items()}
        self.claims[self.things[source].group] = target
        self.things[source].state, self.things[source].into = "merged", target
        return True

    def split(self, source: int, who: set[str]) -> bool:
        """Whether it may be, and what comes of it."""
        mine = [one for one, home, _ in self.episodes if home == source]
        goes = [one for one in mine if one in who]
        if self.things[source].state not in MOVABLE or not 0 < len(goes) < len(mine):
            return False
        made = len(self.things)
        self.things.append(Thing(f"split {made}", self.things[source].state))
        self.episodes = [(one, made if home == source and one in who else home, o) for one, home, o in self.episodes]
        self.claims.update(dict.fromkeys(goes, made))
        return True

    def set_state(self, number: int, state: str) -> None:
        """As a person says, where it is not over."""
        if self.things[number].state in (["open"] if state == "acknowledged" else MOVABLE):
            self.things[number].state = state


@pytest.fixture
async def store(database: Any) -> AsyncIterator[Store]:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus) as opened:
        yield opened
    await bus.close()


@pytest.fixture
async def intake(store: Store) -> AsyncIterator[Intake]:
    async def site() -> Site:
        return SITE

    intake = Intake(store, site)
    work = asyncio.create_task(intake.run())
    yield intake
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


@settings(law, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_no_order_of_steps_loses_an_alert(store: Store, intake: Intake, steps: list[tuple[Any, ...]]) -> None:
    run, model = f"run{next(_runs)}", Model()
    for verb, *args in steps:
        if verb in ("fire", "end"):
            getattr(model, verb)(args[0])
            await intake.accept([alert(args[0], run, firing=verb == "fire")])
        elif model.things:
            ids = [row["id"] for row in await opened(store, run)]
            await by_hand(store, model, run, ids, verb, args)
        await check(store, run, model)


async def by_hand(store: Store, model: Model, run: str, ids: list[UUID], verb: str, args: list[Any]) -> None:
    """What a person does, to both; they have to agree whether it may be."""
    at = args[0] % len(ids)
    try:
        async with store.begin() as conn:
            if verb == "merge":
                to = args[1] % len(ids)
                expected = model.merge(at, to)
                await regrouping.merge(conn, SITE, ids[at], ids[to], BY)
            elif verb == "split":
                expected = model.split(at, args[1])
                matcher = "identity=~" + "|".join(f"{run}:{one}" for one in sorted(args[1]))
                await regrouping.split(conn, SITE, ids[at], BY, ids=(), matchers=[matcher])
            else:
                expected, state = True, {"ack": "acknowledged", "resolve": "resolved"}[verb]
                model.set_state(at, state)
                before = ["open"] if verb == "ack" else MOVABLE
                await incidents.set_state(conn, ids[at], state, by=BY.name, only_from=before)
        happened = True
    except IllegalTransition:
        happened = False
    assert happened is expected


def alert(who: str, run: str, *, firing: bool) -> Alert:
    labels = {"alertname": f"Odd{who[-1]}", "service": who[:4], "environment": run, "identity": f"{run}:{who}"}
    now = datetime.now(UTC)
    if firing:
        return Alert("law", f"{run}:{who}", labels, AlertStatus.FIRING, now)
    return Alert("law", f"{run}:{who}", labels, AlertStatus.RESOLVED, now, ends_at=now)


async def opened(store: Store, run: str) -> list[dict[str, Any]]:
    async with store.begin() as conn:
        return await many(conn, "SELECT * FROM incidents WHERE environment = %s ORDER BY number", [run])


async def check(store: Store, run: str, model: Model) -> None:
    """Every alert in the incident of the model, every count true, every timeline without a gap and readable."""
    found = await opened(store, run)
    numbers = {row["id"]: n for n, row in enumerate(found)}
    by_number = {row["number"]: n for n, row in enumerate(found)}
    assert [(row["state"], by_number.get(row["merged_into"])) for row in found] == [
        (thing.state, thing.into) for thing in model.things
    ]
    async with store.begin() as conn:
        rows = await many(conn, "SELECT * FROM alerts WHERE environment = %s ORDER BY received_at, id", [run])
        here = [(row["identity"].split(":")[1], numbers[row["incident_id"]], row["ended_at"] is None) for row in rows]
        assert sorted(here) == sorted(model.episodes)
        for row in found:
            mine = [one for one in here if one[1] == numbers[row["id"]]]
            assert (row["alert_count"], row["firing_count"]) == (len(mine), sum(is_open for *_, is_open in mine))
            told = await tables.story(conn, row["id"], None, rows=1_000)
            seqs = [one["seq"] for one in told if one["incident"] == row["number"]]
            assert seqs == list(range(1, row["timeline_seq"] + 1))
            into_here = {other["number"] for other in found if other["merged_into"] == row["number"]}
            assert into_here <= {one["incident"] for one in told}
