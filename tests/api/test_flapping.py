"""An alert that comes and goes too often is told once when that begins, and once when it has settled."""

from datetime import timedelta
from typing import Any

import pytest

from engine.escalating import escalate_incident
from engine.flapping import settle_flapping
from engine.incidents import resolve_incident
from engine.telling import page_incident
from tests.api.test_bursts import alert, events, incident, limited, send, told, work

LIMITS = {"flap_changes_max": 4, "flap_window_s": 1800.0}


async def fire(door: Any, **labels: str) -> Any:
    sent = alert(service="shop", **labels)
    await send(door, sent)
    await work(door)
    return sent


async def clear(door: Any, sent: Any) -> None:
    await send(door, {**sent, "status": "resolved", "endsAt": alert()["startsAt"]})
    for row in await door.rows("SELECT id FROM incidents"):
        await resolve_incident(door.house, str(row["id"]))


async def flap(door: Any, times: int, **labels: str) -> None:
    """Fires and clears so many times."""
    for _ in range(times):
        await clear(door, await fire(door, **labels))


async def kinds(door: Any) -> list[str]:
    return [kind for kind, _ in await told(door)]


async def pass_by(door: Any, seconds: float) -> None:
    """So many seconds pass without a word."""
    shift = "make_interval(secs => %s)"
    query = f"UPDATE alerts SET received_at = received_at - {shift}, ended_at = ended_at - {shift} RETURNING identity"
    await door.rows(query, seconds, seconds)


async def settle(door: Any) -> None:
    for row in await door.rows("SELECT identity FROM flaps ORDER BY identity"):
        await settle_flapping(door.house, row["identity"])
    await work(door)


async def test_it_is_told_when_it_begins_and_when_it_has_settled(door: Any) -> None:
    await flap(door, 2)
    assert await kinds(door) == ["page", "reopened"]
    await flap(door, 5)
    assert await kinds(door) == ["page", "reopened", "reopened"]
    assert (await told(door))[-1][1]["flapping"] == "DiskSlow comes and goes; told again when that has settled"
    [began] = await events(door, 1, "flapping.began")
    assert (began["reason"], began["body"]["changes"]) == ("began", 5)
    held = await events(door, 1, "page.muted")
    assert {(row["reason"], *row["body"]["by"]) for row in held} == {("flapping", "alert:DiskSlow")}
    assert [one["name"] for one in (await incident(door))["flapping"]] == ["DiskSlow"]

    await settle(door)  # not yet
    assert await kinds(door) == ["page", "reopened", "reopened"]
    [timer] = await door.rows("SELECT due_at - store.now() > interval '29 minutes' AS waits FROM due "
                              "WHERE kind = 'settle_flapping'")  # fmt: skip
    assert timer["waits"]
    await pass_by(door, 1801)
    await settle(door)
    assert await kinds(door) == ["page", "reopened", "reopened", "settled"]
    assert (await told(door))[-1][1]["state"] == "resolved"
    [settled] = await events(door, 1, "flapping.settled")
    assert (settled["reason"], settled["body"]["text"]) == ("settled", "DiskSlow has settled: quiet")
    assert (await incident(door))["flapping"] == []

    await fire(door)  # and from now on each time is news again
    assert (await kinds(door))[-1] == "reopened"


async def test_one_that_settles_while_it_fires_is_told_once(door: Any) -> None:
    await flap(door, 3)
    await fire(door)
    before = await kinds(door)
    [timer] = await door.rows("SELECT args FROM due WHERE kind = 'page_incident'")
    await page_incident(door.house, **timer["args"])  # asked again: still flapping
    await pass_by(door, 1801)
    await settle(door)
    await page_incident(door.house, **timer["args"])  # asked again: it was told with the end
    assert await kinds(door) == [*before, "settled"]
    assert (await told(door))[-1][1]["firing"] == 1
    [settled] = await events(door, 1, "flapping.settled")
    assert settled["body"]["text"] == "DiskSlow has settled: it fires"


async def test_another_alert_that_is_steady_is_heard(door: Any) -> None:
    await flap(door, 4)
    before = await kinds(door)
    await fire(door)
    assert await kinds(door) == before
    await send(door, alert(7, service="shop", alertname="Down"))
    [timer] = await door.rows("SELECT args FROM due WHERE kind = 'page_incident'")
    await page_incident(door.house, **timer["args"])
    assert await kinds(door) == [*before, "reopened"]


async def test_two_that_flap_together_are_told_once_at_each_end(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(door, monkeypatch, **LIMITS, aggregate_alerts_max=1000)
    for _ in range(6):
        one, two = alert(1, service="shop"), alert(2, service="shop")
        await send(door, one, two)
        await work(door)
        await clear(door, one)
        await clear(door, two)
    assert await kinds(door) == ["page", "reopened", "reopened"]
    await pass_by(door, 1801)
    await settle(door)
    assert await kinds(door) == ["page", "reopened", "reopened", "settled"]


async def test_the_limits_are_settings(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(door, monkeypatch, flap_changes_max=2)
    await flap(door, 4)
    assert await kinds(door) == ["page", "reopened"]


async def test_coming_back_is_no_call_while_it_flaps_but_nobody_taking_it_up_is(door: Any) -> None:
    await flap(door, 3, severity="critical")
    await fire(door, severity="critical")
    older = "UPDATE incidents SET opened_at = opened_at - interval '1 hour' RETURNING id, store.now() AS now"
    [row] = await door.rows(older)
    key, moment = str(row["id"]), row["now"]
    await escalate_incident(door.house, key, began=moment.isoformat())
    assert "call" not in await kinds(door)
    await escalate_incident(door.house, key, began=(moment - timedelta(seconds=400)).isoformat())
    assert (await kinds(door)).count("call") == 1


async def test_a_page_asked_for_again_by_a_worker_that_died_is_told_once(door: Any) -> None:
    await flap(door, 3)
    [row] = await door.rows("SELECT id FROM incidents")
    before = await kinds(door)
    await fire(door)
    await page_incident(door.house, str(row["id"]), "reopened")
    assert await kinds(door) == before
