"""Poison: never a 500, good neighbours stored, and what could not be used readable in quarantine."""

import asyncio
import json
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parent / "payloads"
WEBHOOK = "/api/v1/webhooks/alertmanager"


def files(folder: str) -> list[Path]:
    found = sorted((PAYLOADS / folder).glob("*.json"))
    assert len(found) >= 20, f"the payloads of {folder} are missing"
    return found


async def names(door: Any) -> list[str]:
    return [row["name"] for row in await door.rows("SELECT name FROM alerts ORDER BY name")]


async def forget(door: Any) -> None:
    """Begin anew without the cost of another database."""
    async with door.store.begin() as conn:
        await conn.execute("DELETE FROM alerts")
        await conn.execute("DELETE FROM quarantine")


async def test_a_body_that_cannot_be_read_is_kept_and_refused(door: Any) -> None:
    for path in files("refused"):
        body = path.read_bytes()
        answer = await door.post(WEBHOOK, body)
        assert answer.status_code == 400, f"{path.stem}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        [kept] = await door.rows("SELECT source, reason, detail, body FROM quarantine")
        assert bytes(kept["body"]) == body, path.stem
        assert (kept["source"], kept["reason"]) == ("prometheus", answer.json()["reason"])
        assert not await names(door), path.stem
        await forget(door)


async def test_a_bad_alert_is_kept_apart_and_its_neighbours_are_stored(door: Any) -> None:
    for path in files("rejected"):
        body = path.read_bytes()
        answer = await door.post(WEBHOOK, body)
        counts = answer.json()
        assert (answer.status_code, counts["new"], counts["quarantined"]) == (200, 2, 1), f"{path.stem}: {counts}"
        assert await names(door) == ["GoodAfter", "GoodBefore"], path.stem
        [kept] = await door.rows("SELECT detail, body FROM quarantine")
        assert kept["detail"].endswith("."), path.stem
        sent = json.loads(body, parse_int=float)["alerts"][1]
        assert json.loads(bytes(kept["body"]), parse_int=float) == sent, path.stem
        await forget(door)


async def test_an_odd_alert_is_stored_with_its_neighbours(door: Any) -> None:
    for path in files("kept"):
        answer = await door.post(WEBHOOK, path.read_bytes())
        counts = answer.json()
        assert (answer.status_code, counts["new"], counts["quarantined"]) == (200, 3, 0), f"{path.stem}: {counts}"
        good_after, good_before, odd = await names(door)
        assert (good_after, good_before) == ("GoodAfter", "GoodBefore"), path.stem
        assert odd.startswith("Poison"), path.stem
        again = (await door.post(WEBHOOK, path.read_bytes())).json()
        assert again["repeats"] + again["changed"] == 3, f"{path.stem}: the same body again is the same alerts"
        await forget(door)


async def test_a_poison_alone_ends_as_it_does_among_others(door: Any) -> None:
    for folder, expected in (("rejected", (0, 1)), ("kept", (1, 0))):
        for path in files(folder):
            body = json.loads(path.read_bytes())
            body["alerts"] = body["alerts"][1:2]
            answer = await door.post(WEBHOOK, json.dumps(body).encode())
            counts = answer.json()
            assert (answer.status_code, counts["new"], counts["quarantined"]) == (200, *expected), path.stem
            await forget(door)


async def test_what_was_done_to_an_alert_is_written_on_it(door: Any) -> None:
    for name, flags in (
        ("nul_in_label_value", "cleaned"),
        ("lone_surrogate_in_label_name", "cleaned"),
        ("starts_in_year_99999", "time_clamped"),
        ("starts_is_infinity", "time_guessed"),
        ("status_unknown_word", "status_guessed"),
        ("annotation_is_object", "cleaned"),
        ("labels_100", "cut"),
        ("place_labels_of_4_kib", "cut"),
        ("bidi_and_zero_width_in_label", None),  # stored as sent, shown as escapes
    ):
        await door.post(WEBHOOK, (PAYLOADS / "kept" / f"{name}.json").read_bytes())
        [row] = await door.rows("SELECT annotations FROM alerts WHERE name LIKE 'Poison%'")
        assert row["annotations"].get("nightshift_flags") == flags, name
        await forget(door)


async def test_the_same_poison_through_api_v2_is_never_a_500(door: Any) -> None:
    for path in sorted(PAYLOADS.glob("*/*.json")):
        body = path.read_bytes()
        start, end = body.find(b"["), body.rfind(b"]") + 1
        answer = await door.post("/api/v2/alerts", body[start:end] if 0 <= start < end else body)
        assert answer.status_code in (200, 400), f"{path.stem}: {answer.text}"


async def test_the_same_poison_at_every_other_door_is_never_a_500(door: Any) -> None:
    doors = {
        "/api/v1/webhooks/generic/shopmon": "shopmon",
        "/api/v1/webhooks/changes": "deployer",
        "/api/v1/sources": "admin",
        "/api/v1/people": "admin",
    }
    for path in sorted(PAYLOADS.glob("*/*.json")):
        for url, holder in doors.items():
            answer = await door.post(url, path.read_bytes(), holder)
            assert answer.status_code < 500, f"{path.stem} at {url}: {answer.text}"


async def test_a_label_of_one_megabyte_is_cut_and_two_of_them_stay_two(door: Any) -> None:
    for last in "ab":
        labels = {"alertname": "Poison", "big": "x" * 900_000 + last}
        answer = await door.post(WEBHOOK, {"alerts": [{"labels": labels, "status": "firing"}]})
        assert (answer.status_code, answer.json()["new"], answer.json()["flagged"]) == (200, 1, 1)
    rows = await door.rows("SELECT labels, annotations FROM alerts")
    assert len({row["labels"]["big"] for row in rows}) == 2
    assert all(len(row["labels"]["big"].encode()) <= 4096 for row in rows)
    assert all("cut" in row["annotations"]["nightshift_flags"] for row in rows)


async def test_limits_are_kept_in_what_is_stored(door: Any) -> None:
    for name in ("labels_100", "label_name_of_2_kib", "label_of_5_kib", "annotation_of_20_kib", "annotations_1000"):
        await door.post(WEBHOOK, (PAYLOADS / "kept" / f"{name}.json").read_bytes())
    for row in await door.rows("SELECT labels, annotations FROM alerts WHERE name = 'Poison'"):
        labels, annotations = row["labels"], row["annotations"]
        assert len(labels) <= 64
        assert all(len(n.encode()) <= 1024 and len(v.encode()) <= 4096 for n, v in labels.items())
        flags = annotations.pop("nightshift_flags")
        assert flags == "cut"
        assert sum(len(n.encode()) + len(v.encode()) for n, v in annotations.items()) <= 16 * 1024


async def test_too_many_alerts_in_one_body_are_refused_whole(door: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("ingest.alertmanager.ALERTS_MAX", 3)
    answer = await door.post(WEBHOOK, {"alerts": [{"labels": {"a": str(n)}} for n in range(4)]})
    assert (answer.status_code, answer.json()["reason"]) == (400, "too_many")


async def test_a_body_that_is_too_long_is_refused_with_and_without_a_length(door: Any) -> None:
    async def chunks() -> Any:
        for _ in range(64):
            yield b" " * 65_536

    announced = await door.post(WEBHOOK, b" " * (1024 * 1024 + 1))
    async with door.client("prometheus") as client:
        chunked = await client.post(WEBHOOK, content=chunks())
    for answer in (announced, chunked):
        assert answer.status_code == 413
        assert answer.json()["detail"] == "A body has at most 1048576 bytes; send smaller batches."
    assert 'nightshift_bodies_cut_total{status="413"} 2.0' in (await door.get("/metrics")).text
    fits = await door.post(WEBHOOK, b'{"alerts": []}'.ljust(1024 * 1024))
    assert fits.status_code == 200


async def test_a_huge_announced_length_is_refused_at_once(door: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(request_head(door, f"Content-Length: {10**15}"))
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer.startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_slow_body_is_answered_408_and_closed(door: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(request_head(door, "Content-Length: 100") + b'{"alerts"')
    answer = await asyncio.wait_for(reader.read(), 10)  # read to the end: the server closes
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 1 s" in answer
    writer.close()


async def test_a_compressed_body_is_refused(door: Any) -> None:
    bomb = b"\x1f\x8b\x08" + b"\x00" * 100
    answer = await door.post(WEBHOOK, bomb, "prometheus", **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


async def test_unknown_routes_and_methods_are_problems_too(door: Any) -> None:
    missing = await door.get("/api/v1/nothing")
    wrong = await door.get(WEBHOOK)
    for answer, status in ((missing, 404), (wrong, 405)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert wrong.headers["allow"] == "POST"


async def test_an_unexpected_error_tells_an_id_and_nothing_of_the_inside(door: Any, monkeypatch: Any) -> None:
    async def broken(conn: Any) -> Any:
        raise KeyError("the inside of the house")

    monkeypatch.setattr("api.routes.people.people.persons", broken)
    answer = await door.get("/api/v1/people", "admin")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["id"] in answer.json()["detail"]
    assert "inside of the house" not in answer.text


def request_head(door: Any, header: str) -> bytes:
    lines = (f"POST {WEBHOOK} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {door.keys['prometheus']}", header)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
