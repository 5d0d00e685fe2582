"""`nightshift logs`: lines as in a file, newest last."""

import json
import time
from typing import Any

from store import log_positions, logs


async def test_lines_are_searched_and_watches_shown(office: Any) -> None:
    now = time.time()
    chunk = logs.Chunk(
        "checkout", "prod", "shop.log", [now - 3, now - 2, now - 1], ["error", "info", "warn"], [False] * 3,
        ["ERROR card refused", "INFO card taken", "WARN \x1b[31mred"], 50,
    )  # fmt: skip
    async with office.house.store.begin() as conn:
        await logs.insert(conn, [chunk])
        await log_positions.watched(conn, "checkout /logs", "checkout", is_read=True, files=2, faults=["only 2 files"])

    whole = await office.run("viewer", "logs")
    assert whole.code == 0, whole.err
    assert [line.split("  ")[1:] for line in whole.out.splitlines()] == [
        ["checkout", "shop.log", "ERROR card refused"],
        ["checkout", "shop.log", "INFO card taken"],
        ["checkout", "shop.log", "WARN \\u001b[31mred"],
    ]
    found = await office.run(
        "viewer", "logs", "CARD", "--service", "checkout", "--level", "error", "--level", "warn", "--json"
    )
    assert [item["text"] for item in json.loads(found.out)["items"]] == ["ERROR card refused"]
    none = await office.run("viewer", "logs", "nothing")
    assert (none.out, none.err) == ("", "No such line in that range.\n")
    cut = await office.run("viewer", "logs", "--limit", "1")
    assert "only the newest 1" in cut.err
    watches = await office.run("viewer", "logs", "--watches")
    assert "checkout /logs" in watches.out
    assert "only 2 files" in watches.out
    refused = await office.run("viewer", "logs", "--from", "2026-03-01T03:00:00Z", "--to", "2026-03-01T02:00:00Z")
    assert "ends before it begins" in refused.err
