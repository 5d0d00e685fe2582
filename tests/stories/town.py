"""A town: Nightshift's own processes over a test database, a target, and the people and machines around them."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from tests.stories.target import Target

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
KEY = re.compile(r"ns_[A-Za-z0-9_-]{43}")
READY = re.compile(r"ready at (http://\S+)")
START_S = 40.0
STOP_S = 15.0
WAIT_S = 40.0
POLL_S = 0.1
LEASE_S = 10.0  # a worker may act for half of it after its claim; short ones only where workers die
SHORT_LEASE_S = 3.0
ACTION_S = 2.0
TIMINGS = {
    "scrape_s": 1, "evaluate_s": 1, "settle_s": 0.5, "resolve_after_s": 0.5, "reopen_s": 0, "approval_expires_s": 120,
    "lease_s": LEASE_S, "verify_every_s": 0.3, "change_lookback_s": 120, "watch_s": 0.5, "cooldown_s": 0,
}  # fmt: skip
ROLLBACK = {
    "id": "rollback-bad-release", "title": "Go back to the release that ran before", "action": "deploy_rollback",
    "classes": ["errors"], "causes": ["bad_release"], "tier": 3, "verify_within_s": 20, "action_s_max": ACTION_S,
    "parameters": {"service": {"kind": "service"}, "to_version": {"kind": "previous_release"}},
    "diagnosis": [{"ask": "What was deployed?", "changes_s": 3600}],
}  # fmt: skip
POKE = {
    "id": "poke", "title": "Poke the service", "action": "http", "classes": ["certificate"], "tier": 1,
    "verify_within_s": 20, "action_s_max": ACTION_S, "retries_max": 9, "parameters": {"service": {"kind": "service"}},
}  # fmt: skip


def now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass
class Town:
    """Addresses, keys and processes. Everything goes through the front door; `rows` only reads."""

    database_url: str
    owner_url: str
    target: Target
    folder: Path
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(trust_env=False, timeout=20.0))
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    patience_s: float = 0.0  # how long a request is repeated that is told to come again in a moment
    site: Json = field(default_factory=dict)
    _conn: psycopg.Connection[Any] | None = None

    # Processes

    def process(self, what: str, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start `nightshift WHAT` as an operator would; its output goes to files."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
        own = {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "NIGHTSHIFT_UNSAFE_DATABASE": "1",
            "NIGHTSHIFT_DATA_DIR": str(self.folder / "data"),
        }
        number = len(self.processes)
        with (
            (self.folder / f"{number}-{what}.out").open("wb") as out,
            (self.folder / f"{number}-{what}.err").open("wb") as err,
        ):
            made = subprocess.Popen(
                [sys.executable, "-c", "from api.cli.main import main; main()", what, *words],
                cwd=ROOT, env={**inherited, **own, **environment}, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip
        self.processes.append(made)
        return made

    def worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self.process("worker", **environment)

    async def serve(self, what: str = "serve", **environment: str) -> None:
        """Start the HTTP side (`up`: with a worker in it) and wait for its address and the first admin's key."""
        number = len(self.processes)
        made = self.process(what, "--port", "0", **environment)

        async def ready() -> bool:
            assert made.poll() is None, (self.folder / f"{number}-{what}.err").read_text()
            said = (self.folder / f"{number}-{what}.out").read_text()
            if not (address := READY.search(said)) or not (key := KEY.search(said)):
                return False
            self.url, self.keys["admin"] = address.group(1), key.group()
            return True

        await until("the server", ready, START_S)

    async def restart_serve(self) -> None:
        """Kill -9 the HTTP side and start it again on its port."""
        self.kill(self.processes[0])
        self.process("serve", "--port", self.url.rpartition(":")[2])

        async def answers() -> bool:
            try:
                return (await self.client.get(f"{self.url}/health/live")).is_success
            except httpx.HTTPError:
                return False

        await until("the server", answers, START_S)

    async def died(self, process: subprocess.Popen[bytes], wait_s: float = WAIT_S) -> int:
        """Wait for a process that ends by itself; its exit code."""

        async def ended() -> bool:
            return process.poll() is not None

        await until("the end of a process", ended, wait_s)
        return process.wait()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill -9."""
        process.kill()
        process.wait()

    def end(self) -> None:
        """End every process that is left, and the reading connection."""
        for process in self.processes:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                    process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._conn is not None:
            self._conn.close()

    # The front door

    async def ask(
        self, method: str, path: str, body: Any = None, *, who: str = "admin", status: int = 0, **params: Any
    ) -> Any:
        """A request to the API; its JSON. A status other than a good one (or than `status`) fails the test."""
        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        until = time.monotonic() + self.patience_s
        while True:
            answer = await self.client.request(
                method, f"{self.url}/api/v1{path}", json=body, params=params or None, headers=headers
            )
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > until:
                break
            await asyncio.sleep(POLL_S)
        good = answer.status_code == status if status else answer.is_success
        assert good, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def furnish(
        self, services: Sequence[str], *, probe: bool = True, timings: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        """Keys for people and machines, the site, and playbooks with short times."""
        for name, kind in (("am", "alertmanager"), ("ci", "changes")):
            self.keys[name] = (await self.ask("POST", "/sources", {"name": name, "kind": kind}))["key"]
        self.keys["on-call"] = (await self.ask("POST", "/people", {"name": "on-call", "role": "approver"}))["key"]
        for book in (ROLLBACK, POKE):
            await self.ask("PUT", f"/playbooks/{book['id']}", book)
        common = {"allow_private": True, **({"probe_url": f"{self.target.url}/operations/{{key}}"} if probe else {})}
        self.site = {
            "environment": "test",
            "services": {name: {"kind": "http"} for name in services},
            "endpoints": [
                {"id": f"{name}-{action}", "action": action, "service": name, "url": f"{self.target.url}/act", **common}
                for name in services
                for action in ("deploy_rollback", "http")
            ],
            "channels": [{"id": "pager", "kind": "webhook", "url": f"{self.target.url}/page"}],
            "timings": {**TIMINGS, **(timings or {})},
            "policy": {
                "actions_per_hour_max": 100_000,
                "breaker": {"failures_max": 0},
                "hopeless_below": 0.0,
            },
            **more,
        }
        await self.ask("PUT", "/site", self.site)

    async def send_alerts(self, alerts: Sequence[Json]) -> Json:
        """One POST of the sender."""
        return dict(await self.ask("POST", "/webhooks/alertmanager", {"alerts": list(alerts)}, who="am"))

    async def fire(self, service: str, *, name: str = "HighErrorRate", number: int = 1) -> list[Json]:
        """Alerts of a service begin; what was sent."""
        alerts = [firing(service, name, n) for n in range(number)]
        await self.send_alerts(alerts)
        return alerts

    async def clear(self, alerts: Sequence[Json]) -> None:
        """The sender says that they are over."""
        await self.send_alerts([{**alert, "status": "resolved", "endsAt": now()} for alert in alerts])

    async def deploy(self, service: str, version: str, previous: str, *, kind: str = "deploy") -> None:
        """The deploy tool tells of a change that it made a moment ago."""
        at = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        change = {
            "id": f"{kind}-{service}-{version}-{time.time_ns()}", "kind": kind, "environment": "test",
            "service": service, "version": version, "previous_version": previous, "at": at,
        }  # fmt: skip
        assert (await self.ask("POST", "/webhooks/changes", change, who="ci"))["stored"] == 1

    async def poke(self, service: str) -> str:
        """A person on call proposes the poke for the newest incident of a service; the execution's id."""
        return await self._propose("poke", service=service)

    async def roll_back(self, service: str, version: str) -> str:
        """The same for a rollback."""
        return await self._propose("rollback-bad-release", service=service, to_version=version)

    async def _propose(self, playbook: str, **parameters: str) -> str:
        incident = await self.incident(parameters["service"])
        body = {"playbook_id": playbook, "parameters": parameters, "reason": "a hunch"}
        return str((await self.ask("POST", f"/incidents/{incident['number']}/propose", body))["execution_id"])

    async def decide(self, execution_id: str, verdict: str = "approve", *, status: int = 0) -> None:
        """The person on call decides on what the card shows."""
        approval = await self.approval(execution_id)
        body = {"verdict": verdict, "intent_hash": approval["intent_hash"], "reason": "seen"}
        await self.ask("POST", f"/approvals/{approval['id']}/decision", body, who="on-call", status=status)

    async def approval(self, execution_id: str) -> Json:
        """The approval of an execution."""
        row = await self.execution(execution_id)
        return dict(await self.ask("GET", f"/approvals/{row['approval_id']}"))

    async def execution(self, execution_id: str) -> Json:
        """An execution with its audit rows."""
        return dict(await self.ask("GET", f"/executions/{execution_id}"))

    async def path(self, execution_id: str) -> list[str]:
        """The states that an execution went through, from its audit rows."""
        return [row["to_state"] for row in (await self.execution(execution_id))["audit"]]

    async def incident(self, service: str, above: int = 0) -> Json:
        """The newest incident of a service, once it is there."""

        async def look() -> Json | None:
            items = (await self.ask("GET", "/incidents", service=service, limit=1))["items"]
            return items[0] if items and items[0]["number"] > above else None

        return dict(await until(f"an incident of {service}", look))

    async def events(self, number: int, *kinds: str) -> list[Json]:
        """The timeline rows of some kinds."""
        page = await self.ask("GET", f"/incidents/{number}/events", follow="false", limit=500)
        return [row for row in page["items"] if row["kind"] in kinds]

    async def card(self, number: int, *, nth: int = 1) -> str:
        """Wait for the n-th approval that people were told of; its execution's id."""

        async def look() -> str | None:
            told = await self.events(number, "approval.requested")
            return told[nth - 1]["body"]["execution_id"] if len(told) >= nth else None

        return str(await until(f"card {nth} of incident #{number}", look))

    async def reached(self, execution_id: str, *states: str, wait_s: float = WAIT_S) -> Json:
        """The execution, once it is in one of these states."""
        seen: list[str] = []

        async def look() -> Json | None:
            row = await self.execution(execution_id)
            seen[:] = [audit["to_state"] for audit in row["audit"]]
            return row if row["state"] in states else None

        return dict(await until(f"{' or '.join(states)} of {execution_id}", look, wait_s, lambda: str(seen)))

    async def outcome(self, execution_id: str) -> str:
        """What was learned of an execution, a moment after it ended."""

        async def look() -> Json | None:
            row = await self.execution(execution_id)
            return row if row["outcome"] else None

        return str((await until(f"the outcome of {execution_id}", look, WAIT_S, lambda: ""))["outcome"])

    async def is_resolved(self, number: int) -> None:
        """Wait for the end of an incident."""
        await self.is_in(number, "resolved")

    async def is_in(self, number: int, state: str) -> None:
        """Wait for a state of an incident."""

        async def look() -> bool:
            return bool((await self.ask("GET", f"/incidents/{number}"))["state"] == state)

        await until(f"incident #{number} being {state}", look)

    async def ends(self, number: int, *, times: int = 1) -> list[Json]:
        """Wait until the incident's thread has reported so many ends; all of them."""

        async def look() -> list[Json] | None:
            found = await self.events(number, "run.finished")
            return found if len(found) >= times else None

        return list(await until(f"{times} ends of incident #{number}", look))

    async def is_waiting(self) -> None:
        """Wait until no job is left to do: whatever was asked for has been done."""

        async def look() -> bool:
            return not self.rows("SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing') LIMIT 1")

        await until("the end of all jobs", look)

    # The back door, for looking and for breaking things

    def rows(self, query: str, *params: Any) -> list[Json]:
        """Read, or damage, the tables as their owner."""
        if self._conn is None or self._conn.closed:
            self._conn = psycopg.connect(self.owner_url, autocommit=True, row_factory=dict_row)
        cursor = self._conn.execute(query.encode(), params or None)
        return cursor.fetchall() if cursor.description else []


def firing(service: str, name: str = "HighErrorRate", number: int = 0) -> Json:
    """A firing alert of Alertmanager's form."""
    labels = {"alertname": name, "service": service, "severity": "critical", "route": f"/{number}"}
    return {"status": "firing", "labels": labels, "annotations": {"summary": "errors"}, "startsAt": now()}


async def until(
    what: str, look: Callable[[], Awaitable[Any]], wait_s: float = WAIT_S, last: Callable[[], str] = str
) -> Any:
    """Ask until there is an answer; AssertionError after `wait_s`, saying what was waited for."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        if found := await look():
            return found
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"waited {wait_s:.0f} s for {what}, in vain {last()}")


@asynccontextmanager
async def open_town(database: Any, folder: Path, what: str = "serve", **environment: str) -> AsyncIterator[Town]:
    """A served house over an empty database, beside a target; no worker yet, unless it is all `up` in one process."""
    with Target() as target:
        town = Town(database.url, database.owner_url, target, folder)
        try:
            await town.serve(what, **environment)
            yield town
        finally:
            await town.client.aclose()
            town.end()
