"""How often trouble of a kind came is part of the incident, as of its opening, and of the page."""

from typing import Any

from engine.telling import page_incident

ALERT = {"name": "HighErrorRate", "service": "shop", "status": "firing", "severity": "critical"}


async def opened(door: Any, service: str, hours_ago: float = 0.0) -> int:
    """An incident of the same kind, opened some time ago; its number."""
    body = {**ALERT, "service": service}
    assert (await door.post("/api/v1/webhooks/generic/shopmon", body, "shopmon")).status_code == 200
    age = f"opened_at - interval '{hours_ago} hours'"
    [row] = await door.rows(f"UPDATE incidents SET opened_at = {age} WHERE service = %s RETURNING number", service)
    return int(row["number"])


async def frequency(door: Any, number: int) -> Any:
    return (await door.get(f"/api/v1/incidents/{number}")).json()["frequency"]


async def test_it_is_counted_in_four_windows_up_to_the_opening(door: Any) -> None:
    first = await opened(door, "a", hours_ago=24 * 40)
    month = await opened(door, "b", hours_ago=24 * 20)
    day = await opened(door, "c", hours_ago=5)
    now = await opened(door, "d")
    assert await frequency(door, first) == {
        "hour": 1, "day": 1, "week": 1, "month": 1, "habit": "first_in_30d", "words": "first in 30 days",
    }  # fmt: skip
    assert (await frequency(door, month))["words"] == "2nd time in 30 days"
    assert (await frequency(door, day))["words"] == "2nd time in 30 days"
    assert await frequency(door, now) == {
        "hour": 1, "day": 2, "week": 2, "month": 3, "habit": "again_within_24h",
        "words": "2nd time in 24 h, 3rd in 30 days",
    }  # fmt: skip


async def test_the_page_says_it(door: Any) -> None:
    await opened(door, "a", hours_ago=5)
    number = await opened(door, "b")
    [row] = await door.rows("SELECT id FROM incidents WHERE number = %s", number)
    await page_incident(door.house, str(row["id"]), "page")
    [told] = await door.rows("SELECT body FROM notifications")
    assert (told["body"]["frequency"], told["body"]["unknown"]) == ("2nd time in 24 h", 0)
