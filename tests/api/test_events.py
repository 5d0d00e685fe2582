"""The timeline as a stream: every row once and in order, for late readers, lost readers and many readers."""

import asyncio
import json
import time
from typing import Any
from uuid import UUID

import pytest

from store import timeline
from tests.api.raw_stream import events, numbers

ALERT = {"name": "HighErrorRate", "service": "shop", "status": "firing"}
READERS = 20


class Story:
    """An incident that tests write into."""

    def __init__(self, door: Any, incident_id: UUID, number: int, seq: int) -> None:
        self.door, self.incident_id, self.seq = door, incident_id, seq
        self.path = f"/api/v1/incidents/{number}/events"

    async def write(self, rows: int, *, at_once: int = 1) -> None:
        for _ in range(rows // at_once):
            async with self.door.store.begin() as conn:
                for _ in range(at_once):
                    self.seq = await timeline.append(conn, self.incident_id, "evidence", body={"text": "line\nline"})

    async def read(self, until: int, **request: Any) -> list[dict[str, str]]:
        """Events of one raw stream up to a number."""
        heard = []
        async with (
            asyncio.timeout(60),
            self.door.client("viewer") as client,
            client.stream("GET", self.path, **request) as answer,
        ):
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for event in events(answer.aiter_lines()):
                heard.append(event)
                if int(event["id"]) >= until:
                    return heard
        raise AssertionError("the stream ended")


@pytest.fixture
async def story(door: Any) -> Story:
    assert (await door.post("/api/v1/webhooks/generic/shopmon", ALERT, "shopmon")).status_code == 200
    [incident] = await door.rows("SELECT id, number, timeline_seq FROM incidents")
    return Story(door, incident["id"], incident["number"], incident["timeline_seq"])


async def test_stream_tells_what_was_and_what_comes_in_order(story: Story) -> None:
    before = story.seq
    reading = asyncio.create_task(story.read(before + 30))
    await asyncio.sleep(0.3)
    await story.write(30)
    heard = await reading
    assert numbers(heard) == list(range(1, before + 31))
    last = heard[-1]
    row = json.loads(last["data"])
    assert (last["event"], row["kind"], row["seq"]) == ("evidence", "evidence", story.seq)
    assert row["body"] == {"text": "line\nline"}
    assert row["at"].endswith("Z")


async def test_row_arrives_by_a_wake_up_and_not_by_reading_again(story: Story) -> None:
    reading = asyncio.create_task(story.read(story.seq + 1))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    await story.write(1)
    await reading
    assert time.monotonic() - began < 1.0  # the table is read again every two seconds anyway


async def test_row_arrives_although_its_wake_up_was_lost(story: Story) -> None:
    reading = asyncio.create_task(story.read(story.seq + 1))
    await asyncio.sleep(0.5)
    async with story.door.store.begin() as conn:
        await timeline.append(conn, story.incident_id, "evidence")
        conn.wakes.clear()
    assert numbers(await reading)[-1] == story.seq + 1


@pytest.mark.parametrize("way", ["header", "query", "both"])
async def test_reader_goes_on_after_the_last_number_without_gap_or_double(story: Story, way: str) -> None:
    await story.write(10)
    first = await story.read(5)
    await story.write(10)
    resume: dict[str, Any] = {
        "header": {"headers": {"Last-Event-ID": first[-1]["id"]}},
        "query": {"params": {"after": first[-1]["id"]}},
        "both": {"headers": {"Last-Event-ID": first[-1]["id"]}, "params": {"after": 1}},
    }[way]
    second = await story.read(story.seq, **resume)
    assert numbers(first) + numbers(second) == list(range(1, story.seq + 1))


async def test_twenty_readers_hear_the_same_numbers_while_two_write(story: Story) -> None:
    goal = story.seq + 80
    readers = [asyncio.create_task(story.read(goal)) for _ in range(READERS)]
    await asyncio.gather(story.write(40, at_once=4), story.write(40, at_once=5))
    for heard in await asyncio.gather(*readers):
        assert numbers(heard) == list(range(1, goal + 1))


async def test_long_story_is_streamed_whole(story: Story) -> None:
    await story.write(1200, at_once=600)
    assert numbers(await story.read(story.seq)) == list(range(1, story.seq + 1))


async def test_page_without_following_can_be_paged(story: Story) -> None:
    await story.write(7)
    seen, after = [], 0
    while True:
        page = (await story.door.get(f"{story.path}?follow=false&limit=3&after={after}")).json()
        seen += [row["seq"] for row in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == list(range(1, story.seq + 1))


async def test_bad_resume_number_and_unknown_incident_are_told_before_the_stream_begins(story: Story) -> None:
    async with story.door.client("viewer") as client:
        odd = await client.get(story.path, headers={"Last-Event-ID": "-1"})
        missing = await client.get("/api/v1/incidents/999/events")
    machine = await story.door.get(story.path, "prometheus")
    nobody = await story.door.get(story.path, None)
    answers = (odd, missing, machine, nobody)
    assert [answer.status_code for answer in answers] == [422, 404, 403, 401]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}


async def test_reader_that_leaves_is_forgotten(story: Story) -> None:
    for _ in range(30):  # more than the pool has connections
        await story.read(1)
    async with asyncio.timeout(60):
        while story.door.store.bus._subscribers:
            await asyncio.sleep(0.05)
    assert (await story.door.get("/api/v1/incidents")).status_code == 200


async def test_stream_ends_when_the_process_drains(story: Story) -> None:
    async with asyncio.timeout(60), story.door.client("viewer") as client, client.stream("GET", story.path) as answer:
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith("id: 1")
        story.door.app.state.draining = True
        async for _ in lines:
            pass
