"""A house in which one process heals step by step: real PostgreSQL, a real target, and a clock that the test moves.

Nothing runs by itself: `work` does what is due and what is queued, as a worker would, and says what it did.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from core.alert import Alert, AlertStatus
from core.errors import IllegalTransition, NotFound
from core.site_form import read_site
from engine import approving, healing, sweeping, undoing, verifying
from engine.approving import Person
from engine.house import House
from engine.settings import Settings
from store import approvals, executions, incidents, jobs, people, playbooks
from store import site as sites
from store.bus import open_bus
from store.pool import Connection, Row, Store, open_store
from tests.stories.target import Target
from tools.act.proposals import submit_by_person

Json = dict[str, Any]
BODIES = {
    "execute": healing.execute,
    "start_verifying": verifying.start_verifying,
    "verify_execution": verifying.verify_execution,
    "watch_execution": verifying.watch_execution,
    "settle": verifying.settle,
    "probe_execution": sweeping.probe_execution,
    "propose_way_back": undoing.propose_way_back,
}
LEASE_S = 4.0
ACTION_S = 1.0
EVERY_S = 1.0
BEGIN = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
TIMINGS = {
    "lease_s": LEASE_S, "verify_every_s": EVERY_S, "watch_s": 3.0, "cooldown_s": 0, "approval_expires_s": 900,
    "settle_s": 0, "resolve_after_s": 86_400, "change_lookback_s": 120,
}  # fmt: skip
POKE = {
    "id": "poke", "title": "Poke the service", "action": "http", "classes": ["certificate"], "tier": 1,
    "verify_within_s": 10, "action_s_max": ACTION_S, "retries_max": 10_000,
    "parameters": {"service": {"kind": "service"}, "times": {"kind": "integer", "minimum": 1, "maximum": 3}},
}  # fmt: skip
HAMMER = {**POKE, "id": "hammer", "title": "Hit it hard", "destructive": True, "tier": 3}
BOOKS = (POKE, HAMMER)


class Killed(BaseException):
    """As by kill -9: nothing after it happens, and no handler for errors sees it."""


class Crashes:
    """Points of a run at which the test has something done to the process."""

    def __init__(self) -> None:
        self.at = ""
        self.does: Any = None

    def reach(self, name: str) -> None:
        """Pass a point."""
        if name == self.at:
            self.at = ""
            raise Killed


@dataclass
class Moment:
    """The time of the database, as the test wants it."""

    now: datetime = BEGIN

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class TimedStore(Store):
    """The store, with the test's clock in each unit of work."""

    clock: Moment = field(default_factory=Moment)

    @asynccontextmanager
    async def begin(self, *, wait_s: float | None = None, single: bool = False) -> AsyncIterator[Connection]:
        # Never single: the clock is set in the transaction that it is for.
        async with super().begin(wait_s=wait_s) as conn:
            await conn.execute("SELECT set_config('nightshift.now', %s, true)", [self.clock.now.isoformat()])
            yield conn


@dataclass
class Ward:
    """The house, the target, the persons, and what they do."""

    house: House
    target: Target
    clock: Moment
    crashes: Crashes
    people: dict[str, Person] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    site: Json = field(default_factory=dict)
    version: int = 0
    services: int = 0

    @property
    def store(self) -> Store:
        return self.house.store

    # What is there

    async def furnish(self, **more: Any) -> None:
        """Apply the site; its version grows."""
        self.site = {**self.site, **more}
        async with self.store.begin() as conn:
            await sites.apply(conn, self.site, by="test")
        await self.reread()

    async def aim_at(self, target: Target) -> None:
        """Have another target take the place of this ward's own, before there is any service."""
        assert not self.services
        self.target = target

    async def reread(self) -> None:
        """Have the house see the newest site now."""
        async with self.store.begin() as conn:
            row = await sites.newest(conn)
        assert row is not None
        self.version = row["version"]
        # Never old: the test says itself when the site changes.
        self.house._site = (monotonic() + 1e9, read_site(row["body"], row["version"]))

    async def add_person(self, name: str, role: str = "approver") -> Person:
        """Somebody with a key."""
        self.keys[name] = people.new_key()
        async with self.store.begin() as conn:
            key = await people.add_person(conn, name, role, by="test")
            await people.add_key(conn, self.keys[name], person=key)
        self.people[name] = Person(key, name, via="test")
        return self.people[name]

    async def put_playbook(self, **body: Any) -> None:
        """A playbook, or a new version of it."""
        async with self.store.begin() as conn:
            await playbooks.put(conn, body["id"], {**POKE, **body}, source="test", by="test")

    async def add_service(self, **more: Any) -> str:
        """A service of its own, with its endpoint, and an alert of it that fires."""
        name = f"svc-{self.services}"
        self.services += 1
        endpoint = {
            "id": f"{name}-http", "action": "http", "service": name, "url": f"{self.target.url}/act",
            "allow_private": True, "probe_url": f"{self.target.url}/operations/{{key}}",
        }  # fmt: skip
        endpoints = [*self.site.get("endpoints", []), {**endpoint, **more}]
        await self.furnish(services={**self.site.get("services", {}), name: {"kind": "http"}}, endpoints=endpoints)
        await self.alert(name)
        return name

    async def alert(self, service: str, status: AlertStatus = AlertStatus.FIRING, name: str = "HighErrorRate") -> None:
        """The sender says that an alert of a service begins, or that it ends now."""
        labels = {"alertname": name, "service": service, "severity": "critical", "environment": "test"}
        ended = self.clock.now if status is AlertStatus.RESOLVED else None
        identity = f"{service}/{name}"
        starts_at = self.clock.now - timedelta(seconds=60 if ended else 0)
        await self.house.intake.accept([Alert("am", identity, labels, status, starts_at, ended)])

    async def clear(self, service: str, name: str = "HighErrorRate") -> None:
        """The sender says that it is over."""
        await self.alert(service, AlertStatus.RESOLVED, name)

    async def incident(self, service: str) -> Row:
        """The newest incident of a service."""
        [row] = await self.rows("SELECT * FROM incidents WHERE service = %s ORDER BY number DESC LIMIT 1", service)
        async with self.store.begin() as conn:
            return await incidents.get(conn, row["id"])

    # What people do

    async def ask(self, service: str, playbook: str = "poke", *, person: str = "carer", times: int = 1) -> Row:
        """A person asks for a playbook; the execution."""
        incident = await self.incident(service)
        async with self.store.begin() as conn:
            return await submit_by_person(
                conn, await self.house.site(), incident, person=person, playbook_id=playbook,
                parameters={"service": service, "times": times}, reason="a hunch",
            )  # fmt: skip

    async def decide(self, execution: UUID, person: str = "first", verdict: str = "approve") -> None:
        """A person decides on what the card shows."""
        approval = await self.approval(execution)
        async with self.store.begin() as conn:
            await approving.decide(
                conn, approval["id"], self.people[person], verdict=verdict, intent_hash=approval["intent_hash"]
            )

    async def approved(self, service: str, playbook: str = "poke") -> UUID:
        """An execution that may be claimed."""
        key: UUID = (await self.ask(service, playbook))["id"]
        await self.decide(key)
        if playbook == "hammer":
            await self.decide(key, "second")
        return key

    async def checked(self, execution: UUID, *, happened: bool) -> None:
        """A person has looked."""
        async with self.store.begin() as conn:
            await approving.checked(conn, execution, self.people["first"], happened=happened, reason="looked")

    # What the worker does

    async def work(self) -> list[str]:
        """Everything that is due and queued now, once; the names of what was done."""
        await sweeping.sweep(self.house)
        async with self.store.begin() as conn:
            await jobs.take_due(conn)
        queued = await self.rows(
            "SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY priority DESC, id"
        )
        done = []
        for job in queued:
            if job["task_name"] in BODIES:
                await self.do(job["task_name"], **job["args"])
                done.append(job["task_name"])
            await self.rows("DELETE FROM procrastinate_jobs WHERE id = %s", job["id"])
        return done

    async def do(self, task: str, **args: Any) -> None:
        """One job, as the worker does it."""
        with contextlib.suppress(IllegalTransition, NotFound):
            await BODIES[task](self.house, **args)

    async def execute(self, execution: UUID) -> None:
        """The job that executes."""
        await self.do("execute", execution_id=str(execution))

    async def run(self, seconds: float, step_s: float = EVERY_S) -> None:
        """Let time go by, and work in each step."""
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            await self.work()

    async def reached(self, execution: UUID, *states: str, within_s: float = 60.0) -> Row:
        """Work until the execution is in one of these states."""
        for _ in range(round(within_s / EVERY_S)):
            row = await self.execution(execution)
            if row["state"] in states:
                return row
            await self.run(EVERY_S)
        raise AssertionError(f"{await self.path(execution)} and never {' or '.join(states)}")

    @contextmanager
    def dying(self, point: str) -> Iterator[None]:
        """Whatever reaches the point is killed there; AssertionError where nothing did."""
        self.crashes.at = point
        try:
            yield
        except Killed:
            return
        finally:
            self.crashes.at = ""
        raise AssertionError(f"nothing reached {point}")

    # What can be seen

    async def rows(self, query: str, *params: Any) -> list[Row]:
        """Read, or damage, the tables."""
        async with self.store.begin() as conn:
            cursor = await conn.execute(query.encode(), params or None)
            return await cursor.fetchall() if cursor.description else []

    async def execution(self, key: UUID) -> Row:
        async with self.store.begin() as conn:
            return await executions.get(conn, key)

    async def approval(self, execution: UUID) -> Row:
        """The approval of an execution."""
        async with self.store.begin() as conn:
            row = await approvals.of_execution(conn, execution)
        if row is None:
            raise NotFound(f"nobody was asked about {execution}")
        return row

    async def audit(self, key: UUID) -> list[Row]:
        """The steps of an execution on record."""
        query = "SELECT * FROM audit WHERE subject = %s AND action = 'execution.move' ORDER BY id"
        return await self.rows(query, f"execution:{key}")

    async def path(self, key: UUID) -> list[str]:
        """The states that an execution went through."""
        return [row["to_state"] for row in await self.audit(key)]

    async def told(self, service: str, *kinds: str) -> list[Row]:
        """Rows of the timeline of a service's incident."""
        incident = await self.incident(service)
        query = "SELECT * FROM timeline WHERE incident_id = %s AND kind = ANY (%s) ORDER BY seq"
        return await self.rows(query, incident["id"], list(kinds))

    async def damage(self, table: str, key: UUID, **values: Any) -> None:
        """Change a row behind everybody's back."""
        for column, value in values.items():
            whole = Jsonb(value) if isinstance(value, Mapping) else value
            await self.rows(f"UPDATE {table} SET {column} = %s WHERE id = %s", whole, key)


def settings_of(database: Any, folder: Path) -> Settings:
    """Of a house over a test's database."""
    return Settings(
        database_url=database.url, database_owner_url=database.owner_url, data_dir=folder, unsafe_database=True,
        openai_api_key=SecretStr(""),
    )  # fmt: skip


@asynccontextmanager
async def open_ward(
    database: Any, folder: Path, *, names: Sequence[str] = ("first", "second", "carer"), before: Target | None = None
) -> AsyncIterator[Ward]:
    """A furnished ward with its persons; all of them may approve.

    With the target of a ward that was there `before`, it finds what that one has left.
    """
    clock, crashes = Moment(datetime.now(UTC)), Crashes()
    bus = await open_bus(database.url)
    with contextlib.nullcontext(before) if before else Target() as target:
        async with (
            open_store(database.url, bus) as plain,
            httpx.AsyncClient(trust_env=False) as client,
        ):
            store = TimedStore(plain.url, plain.pool, plain.bus, clock)
            owner = f"ward:{secrets.token_hex(3)}"
            house = House(settings_of(database, folder), store, owner, crashes, None, client)  # type: ignore[arg-type]
            ward = Ward(house, target, clock, crashes)
            taking = asyncio.create_task(house.intake.run())
            await (_find(ward) if before else _furnish(ward, names))
            yield ward
            taking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await taking
    await bus.close()


async def _furnish(ward: Ward, names: Sequence[str]) -> None:
    for name in names:
        await ward.add_person(name)
    for book in BOOKS:
        await ward.put_playbook(**book)
    await ward.furnish(
        environment="test", services={}, timings=TIMINGS,
        policy={"actions_per_hour_max": 100_000, "service_actions_per_hour_max": 100_000,
                "breaker": {"failures_max": 0}, "hopeless_below": 0},
    )  # fmt: skip


async def _find(ward: Ward) -> None:
    for row in await ward.rows("SELECT id, name FROM persons"):
        ward.people[row["name"]] = Person(row["id"], row["name"], via="test")
    await ward.reread()
    async with ward.store.begin() as conn:
        row_of_site = await sites.newest(conn)
    assert row_of_site is not None
    ward.site = row_of_site["body"]
    ward.services = len(ward.site["services"])
