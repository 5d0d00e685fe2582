"""Log lines over HTTP: searched newest first, by service, time, words and level."""

from datetime import UTC, datetime, timedelta

from store import log_positions, logs
from tests.api.conftest import Door

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


async def keep(door: Door) -> None:
    texts = ["ERROR card refused 51", "INFO card taken", "  at f()", "WARN slow"]
    chunk = logs.Chunk(
        "shop", "prod", "shop.log", [NOW.timestamp() + n for n in range(4)], ["error", "info", "none", "warn"],
        [False, False, True, False], texts, 60,
    )  # fmt: skip
    async with door.store.begin() as conn:
        await logs.insert(conn, [chunk])


def at(second: float) -> str:
    return (NOW + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")


async def asked(door: Door, **params: object) -> list[str]:
    async with door.client("viewer") as client:
        answer = await client.get("/api/v1/logs", params={"from": at(0), "to": at(9), **params})
    assert answer.status_code == 200, answer.text
    return [item["text"] for item in answer.json()["items"]]


async def test_lines_are_searched(door: Door) -> None:
    await keep(door)
    assert await asked(door) == ["WARN slow", "  at f()", "INFO card taken", "ERROR card refused 51"]
    assert await asked(door, text="REFUSED card") == ["ERROR card refused 51"]
    assert await asked(door, text="\0") == []
    assert await asked(door, level=["warn", "error"]) == ["WARN slow", "ERROR card refused 51"]
    assert await asked(door, service="shop", **{"from": at(1), "to": at(3)}) == ["  at f()", "INFO card taken"]
    assert await asked(door, service="cart\0") == []


async def test_an_answer_says_what_it_left_out(door: Door) -> None:
    await keep(door)
    answer = await door.get(f"/api/v1/logs?from={at(0)}&to={at(9)}&limit=1")
    assert answer.json()["is_cut"]
    assert answer.json()["reason"].startswith("only the newest 1")
    [item] = answer.json()["items"]
    assert item.pop("received_at")
    assert item == {"at": at(3), "service": "shop", "environment": "prod", "file": "shop.log", "level": "warn",
                    "text": "WARN slow"}  # fmt: skip
    whole = await door.get("/api/v1/logs")
    assert whole.json() == {"items": [], "is_cut": False, "reason": ""}, "the last hour, where no range is given"


async def test_what_makes_no_sense_is_refused_in_words(door: Door) -> None:
    for query, said in (
        (f"from={at(9)}&to={at(0)}", "ends before it begins"),
        ("text=" + "a+" * 11, "At most 10 words"),
        ("from=0001-01-01T00:00:00%2B23:00", "outside of the calendar"),
        ("to=0001-01-01T00:00:00Z", "outside of the calendar"),
    ):
        answer = await door.get(f"/api/v1/logs?{query}")
        assert answer.status_code in (400, 422), answer.text
        assert said in answer.text
    assert (await door.get("/api/v1/logs?from=2026-03-01T03:00:00")).status_code == 422, "a time needs its zone"
    assert (await door.get("/api/v1/logs?level=bad")).status_code == 422
    assert (await door.get("/api/v1/logs?limit=5000")).status_code == 422
    assert (await door.get("/api/v1/logs", "prometheus")).status_code == 403


async def test_the_watches_tell_how_they_are(door: Door) -> None:
    async with door.store.begin() as conn:
        await log_positions.watched(conn, "shop /logs", "shop", is_read=False, files=3, faults=["only 3 files"])
    [watch] = (await door.get("/api/v1/logs/watches")).json()["items"]
    assert (watch["service"], watch["files"], watch["faults"], watch["began_at"]) == ("shop", 3, ["only 3 files"], None)
