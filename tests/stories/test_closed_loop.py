"""The loop closed without people: what has helped often, and may act unasked, is sent at once and verified soon.

Real processes; a signal of one second. The first time a person decides; then an operator lets the playbook act.
"""

import asyncio
import time
from datetime import datetime
from typing import Any

from tests.stories.town import POKE, Town, firing, until

SENT_S_MAX = 5.0
VERIFIED_S_MAX = 30.0
STABLE_BEFORE = 6
RESTART = {**POKE, "id": "restart-job", "title": "Start the job again", "classes": ["latency", "errors"], "watch_s": 1}
TIMINGS = {"settle_s": 0.2, "verify_every_s": 1, "scrape_s": 1, "evaluate_s": 1, "resolve_after_s": 3600, "watch_s": 1}
FAILED = {
    "service": "nightly", "environment": "test", "type": "builtins.TimeoutError", "message": "the export timed out",
    "job": "export",
}  # fmt: skip


async def furnish(town: Town) -> None:
    """Two jobs, each with a registered probe: a metric that says whether it works."""
    services = ("nightly", "hourly")
    probe = {"kind": "value", "metric": "job_ok", "aggregate": "min", "window_s": 2}
    await town.furnish(
        services, timings=TIMINGS,
        targets=[{"service": s, "instance": s, "url": f"{town.target.url}/metrics/{s}"} for s in services],
        rules=[
            {"name": f"{s}_fails", "query": {**probe, "matchers": {"service": s}}, "comparison": "<", "threshold": 1,
             "fires": False, "labels": {"service": s}}
            for s in services
        ],
    )  # fmt: skip
    await town.ask("PUT", "/playbooks/restart-job", RESTART)
    town.keys["jobs"] = (await town.ask("POST", "/sources", {"name": "jobs", "kind": "exceptions"}))["key"]
    town.keys["operator"] = (await town.ask("POST", "/people", {"name": "the-operator", "role": "operator"}))["key"]


def remember(town: Town, execution: str, signature: str) -> None:
    """As if it had helped as often before: the outcomes of other days."""
    columns = [
        row["column_name"] for row in town.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'executions'"
            " AND column_name NOT IN ('id', 'origin', 'acted_at', 'signature')"
        )
    ]  # fmt: skip
    names = ", ".join(columns)
    town.rows(
        f"INSERT INTO executions (id, origin, acted_at, signature, {names})"
        f" SELECT gen_random_uuid(), 'past', now() - interval '1 day', %s, {names} FROM executions,"
        " generate_series(1, %s) WHERE id = %s",
        signature, STABLE_BEFORE, execution,
    )  # fmt: skip


async def unasked(town: Town, service: str, began: float) -> dict[str, Any]:
    """The execution of a service that was sent since then."""

    async def look() -> Any:
        query = "SELECT id FROM executions WHERE resource_id = %s AND acted_at > to_timestamp(%s)"
        return town.rows(query, f"service:test/{service}", began)

    [row] = await until(f"an action on {service}", look)
    return dict(row)


def moment(town: Town, execution: str, state: str) -> float:
    """When an execution came into a state, by the audit."""
    query = "SELECT at FROM audit WHERE subject = %s AND to_state = %s ORDER BY id LIMIT 1"
    [row] = town.rows(query, f"execution:{execution}", state)
    at: datetime = row["at"]
    return at.timestamp()


async def measured(town: Town, service: str, began: float) -> None:
    """From the sender's word to the call at the target, and to `verified`."""
    execution = str((await unasked(town, service, began))["id"])
    await town.reached(execution, "verified", "stable", wait_s=VERIFIED_S_MAX)
    [call] = [row for row in town.target.log if row["event"] == "received" and row["key"] == execution]
    sent_s, verified_s = call["at"] - began, moment(town, execution, "verified") - began
    print(f"{service}: sent after {sent_s:.2f} s, verified after {verified_s:.2f} s")
    assert sent_s < SENT_S_MAX
    assert verified_s < VERIFIED_S_MAX
    approval = await town.approval(execution)
    assert (approval["kind"], approval["granted_by"]) == ("standing", "the-operator")
    assert (await town.path(execution))[:4] == ["proposed", "approved", "claimed", "running"]
    assert town.target.received(execution) == town.target.effects(execution) == 1
    row = await town.reached(execution, "stable")
    assert row["state"] == "stable"


async def test_from_an_exception_or_a_webhook_to_verified_without_a_person(town: Town) -> None:
    await furnish(town)
    town.worker()

    # Once with a person, so that everything is as it is on any other day.
    await town.ask("POST", "/exceptions", FAILED, who="jobs")
    number = (await town.incident("nightly"))["number"]
    execution = await town.card(number)
    await town.decide(execution)
    await town.reached(execution, "stable")
    assert town.target.well == {"nightly": 1.0}
    await town.ask("POST", "/exceptions", {**FAILED, "status": "resolved"}, who="jobs")  # the next run was good
    await town.ask("POST", f"/incidents/{number}/resolve", {})
    signature = town.rows("SELECT signature FROM incidents WHERE number = %s", number)[0]["signature"]
    for known in (signature, signature.replace("JobTimeout", "SlowJob")):
        remember(town, execution, known)
    grant = {"playbook_id": "restart-job", "reason": "it has always helped", "actions_per_hour_max": 10}
    await town.ask("POST", "/standing", grant, who="operator")
    town.target.well.clear()
    await asyncio.sleep(3)  # until its probe says that it is broken, as it did before the exception

    began = time.time()
    await town.ask("POST", "/exceptions", {**FAILED, "message": "the export timed out again"}, who="jobs")
    await measured(town, "nightly", began)

    alert = firing("hourly", "SlowJob")
    alert["labels"] |= {"class": "latency", "severity": "warning"}
    began = time.time()
    await town.send_alerts([alert])

    async def healed() -> bool:
        return "hourly" in town.target.well

    await until("the effect", healed)
    await town.clear([alert])
    await measured(town, "hourly", began)
