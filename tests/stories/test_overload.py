"""More alerts than can be stored: they are put off with 503 and taken later, nothing breaks, nothing taken is lost."""

import asyncio
import sys
from dataclasses import replace

import httpx
import psycopg
import pytest

from evals.load import Kind, Load, Plan, run_apart
from evals.machine import rss_mib
from ingest.intake import QUEUE_ALERTS_MAX
from tests.stories.town import Town, firing, until

BATCH = 100
SENDERS = QUEUE_ALERTS_MAX // BATCH + 200
ALERTS = SENDERS * BATCH
GROWTH_MIB_MAX = 400.0
PLAN = Plan(kind=Kind.NEW.value, batch=BATCH, connections=SENDERS, warm_up_s=0.0, alerts=ALERTS, retry_for_s=240.0)


@pytest.mark.slow
async def test_a_flood_over_a_database_that_stands_still_is_put_off_and_then_stored(town: Town) -> None:
    await town.furnish(["shop"], timings={"settle_s": 3600})
    serve = town.processes[0]
    before = rss_mib(serve.pid)
    peak = before
    port = int(town.url.rsplit(":", 1)[1])
    with psycopg.connect(town.owner_url) as blocker:
        blocker.execute("LOCK TABLE alerts IN ACCESS EXCLUSIVE MODE")
        plan = replace(PLAN, port=port, key=town.keys["am"], seconds=5.0)
        flood = asyncio.create_task(asyncio.to_thread(run_apart, plan))
        refused = await until("a refusal", lambda: put_off(town))
        assert int(refused.headers["Retry-After"]) > 0
        for _ in range(20):  # others are answered meanwhile
            assert (await town.client.get(f"{town.url}/health/live", timeout=10)).status_code == 200
            peak = max(peak, rss_mib(serve.pid))
            await asyncio.sleep(0.1)
    while not flood.done():
        peak = max(peak, rss_mib(serve.pid))
        await asyncio.sleep(0.2)
    load: Load = flood.result()
    await town.send_alerts([firing("shop", "AfterTheFlood")])
    print(f"{load.statuses}, {load.wall_s} s; RSS of serve {before:.0f} -> {peak:.0f} MiB", file=sys.stderr)
    assert set(load.statuses) == {"200", "503"}, f"neither taken nor put off: {load}"
    assert (load.unsent, load.accepted) == (0, ALERTS)
    [stored] = town.rows("SELECT count(*) AS n FROM alerts WHERE name LIKE 'TooMany%'")
    assert stored["n"] == ALERTS, "everything that was answered 2xx, once"
    assert peak - before < GROWTH_MIB_MAX


async def put_off(town: Town) -> httpx.Response | None:
    """One more sender, who is put off too once too much waits, and has little patience before that."""
    headers = {"Authorization": f"Bearer {town.keys['am']}"}
    url, body = f"{town.url}/api/v1/webhooks/alertmanager", {"alerts": [firing("shop", "Probe", n) for n in range(400)]}
    try:
        answer = await town.client.post(url, json=body, headers=headers, timeout=6.0)
    except httpx.ReadTimeout:
        return None
    assert answer.status_code in (200, 503), answer.text
    return answer if answer.status_code == 503 else None
