"""A running server on loopback, with a key for each role, and the command line as a real process beside it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvicorn

from api.access import Role
from api.app import build_app
from core.alert import Alert, AlertStatus
from core.intent import Intent
from core.rates import Outcome
from engine.house import House, open_house
from engine.settings import Settings
from ingest.folding import arrive, fold_rest
from ingest.heard import hear
from ingest.waves import Word
from store import changes, executions, incidents, people, site
from store.ids import new_ids
from store.people import new_key

CLI_S_MAX = 30.0
PEOPLE = {
    "viewer": Role.VIEWER,
    "responder": Role.RESPONDER,
    "approver": Role.APPROVER,
    "operator": Role.OPERATOR,
}
SITE = {
    "environment": "production",
    "services": {"checkout": {"kind": "http"}},
    "endpoints": [
        {"id": "deployer", "action": "deploy_rollback", "service": "checkout", "url": "http://127.0.0.1:9/rollback"}
    ],
}


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass
class Office:
    """The server, its keys, and commands run against it."""

    house: House
    url: str
    keys: dict[str, str] = field(default_factory=dict)

    async def run(self, who: str | None, *words: str, typed: str = "", **environment: str) -> Ran:
        """`nightshift WORDS` as a process of its own, with the key of `who`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
        known = {"NIGHTSHIFT_URL": self.url, **({"NIGHTSHIFT_TOKEN": self.keys[who]} if who else {})}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api.cli.main", *words,
            env={**inherited, **known, **environment},
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(CLI_S_MAX):
            out, err = await process.communicate(typed.encode())
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def trouble(self, name: str = "HighErrorRate") -> int:
        """checkout breaks right after v42 replaced v41; the number of the incident."""
        moment = datetime.now(UTC)
        deploy = {
            "source": "deployer", "external_id": f"deploy-{name}", "kind": "deploy", "environment": "production",
            "service": "checkout", "version": "v42", "previous_version": "v41", "summary": "v42 was deployed",
            "author": "", "at": moment - timedelta(minutes=2),
        }  # fmt: skip
        labels = {"alertname": name, "service": "checkout", "severity": "critical"}
        alert = Alert("test", f"test:{name}", labels, AlertStatus.FIRING, moment - timedelta(minutes=1))
        described = await self.house.site()
        async with self.house.store.begin() as conn:
            await changes.insert(conn, deploy)
            await fold_rest(conn, described, [arrive(Word(hear(alert), 0, 0), described, new_ids(1)[0])], alone=True)
            row = await (await conn.execute("SELECT max(number) AS number FROM incidents")).fetchone()
        assert row is not None
        return int(row["number"])

    async def learned(self, *outcomes: str) -> None:
        """Rollbacks of the past on one kind of trouble, with these outcomes."""
        incident_id = await self._incident_id(await self.trouble())
        for number, outcome in enumerate(outcomes):
            intent = Intent(
                "deploy_rollback", "rollback-bad-release", 1, {"service": "checkout", "to_version": f"v{number}"},
                "service:production/checkout", "release:v42", "deployer", str(incident_id), 1,
            )  # fmt: skip
            values = {
                "incident_id": incident_id, "attempt": number, "origin": "person", "requester": "responder",
                "signature": "v1|HighErrorRate|http|errors", "environment": "production",
            }  # fmt: skip
            async with self.house.store.begin() as conn:
                row, _ = await executions.propose(conn, intent, values)
                await executions.learn(conn, row["id"], Outcome(outcome))

    async def _incident_id(self, number: int) -> UUID:
        async with self.house.store.begin() as conn:
            return UUID(str((await incidents.by_number(conn, number))["id"]))


@pytest.fixture
async def office(database: Any, tmp_path: Path) -> AsyncIterator[Office]:
    """Nightshift serving on a free port of loopback."""
    settings = Settings(
        DATABASE_URL=database.url,
        DATABASE_OWNER_URL=database.owner_url,
        NIGHTSHIFT_UNSAFE_DATABASE=True,
        NIGHTSHIFT_DATA_DIR=tmp_path / "data",
    )
    async with open_house(settings) as house:
        keys = {"admin": house.first_key}
        async with house.store.begin() as conn:
            await site.apply(conn, SITE, by="test")
            for name, role in PEOPLE.items():
                keys[name] = new_key()
                await people.add_key(conn, keys[name], person=await people.add_person(conn, name, role, by="test"))
        server = uvicorn.Server(uvicorn.Config(build_app(house), host="127.0.0.1", port=0, log_config=None))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            assert not serving.done(), "the server did not start"
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Office(house, f"http://127.0.0.1:{port}", keys)
        server.should_exit = True
        async with asyncio.timeout(60):
            await serving
