"""A diagnosis finds its way back to Sentry as a comment below the issue, once, and never in anybody's way."""

import json
import re
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph.runtime import Runtime

from agent.context import Context
from agent.steps.investigate import investigate
from core.errors import Unavailable
from core.site import Site
from engine.jobs import JOBS
from engine.settings import Settings
from engine.writeback import sentry_comment
from store.pool import Store
from tools.read.sources import open_logs, open_metrics

PAYLOADS = Path(__file__).parent / "payloads" / "senders" / "sentry"
TOKEN = "sntrys_" + "t" * 40
ISSUE = "1170820242"


class Sentry(ThreadingHTTPServer):
    """Its API for comments: strict about method, path, token and form; the same text twice is refused."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[tuple[str, str]] = []
        self.asked = 0
        self.status = 201
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.asked += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = server.status if server.status != 201 else self.judged(body)
        if status == 201:
            server.comments.append((self.path.split("/")[4], body["text"]))
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def judged(self, body: Any) -> int:
        server: Any = self.server
        if not re.fullmatch(r"/api/0/issues/[0-9]+/comments/", self.path):
            return 404
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return 401
        if self.headers["Content-Type"] != "application/json" or body.keys() != {"text"} or not body["text"].strip():
            return 400
        return 400 if any(body["text"] == text for _, text in server.comments) else 201

    def log_message(self, *args: Any) -> None:
        pass


@dataclass
class House:
    """What the job needs of an open house."""

    store: Store
    client: httpx.AsyncClient
    settings: Settings


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    server = Sentry()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
async def working(door: Any, sentry: Sentry) -> AsyncIterator[House]:
    await door.add_source("sentry", "sentry")
    await door.add_source("grafana", "grafana")
    async with httpx.AsyncClient(trust_env=False) as client:
        yield House(door.store, client, Settings(sentry_url=sentry.url + "/", sentry_token=TOKEN))


async def post(door: Any, name: str = "event_alert-triggered", **changes: Any) -> str:
    body = json.loads((PAYLOADS / f"{name}.json").read_text())
    body["data"]["event"].update(changes)
    answer = await door.post(
        "/api/v1/webhooks/sentry/sentry", body, "sentry", **{"Sentry-Hook-Resource": "event_alert"}
    )
    assert answer.json()["received"] == 1
    [row] = await door.rows("SELECT DISTINCT incident_id FROM alerts")
    return str(row["incident_id"])


async def diagnose(house: House, incident_id: str, attempt: int = 1) -> list[dict[str, Any]]:
    """Run the step that writes the diagnosis; the jobs that it put into the queue."""
    site = Site()
    context = Context(
        house.store, site, open_metrics(house.store, site, house.client), open_logs(site, house.store), None, None
    )
    state: Any = {"incident_id": incident_id, "attempt": attempt}
    await investigate(state, Runtime(context=context))
    async with house.store.begin() as conn:
        query = "SELECT args, lock FROM procrastinate_jobs WHERE task_name = 'sentry_comment' ORDER BY id"
        return [row["args"] for row in await (await conn.execute(query)).fetchall()]


async def test_the_diagnosis_is_written_below_the_issue_once(door: Any, working: House, sentry: Sentry) -> None:
    [args] = await diagnose(working, await post(door))
    await sentry_comment(working, **args)
    await sentry_comment(working, **args)  # jobs run at least once
    [(issue, text)] = sentry.comments
    assert issue == ISSUE
    assert sentry.asked == 1
    for heading in ("Root cause", "Impact", "Suggested fix", "Prevention", "Confidence", "Analysed by"):
        assert f"**{heading}**: " in text
    assert "1 alerts (1 still firing) on shop since 2026-01-01 07:59 UTC" in text
    assert re.search(r"Nightshift \(rules\), 20\d\d-\d\d-\d\d \d\d:\d\d UTC", text)
    assert "a suspicion, not confirmed" in text


async def test_an_incident_without_sentry_causes_no_job(door: Any, working: House) -> None:
    body = (PAYLOADS.parent / "grafana" / "firing.json").read_bytes()
    await door.post("/api/v1/webhooks/grafana/grafana", body, "grafana")
    [row] = await door.rows("SELECT DISTINCT incident_id FROM alerts")
    assert await diagnose(working, str(row["incident_id"])) == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_while_sentry_is_away_the_comment_is_tried_again(
    door: Any, working: House, sentry: Sentry, status: int
) -> None:
    [args] = await diagnose(working, await post(door))
    sentry.status = status
    with pytest.raises(Unavailable):
        await sentry_comment(working, **args)
    sentry.status = 201
    await sentry_comment(working, **args)
    assert len(sentry.comments) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404])
async def test_a_refusal_is_final_and_no_fault_of_the_job(
    door: Any, working: House, sentry: Sentry, status: int
) -> None:
    [args] = await diagnose(working, await post(door))
    sentry.status = status
    await sentry_comment(working, **args)
    assert (sentry.comments, sentry.asked) == ([], 1)


async def test_without_a_token_nothing_is_asked(door: Any, working: House, sentry: Sentry) -> None:
    [args] = await diagnose(working, await post(door))
    working.settings = Settings(sentry_url=sentry.url)
    await sentry_comment(working, **args)
    assert sentry.asked == 0


async def test_an_issue_that_is_no_number_never_becomes_an_address(door: Any, working: House, sentry: Sentry) -> None:
    [args] = await diagnose(working, await post(door, issue_id="1/../../organizations/acme"))
    await sentry_comment(working, **args)
    assert sentry.asked == 0


async def test_secrets_do_not_leave_with_the_comment(door: Any, working: House, sentry: Sentry) -> None:
    incident = await post(door)
    [args] = await diagnose(working, incident)
    said = '"It failed with password=hunter2hunter2."'
    query = "UPDATE diagnoses SET body = jsonb_set(body, '{summary}', %s::jsonb) RETURNING 1"
    await door.rows(query, said)
    await sentry_comment(working, **args)
    [(_, text)] = sentry.comments
    assert "hunter2" not in text
    assert "It failed with" in text


def test_the_worker_knows_the_job() -> None:
    assert sentry_comment in JOBS
