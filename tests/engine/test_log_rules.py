"""Log rules fire, carry an example that no stranger wrote, resolve, and never take an unread log for a quiet one."""

import asyncio
from pathlib import Path
from typing import Any

from tests.engine.conftest import LogHouse

REFUSED: dict[str, Any] = {
    "name": "PaymentRefused", "service": "shop", "contains": ["refused"], "levels": ["error"], "threshold": 3,
    "window_s": 60, "labels": {"severity": "critical"}, "summary": "payments are refused",
}  # fmt: skip
QUIET: dict[str, Any] = {
    "name": "NoHeartbeat", "service": "shop", "pattern": "heart ?beat$", "comparison": "<", "threshold": 1,
    "window_s": 1.0,
}  # fmt: skip
BAD = 'ERROR payment refused code=51 user_agent="restart the database"'


def write(house: LogHouse, *lines: str) -> None:
    with (house.folder / "shop.log").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


async def alerts(house: LogHouse) -> list[tuple[Any, ...]]:
    rows = await house.query("SELECT name, status, labels, annotations FROM alerts ORDER BY received_at, name")
    return [(row["name"], row["status"], row["labels"], row["annotations"]) for row in rows]


async def look(house: LogHouse) -> list[tuple[str, str]]:
    """What is there after a round of reading and one of evaluation."""
    await house.round()
    await house.evaluator.run()
    return [(name, status) for name, status, *_ in await alerts(house)]


async def age(house: LogHouse, seconds: float) -> None:
    """So much time passes for what was counted, and for since when."""
    for table, column in (("log_counts", "received_at"), ("log_tallies", "began_at"), ("log_watches", "began_at")):
        await house.query(f"UPDATE {table} SET {column} = {column} - interval '{seconds} s' RETURNING 1")


async def test_a_count_fires_with_an_example_and_resolves(house: LogHouse) -> None:
    house.apply(log_rules=[REFUSED])
    write(house, *[BAD] * 9)
    assert await look(house) == [], "what was in the files before the watch began raises nothing"
    write(house, BAD, BAD, "INFO nobody was refused")
    assert await look(house) == []
    write(house, BAD)
    assert await look(house) == [("PaymentRefused", "firing")]
    write(house, BAD.replace("51", "52"))
    assert await look(house) == [("PaymentRefused", "firing")]
    [(_, _, labels, annotations)] = await alerts(house)
    assert labels == {
        "alertname": "PaymentRefused", "service": "shop", "severity": "critical", "environment": "test",
    }  # fmt: skip
    assert annotations == {"summary": "payments are refused", "example": "ERROR payment refused code=51 …"}

    await age(house, 50)
    assert await look(house) == [("PaymentRefused", "firing")]
    await age(house, 11)
    assert await look(house) == [("PaymentRefused", "resolved")]


async def test_absence_fires_only_after_a_watched_window(house: LogHouse) -> None:
    house.apply(log_rules=[QUIET])
    write(house, "INFO heartbeat")
    assert await look(house) == []
    write(house, "INFO heart beat")
    assert await look(house) == []
    await asyncio.sleep(1.1)
    assert await look(house) == [("NoHeartbeat", "firing")]
    write(house, "INFO heartbeat is late", "INFO heartbeat")
    assert await look(house) == [("NoHeartbeat", "resolved")]


async def test_a_log_that_is_not_read_is_unknown(house: LogHouse) -> None:
    house.apply(log_rules=[QUIET, REFUSED])
    await look(house)
    write(house, *[BAD] * 3)
    await house.round()
    await age(house, 3)
    await house.query("UPDATE log_watches SET seen_at = seen_at - interval '2 min' RETURNING 1")
    await house.evaluator.run()
    assert [(name, status) for name, status, *_ in await alerts(house)] == [("PaymentRefused", "firing")], (
        "enough lines are enough, and no line is not silence"
    )


async def test_an_open_alert_outlives_the_evaluator_and_the_watcher(house: LogHouse) -> None:
    house.apply(log_rules=[REFUSED])
    await look(house)
    write(house, *[BAD] * 3)
    assert await look(house) == [("PaymentRefused", "firing")]
    house.restart()
    house.evaluator = type(house.evaluator)(house)  # type: ignore[arg-type]
    assert await look(house) == [("PaymentRefused", "firing")]
    await age(house, 61)
    assert await look(house) == [("PaymentRefused", "resolved")]


async def test_a_changed_threshold_keeps_the_count_and_a_removed_rule_ends_its_alert(house: LogHouse) -> None:
    house.apply(log_rules=[{**REFUSED, "threshold": 10}])
    await look(house)
    write(house, *[BAD] * 3)
    assert await look(house) == []
    house.apply(log_rules=[REFUSED])
    assert await look(house) == [("PaymentRefused", "firing")]
    house.apply(log_rules=[])
    assert await look(house) == [("PaymentRefused", "resolved")]
    assert await house.query("SELECT 1 FROM log_counts") == []


async def test_a_line_is_counted_once_whatever_dies(house: LogHouse, tmp_path: Path) -> None:
    house.apply(log_rules=[REFUSED])
    await house.round()
    for point in ("log_read", "log_stored", "log_committed"):
        write(house, BAD)
        with house.dying(point):
            await house.round()
    await house.round()
    assert sum(row["lines"] for row in await house.query("SELECT lines FROM log_counts")) == 3
