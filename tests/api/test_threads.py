"""Conversations at the front door: who may read and write them, what is refused, and rows that nobody loses."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.streaming import Stream
from engine.chatting import TEXT_CHARS_MAX, WAITING_MAX, WAITING_OF_PERSON_MAX
from engine.worker import CONCURRENCY
from store import threads
from tests.api.raw_stream import events, numbers

ALERT = {"name": "HighErrorRate", "service": "shop", "status": "firing"}
PATH = "/api/v1/threads"


async def begin(door: Any, holder: str = "responder", **about: Any) -> Any:
    """A conversation of somebody."""
    answer = await door.post(PATH, about, holder)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def ask(
    door: Any, thread: Any, text: str = "what broke?", holder: str = "responder", **headers: str
) -> httpx.Response:
    return await door.post(f"{PATH}/{thread['id']}/messages", {"text": text}, holder, **headers)


async def say(door: Any, thread: Any, rows: int, *, at_once: int = 1) -> None:
    """Words that an answer writes."""
    for _ in range(rows // at_once):
        async with door.store.begin() as conn:
            for _ in range(at_once):
                await threads.append(conn, UUID(thread["id"]), "token", {"text": "line\nline"})


@pytest.fixture
async def thread(door: Any) -> Any:
    return await begin(door, title="checkout")


@pytest.fixture
async def about_incident(door: Any) -> Any:
    assert (await door.post("/api/v1/webhooks/generic/shopmon", ALERT, "shopmon")).status_code == 200
    return await begin(door, incident="1")


async def test_what_is_asked_is_a_row_and_waits_for_its_answer(door: Any, thread: Any) -> None:
    answer = await ask(door, thread, " what broke?\x00 ")
    assert answer.status_code == 202
    asked = answer.json()
    assert (asked["seq"], asked["state"]) == (1, "queued")
    page = (await door.get(asked["events"] + "&follow=false", "responder")).json()
    [row] = page["items"]
    assert (row["kind"], row["run_id"], page["next"]) == ("message", asked["run_id"], None)
    assert row["body"] == {"role": "person", "text": "what broke?\ufffd", "person": "the responder", "via": "api"}
    found = (await door.get(f"{PATH}/{thread['id']}", "responder")).json()
    assert (found["title"], found["is_busy"], found["last"], found["door"]) == ("checkout", True, 1, "api")
    assert [(run["id"], run["state"]) for run in found["runs"]] == [(asked["run_id"], "queued")]
    [job] = await door.rows("SELECT queue_name, lock, args FROM procrastinate_jobs WHERE task_name = 'answer_thread'")
    assert job == {"queue_name": "chat", "lock": f"thread:{thread['id']}", "args": {"run_id": asked["run_id"]}}


async def test_the_same_question_sent_twice_is_asked_once(door: Any, thread: Any) -> None:
    first, again = [await ask(door, thread, **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert (first.status_code, again.status_code, first.json()) == (202, 202, again.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert (await ask(door, thread, "other", **{"Idempotency-Key": "k1"})).json()["reason"] == "key_reused"
    assert len(await door.rows("SELECT 1 FROM thread_runs")) == 1
    begun = [await door.post(PATH, {}, "viewer", **{"Idempotency-Key": "k2"}) for _ in range(2)]
    assert begun[0].json()["id"] == begun[1].json()["id"]


async def test_a_conversation_is_its_persons_alone_but_for_admins(door: Any, thread: Any) -> None:
    path = f"{PATH}/{thread['id']}"
    for holder in ("viewer", "approver", "operator", "break-glass"):
        reads = [await door.get(path + more, holder) for more in ("", "/events", "/events?follow=false")]
        writes = [await ask(door, thread, holder=holder), await door.post(f"{path}/cancel", {}, holder)]
        assert {answer.status_code for answer in [*reads, *writes]} == {404}, holder
        listed = await door.get(PATH, holder)
        assert listed.json()["items"] == []
        for more in ("", "&incident=1"):
            refused = await door.get(f"{PATH}?whose=all{more}", holder)
            assert (refused.status_code, refused.json()["reason"]) == (403, "role_missing")
        assert (await door.get(f"{PATH}?incident=", holder)).status_code == 422
    assert (await door.get(path, "admin")).status_code == 200
    everybody = (await door.get(f"{PATH}?whose=all", "admin")).json()["items"]
    assert [(one["id"], one["person"]) for one in everybody] == [(thread["id"], "the responder")]
    refused = await ask(door, thread, holder="admin")
    assert (refused.status_code, refused.json()["reason"]) == (403, "not_yours")
    assert await door.rows("SELECT 1 FROM thread_runs") == []


async def test_one_about_an_incident_is_read_and_written_by_everybody(door: Any, about_incident: Any) -> None:
    assert about_incident["incident_number"] == 1
    path = f"{PATH}/{about_incident['id']}"
    assert (await door.get(path, "viewer")).status_code == 200
    assert (await ask(door, about_incident, holder="viewer")).status_code == 202
    listed = (await door.get(f"{PATH}?incident=1", "viewer")).json()["items"]
    assert [one["id"] for one in listed] == [about_incident["id"]]
    assert (await door.get(PATH, "viewer")).json()["items"] == []
    assert (await door.post(PATH, {"incident": "999"}, "viewer")).status_code == 404


async def test_cancelling_ends_ones_own_questions_and_an_operator_ends_all(door: Any, about_incident: Any) -> None:
    path = f"{PATH}/{about_incident['id']}"
    for holder in ("responder", "viewer", "responder"):
        assert (await ask(door, about_incident, holder=holder)).status_code == 202
    assert (await door.post(f"{path}/cancel", {}, "responder")).json() == {"cancelled": True}
    states = [run["state"] for run in (await door.get(path)).json()["runs"]]
    assert states == ["cancelled", "queued", "cancelled"]
    assert (await door.post(f"{path}/cancel", {}, "responder")).json() == {"cancelled": False}
    assert (await door.post(f"{path}/cancel", {}, "operator")).json() == {"cancelled": True}
    rows = (await door.get(f"{path}/events?follow=false")).json()["items"]
    ends = [(row["kind"], row["body"]["by"]) for row in rows if row["kind"] != "message"]
    assert ends == [("run.finished", "the responder")] * 2 + [("run.finished", "the operator")]


async def test_what_cannot_be_asked_is_told(door: Any, thread: Any) -> None:
    for body, reason in (
        ({"text": " \n"}, "text_empty"),
        ({"text": "x" * (TEXT_CHARS_MAX + 1)}, "text_too_long"),
        ({"text": "x", "language": "xx"}, None),
        ({"text": "x", "more": 1}, None),
        ({}, None),
    ):
        answer = await door.post(f"{PATH}/{thread['id']}/messages", body, "responder")
        assert (answer.status_code, answer.json().get("reason")) == (422, reason), body
    assert await door.rows("SELECT 1 FROM thread_events") == []


async def test_questions_that_wait_are_limited_in_a_thread_and_for_a_person(door: Any, about_incident: Any) -> None:
    """Nobody alone fills a conversation of many, or keeps every hand that answers."""
    for holder, questions in (("responder", WAITING_OF_PERSON_MAX), ("viewer", WAITING_MAX - WAITING_OF_PERSON_MAX)):
        for _ in range(questions):
            assert (await ask(door, about_incident, holder=holder)).status_code == 202
    for holder, reason in (("viewer", "too_many_waiting"), ("responder", "too_many_waiting")):
        refused = await ask(door, about_incident, holder=holder)
        assert (refused.status_code, refused.json()["reason"]) == (429, reason)
    refused = await ask(door, await begin(door))
    assert (refused.status_code, refused.json()["reason"]) == (429, "too_many_of_person")
    assert (await door.post(f"{PATH}/{about_incident['id']}/cancel", {}, "responder")).json()["cancelled"]
    assert (await ask(door, about_incident)).status_code == 202


async def test_who_asks_everywhere_at_once_gets_no_more_than_others(door: Any) -> None:
    threads_ = [await begin(door) for _ in range(4 * WAITING_OF_PERSON_MAX)]
    answers = await asyncio.gather(*(ask(door, thread) for thread in threads_))
    assert sorted(answer.status_code for answer in answers)[:WAITING_OF_PERSON_MAX] == [202] * WAITING_OF_PERSON_MAX
    assert len(await door.rows("SELECT 1 FROM thread_runs")) == WAITING_OF_PERSON_MAX
    assert CONCURRENCY["chat"] > WAITING_OF_PERSON_MAX


class Reader:
    """One who reads along and can be cut off."""

    def __init__(self, door: Any, thread: Any, holder: str = "responder") -> None:
        self.door, self.path, self.holder = door, f"{PATH}/{thread['id']}/events", holder
        self.heard: list[dict[str, str]] = []

    async def until(self, last: int, *, at_most: int = 1_000_000) -> None:
        """Read on from the last number, up to another or for so many rows."""
        resume = {"Last-Event-ID": self.heard[-1]["id"]} if self.heard else {}
        async with (
            asyncio.timeout(60),
            self.door.client(self.holder) as client,
            client.stream("GET", self.path, headers=resume) as answer,
        ):
            assert answer.status_code == 200
            async for event in events(answer.aiter_lines()):
                self.heard.append(event)
                at_most -= 1
                if int(event["id"]) >= last or at_most == 0:
                    return
        raise AssertionError("the stream ended")


async def test_readers_who_are_cut_off_again_and_again_get_each_row_once(door: Any, thread: Any) -> None:
    readers = [Reader(door, thread) for _ in range(6)]

    async def read(reader: Reader, patience: int) -> None:
        while not reader.heard or int(reader.heard[-1]["id"]) < 90:
            await reader.until(90, at_most=patience)

    reading = [asyncio.create_task(read(reader, 5 + 7 * n)) for n, reader in enumerate(readers)]
    await say(door, thread, 30)
    await say(door, thread, 60, at_once=20)
    await asyncio.gather(*reading)
    for reader in readers:
        assert numbers(reader.heard) == list(range(1, 91))
    row = json.loads(readers[0].heard[-1]["data"])
    assert (row["seq"], row["kind"], row["body"]) == (90, "token", {"text": "line\nline"})


async def test_late_reader_of_a_long_story_gets_all_of_it_beside_one_who_is_up_to_date(door: Any, thread: Any) -> None:
    await say(door, thread, 1_300, at_once=650)
    early, late = Reader(door, thread), Reader(door, thread)
    await early.until(1_300)
    following = asyncio.create_task(early.until(1_310))
    await asyncio.sleep(0.1)
    await say(door, thread, 10)
    await late.until(1_310)
    await following
    assert numbers(early.heard) == numbers(late.heard) == list(range(1, 1_311))


async def test_reader_who_takes_nothing_is_dropped_and_reads_on(
    door: Any, thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stream, "send_s_max", 0.3)
    wide = {"text": "w" * 60_000}
    async with door.store.begin() as conn:
        for _ in range(200):
            await threads.append(conn, UUID(thread["id"]), "token", wide)
    heard: list[int] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=2**17)
    key = door.keys["responder"]
    writer.write(
        f"GET {PATH}/{thread['id']}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    )
    async with asyncio.timeout(60):
        while door.store.tails or not heard:  # until the house has let go of it
            if not heard:
                while not (line := await reader.readline()).startswith(b"id: "):
                    pass
                heard.append(int(line[4:]))
            await asyncio.sleep(0.05)
        while line := await reader.readline():  # what was on its way
            if line.startswith(b"id: "):
                heard.append(int(line[4:]))
    writer.close()
    assert heard == list(range(1, len(heard) + 1))
    assert len(heard) < 200, "it was dropped"
    rest = Reader(door, thread)
    rest.heard.append({"id": str(heard[-2])})  # the last row may have been torn
    await rest.until(200)
    assert numbers(rest.heard) == list(range(heard[-2], 201))


async def test_many_readers_ask_the_tables_once(door: Any, thread: Any) -> None:
    readers = [Reader(door, thread) for _ in range(10)]
    await say(door, thread, 1)
    reading = [asyncio.create_task(reader.until(20)) for reader in readers]
    while len(door.store.tails) != 1 or next(iter(door.store.tails.values())).readers < len(readers):
        await asyncio.sleep(0.02)
    assert len(door.store.bus._subscribers[f"thread:{thread['id']}"]) == 1
    await say(door, thread, 19)
    await asyncio.gather(*reading)
    async with asyncio.timeout(60):
        while door.store.tails:
            await asyncio.sleep(0.02)


async def test_stream_of_somebody_who_is_let_go_ends(door: Any, thread: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.streaming.LET_IN_S", 0.0)
    await say(door, thread, 1)
    async with (
        asyncio.timeout(60),
        door.client("responder") as client,
        client.stream("GET", f"{PATH}/{thread['id']}/events") as answer,
    ):
        lines: AsyncIterator[str] = answer.aiter_lines()
        assert (await anext(lines)) == "id: 1"
        gone = await door.post("/api/v1/people/the responder/deactivate", {}, "admin")
        assert gone.status_code == 200, gone.text
        async for _ in lines:
            pass
