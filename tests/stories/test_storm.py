"""A bad night over real processes: forty services at once, one of them critical, and one host that cries often."""

import asyncio
from typing import Any

from tests.stories.town import Town, firing, until


def warning(service: str, **labels: str) -> Any:
    alert = firing(service)
    return {**alert, "labels": {**alert["labels"], "severity": "warning", **labels}}


def kinds(town: Town) -> list[str]:
    return sorted(row["kind"] for row in town.rows("SELECT kind FROM notifications"))


async def test_forty_services_are_one_page_and_the_critical_one_is_paged_alone(town: Town) -> None:
    names = [f"s-{n}" for n in range(40)]
    await town.furnish(names, timings={"settle_s": 3600, "scrape_s": 3600, "evaluate_s": 3600})
    town.worker()
    town.worker()
    await asyncio.gather(*(town.send_alerts([warning(name)]) for name in names[:39]))
    await town.fire("s-39")  # critical, in the middle of it
    last = (await town.incident("s-39"))["number"]

    async def seen() -> bool:
        return any(row["reason"] == "page" for row in await town.events(last, "page.sent"))

    await until("the page of the critical one", seen)
    await town.is_waiting()
    [storm] = (await town.ask("GET", "/storms"))["items"]
    assert storm["incident_count"] == 40
    # Those that came before it was a storm may have been told one by one; the storm itself at 11, 20 and 40 at most.
    told = kinds(town)
    assert set(told) == {"page", "storm"}
    assert 1 <= told.count("storm") <= 3
    assert told.count("page") <= 11
    newest = max((page for page in town.target.pages if page["kind"] == "storm"), key=lambda page: page["incidents"])
    assert newest["storm"] == storm["number"]
    alone = [page for page in town.target.pages if page["kind"] == "page" and page["incident"] == last]
    assert [page["priority"] for page in alone] == ["P1"]
    paged = {page["incident"] for page in town.target.pages if page["kind"] == "page"}
    for incident in (await town.ask("GET", "/incidents", storm=storm["number"], limit=200))["items"]:
        held = [row["reason"] for row in await town.events(incident["number"], "page.muted")]
        assert held == ([] if incident["number"] in paged else ["storm"])


async def test_one_host_with_thirty_alerts_is_one_page_that_names_the_aggregate(town: Town) -> None:
    await town.furnish(["shop"], timings={"settle_s": 3600})
    town.worker()
    alerts = [
        {**firing("x", number=n), "labels": {"alertname": "DiskSlow", "host": "db-1", "disk": str(n)}}
        for n in range(30)
    ]
    await town.send_alerts(alerts)

    async def paged() -> bool:
        return bool(town.target.pages)

    await until("the page", paged)
    await town.is_waiting()
    [page] = [page for page in town.target.pages if page["kind"] == "page"]
    assert page["aggregates"] == ["30 alerts of host:db-1 in 0 s as one"]
    assert page["firing"] == 30
    [row] = town.rows("SELECT number FROM incidents")
    [aggregate] = (await town.ask("GET", f"/incidents/{row['number']}"))["aggregates"]
    assert (aggregate["resource_id"], aggregate["count"]) == ("host:db-1", 30)
