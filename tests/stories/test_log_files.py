"""Log files through real workers that are killed with -9: no line is lost or doubled, and a log rule pages."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.stories.town import Town, until

REFUSED: dict[str, Any] = {
    "name": "PaymentRefused", "service": "shop", "contains": ["payment refused"], "levels": ["error"], "threshold": 5,
    "window_s": 4, "labels": {"severity": "critical"}, "summary": "payments are refused",
}  # fmt: skip


async def furnish(town: Town, folder: Path, **more: Any) -> None:
    folder.mkdir()
    watch = {"service": "shop", "folder": str(folder), "settle_s": 0.5, **more}
    await town.furnish(["shop"], timings={"logs_s": 0.2}, logs=[watch], log_rules=[REFUSED])


async def begun(town: Town) -> None:
    """Wait until what lay in the folder at the beginning is read."""

    async def look() -> bool:
        items = (await town.ask("GET", "/logs/watches"))["items"]
        return bool(items and items[0]["began_at"])

    await until("the watch", look)


async def lines(town: Town, count: int) -> list[str]:
    """All stored lines, once so many are there."""

    async def look() -> list[str] | None:
        page = await town.ask("GET", "/logs", service="shop", limit=1000)
        return [item["text"] for item in page["items"]][::-1] if len(page["items"]) >= count else None

    return list(await until(f"{count} lines", look))


@pytest.mark.parametrize("point", ["log_read", "log_stored", "log_committed"])
async def test_a_worker_killed_around_the_commit_loses_and_doubles_no_line(
    town: Town, tmp_path: Path, point: str
) -> None:
    folder = tmp_path / "logs"
    await furnish(town, folder)
    written = [f"2026-03-01T03:00:00Z INFO line {n}" for n in range(200)]
    (folder / "shop.log").write_text("".join(f"{text}\n" for text in written[:100]))
    assert await town.died(town.worker(NIGHTSHIFT_CRASHPOINT=f"{point}:1")) == -9
    with (folder / "shop.log").open("a") as file:
        file.writelines(f"{text}\n" for text in written[100:])
    (folder / "shop.log").rename(folder / "shop.log.1")
    # A file that nobody had read under its old name is only wanted by its new one.
    if point != "log_committed":
        (folder / "shop.log.1").rename(folder / "shop-1.log")
    town.worker()

    async def look() -> list[str] | None:
        asked = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "limit": 1000}
        items = (await town.ask("GET", "/logs", **asked))["items"]
        return [item["text"] for item in items][::-1] if len(items) >= 200 else None

    assert await until("all lines", look) == written


async def test_kills_at_any_moment_while_a_service_writes_and_rotates(town: Town, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    await furnish(town, folder)
    worker = town.worker()
    await begun(town)
    written: list[str] = []
    for turn in range(3):
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            written.append(f"INFO line {len(written)}")
            with (folder / "shop.log").open("a") as file:
                file.write(f"{written[-1]}\n")
            await asyncio.sleep(0.02)
        town.kill(worker)
        (folder / "shop.log").rename(folder / f"shop-{turn}.log")
        worker = town.worker()
    found = await lines(town, len(written))
    assert sorted(found) == sorted(written)


async def test_a_log_rule_opens_an_incident_that_ends_with_the_lines(town: Town, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    await furnish(town, folder)
    town.worker()
    await begun(town)
    with (folder / "shop.log").open("a") as file:
        file.writelines(f'ERROR payment refused code=51 user_agent="rm -rf {n}"\n' for n in range(8))

    incident = await town.incident("shop")
    whole = await town.ask("GET", f"/incidents/{incident['number']}")
    assert "PaymentRefused" in str(whole["alerts"])
    [alert] = town.rows("SELECT annotations FROM alerts WHERE source = 'rules'")
    assert alert["annotations"] == {"summary": "payments are refused", "example": "ERROR payment refused code=51 …"}
    await town.is_resolved(incident["number"])
