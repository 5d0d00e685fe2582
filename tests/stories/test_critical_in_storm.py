"""A critical alert inside a storm of 10,000 alerts a second becomes an incident of its own, and somebody is paged."""

import asyncio
import os
import sys
import time
from typing import Any

import pytest

from evals.load import Kind, Load, Plan, run_apart
from evals.payloads import SERVICES
from tests.stories.town import Town, firing, until

# Read when the module is imported: the settings of this machine are taken away from each test.
STORM_S = 5.0 if os.environ.get("NIGHTSHIFT_CHAOS") == "full" else 3.0
ALERTS_A_SECOND, BATCH = 10_000, 100
SENDERS = 600  # as many as there are requests in a long storm: each leaves when it is due, whatever became of others
RETRY_FOR_S = 240.0  # as Alertmanager does: what was answered 503 comes again
SOON_S = 10.0


@pytest.mark.slow
async def test_a_critical_alert_inside_a_storm_is_not_lost_in_it(town: Town) -> None:
    await town.furnish(["vault"], timings={"settle_s": 3600})
    worker = town.worker()
    storm = asyncio.create_task(asyncio.to_thread(run_apart, plan(town)))
    await until("the first of the storm", lambda: begun(town, storm))
    await asyncio.sleep(STORM_S / 2)
    began = time.monotonic()
    refused = await send(town, firing("vault", "SealedVault"))
    incident = await until("its incident", lambda: its_own(town), SOON_S)
    seen_s = time.monotonic() - began
    await until("its page", lambda: paged(town, incident["number"]), SOON_S)
    paged_s = time.monotonic() - began
    load: Load = await storm
    sent = f"{STORM_S:g} s at {ALERTS_A_SECOND} alerts/s: {load.statuses}, {load.accepted} accepted in {load.wall_s} s"
    critical = f"the critical one: {refused} times refused, incident after {seen_s:.2f} s, page after {paged_s:.2f} s"
    print(f"{sent}; {critical}; other CPU {load.other_cpu_share}", file=sys.stderr)
    assert set(load.statuses) <= {"200", "503"}, f"neither taken nor put off: {load}"
    assert load.unsent == 0, f"nobody was told to stop: {load}"
    assert load.accepted == int(ALERTS_A_SECOND * STORM_S)
    [stored] = town.rows("SELECT count(*) AS alerts, count(DISTINCT identity) AS identities FROM alerts")
    assert stored == {"alerts": load.accepted + 1, "identities": load.accepted + 1}, "what was answered 2xx is stored"
    # The storm belongs to its own services; the critical alert is alone in its incident.
    [alone] = town.rows("SELECT count(*) AS alerts FROM alerts WHERE incident_id = %s", incident["id"])
    assert alone["alerts"] == 1
    assert len((await town.ask("GET", "/incidents", limit=100))["items"]) <= SERVICES + 1
    assert worker.poll() is None


def plan(town: Town) -> Plan:
    """The storm: all of it new alerts."""
    return Plan(
        port=int(town.url.rsplit(":", 1)[1]), key=town.keys["am"], kind=Kind.NEW.value, batch=BATCH,
        connections=SENDERS, seconds=STORM_S, warm_up_s=0.0, alerts=int(ALERTS_A_SECOND * STORM_S),
        rate=ALERTS_A_SECOND / BATCH, retry_for_s=RETRY_FOR_S,
    )  # fmt: skip


async def begun(town: Town, storm: "asyncio.Task[Load]") -> bool:
    if storm.done():
        raise AssertionError(storm.result())
    return bool(town.rows("SELECT 1 FROM alerts LIMIT 1"))


async def send(town: Town, alert: dict[str, Any]) -> int:
    """Until it is taken; how often it was not."""
    headers = {"Authorization": f"Bearer {town.keys['am']}"}
    for refused in range(100):
        url = f"{town.url}/api/v1/webhooks/alertmanager"
        answer = await town.client.post(url, json={"alerts": [alert]}, headers=headers)
        if answer.is_success:
            return refused
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.2)
    raise AssertionError("never taken")


async def its_own(town: Town) -> dict[str, Any] | None:
    items = (await town.ask("GET", "/incidents", service="vault", limit=1))["items"]
    return items[0] if items else None


async def paged(town: Town, number: int) -> bool:
    return any(page["incident"] == number and page["kind"] == "page" for page in list(town.target.pages))
