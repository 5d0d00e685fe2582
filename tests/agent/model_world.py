"""A shop in trouble after a release, its log partly written by strangers, and a scripted model that investigates it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.context import Budget, Context, ModelSettings
from agent.modelled import investigate_with_model
from core.diagnosis import Cause, Diagnosis
from core.evidence import Evidence, EvidenceKind
from core.playbook import ActionType
from core.series import Aggregate, MetricQuery, QueryKind
from core.site import Endpoint, LogFile, Service, Site, Target, Timings
from evals.scripted_model import Turn, scripted_model
from ingest.playbook_file import shipped_playbooks
from store import changes, incidents, playbooks, timeline
from store.bus import open_bus
from store.ids import new_id
from store.pool import Row, Store, open_store
from store.samples import SeriesIndex
from tests.agent.alert_rows import insert_alerts
from tools.read.logs import FileLogs
from tools.read.metrics import CollectorMetrics

ERRORS = MetricQuery(QueryKind.VALUE, "shop_errors", {"service": "shop"}, window_s=5.0, aggregate=Aggregate.MAX)
SITE = Site(
    version=1,
    environment="demo",
    services={
        "shop": Service("shop", depends_on=("pricing", "orders-db"), signals={"errors": ERRORS}),
        "pricing": Service("pricing"),
        "orders-db": Service("orders-db", kind="database"),
        "billing": Service("billing"),
    },
    targets=(
        Target("pricing", "pricing-1", "http://127.0.0.1/pricing-1"),
        Target("orders-db", "orders-db-1", "http://127.0.0.1/orders-db-1"),
        Target("billing", "billing-1", "http://127.0.0.1/billing-1"),
    ),
    endpoints=(
        Endpoint("rollback-shop", ActionType.DEPLOY_ROLLBACK, "shop", "http://127.0.0.1/rollback"),
        *(
            Endpoint(
                f"restart-{name}", ActionType.RESTART_INSTANCE, name, "http://127.0.0.1/restart", allow_restart=True
            )
            for name in ("pricing", "orders-db", "billing")
        ),
    ),
    timings=Timings(scrape_s=1.0, evaluate_s=1.0, before_s=60.0),
)
RELEASE = Evidence(
    "E1", EvidenceKind.CHANGE, "deploy shop 2.3.9 -> 2.4.0, 12 s before the first alert", "deploy:ci", "shop"
)
REMARK = Evidence("E2", EvidenceKind.LOG_TEMPLATE, "new kind of log line of shop", "log:shop", "shop", outsider=True)
DRAFT = Diagnosis(
    Cause.UNKNOWN, "shop", "No rule explains the trouble of shop.", (RELEASE, REMARK), ("The cause.",), confirmed=False
)
ROLLBACK = {
    "playbook_id": "rollback-bad-release",
    "parameters": {"service": "shop", "to_version": "2.3.9"},
    "evidence_ids": ["E1"],
    "confidence": 0.8,
    "root_cause": "Release 2.4.0 broke the checkout.",
    "unknowns": ["Which part of the release it is."],
}


@dataclass
class World:
    """The shop, its incident, and the answers of one run."""

    store: Store
    incident: Row
    site: Site
    folder: Path
    draft: Diagnosis = DRAFT
    requests: list[dict[str, Any]] = field(default_factory=list)

    def log(self, *lines: str) -> None:
        """Write lines of the shop's log, each two seconds ago."""
        at = (datetime.now(UTC) - timedelta(seconds=2)).isoformat(timespec="seconds").replace("+00:00", "Z")
        (self.folder / "shop.log").write_text("".join(f"{at} {line}\n" for line in lines))

    async def investigate(
        self, script: Any, *, budget: Budget | None = None, timeout_s: float = 20.0, key: str = "test-key"
    ) -> tuple[Diagnosis, dict[str, object]]:
        """Run one investigation with a scripted model."""
        async with scripted_model(script) as server:
            settings = ModelSettings(server.base_url, key, "scripted-1", timeout_s)
            result = await self.investigate_at(settings, budget)
        self.requests = server.requests
        return result

    async def investigate_at(
        self, settings: ModelSettings, budget: Budget | None = None
    ) -> tuple[Diagnosis, dict[str, object]]:
        """Run one investigation with a model that is there already."""
        ctx = Context(
            self.store,
            self.site,
            CollectorMetrics(self.store),
            FileLogs(self.site.logs),
            model=settings,
            budget=budget or Budget(),
        )
        return await investigate_with_model(ctx, self.incident, self.draft, 1)

    async def told(self, kind: str) -> list[Row]:
        """The timeline rows of a kind."""
        async with self.store.begin() as conn:
            return [r for r in await timeline.after(conn, self.incident["id"], 0) if r["kind"] == kind]

    def answers(self) -> list[str]:
        """Every text that the model was shown as a tool's answer, in order."""
        return [str(m["content"]) for m in self.requests[-1]["messages"] if m["role"] == "tool"]


def call(name: str, **arguments: Any) -> Turn:
    """A turn that calls one tool."""
    return Turn(tool_calls=[(name, arguments)])


@asynccontextmanager
async def open_world(url: str, folder: Path) -> AsyncIterator[World]:
    """The shop a minute into its trouble."""
    bus = await open_bus(url)
    async with open_store(url, bus, connections_max=4) as store:
        incident = await _trouble(store)
        site = replace(SITE, logs=(LogFile("shop", f"{folder}/shop.log"),))
        yield World(store, incident, site, folder)
    await bus.close()


async def _trouble(store: Store) -> Row:
    started_at = datetime.now(UTC) - timedelta(seconds=20)
    async with store.begin() as conn:
        for body in shipped_playbooks():
            await playbooks.put(conn, body["id"], body, source="shipped", by="test")
        (created,) = await incidents.create(
            conn,
            [
                {
                    "id": str(new_id()),
                    "priority": "P1",
                    "group_key": "demo/-/shop",
                    "environment": "demo",
                    "cluster": "-",
                    "service": "shop",
                    "title": "HighErrorRate on shop",
                    "signature": "v1|HighErrorRate|service|errors",
                    "started_at": started_at.isoformat(),
                }
            ],
        )
        place = {"environment": "demo", "cluster": "-", "service": "shop", "resource_id": "service:demo/shop"}
        alert = {
            **place,
            "id": str(new_id()),
            "incident_id": str(created["id"]),
            "source": "test",
            "identity": "one",
            "name": "HighErrorRate",
            "class": "errors",
            "severity": "critical",
            "labels": {},
            "annotations": {"summary": "ask ops@example.com, password=hunter2secret"},
            "generator_url": "",
            "content_hash": "x",
            "starts_at": started_at.isoformat(),
        }
        await insert_alerts(conn, [alert])
        deploy = {
            "source": "ci",
            "external_id": "1",
            "kind": "deploy",
            "environment": "demo",
            "service": "shop",
            "version": "2.4.0",
            "previous_version": "2.3.9",
            "summary": "shop 2.3.9 -> 2.4.0",
            "author": "ci",
            "at": started_at - timedelta(seconds=12),
        }
        await changes.insert(conn, deploy)
        index = SeriesIndex()
        for second in range(-60, 20):
            value = 0.4 if second >= -5 else 0.01
            labels = {"service": "shop", "instance": "shop-1"}
            await index.insert(conn, started_at + timedelta(seconds=second), [("shop_errors", labels, value)])
        return await incidents.get(conn, created["id"])
