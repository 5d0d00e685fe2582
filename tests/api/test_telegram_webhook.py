"""Telegram posts to us: believed only with the secret, which is compared before anything is read."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import build_app
from tests.api.conftest import served
from tests.api.telegram_room import APPROVER, GROUP, SECRET, Room, open_room
from tests.fakes.telegram_tricks import forged_deliveries
from tests.fakes.waiting import until


@pytest.fixture
async def room(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    async with open_room(database, tmp_path, monkeypatch) as opened:
        yield opened


async def test_posts_with_the_secret_count_once_and_no_others(room: Room) -> None:
    await room.channel(mode="webhook")
    card, hand = await room.card(), room.telegram.hand
    async with served(build_app(room.ward.house)) as port:
        url = f"http://127.0.0.1:{port}"
        room.ward.house.settings = room.ward.house.settings.model_copy(update={"public_url": url})
        async with room.listening(), httpx.AsyncClient(base_url=url) as stranger:
            await until(lambda: bool(room.telegram.server.updates.webhook.url), 5, "the webhook")
            place = room.telegram.server.updates.webhook
            assert (place.url, place.secret) == (f"{url}/api/v1/chat/telegram/oncall", SECRET)

            query = hand.forge(APPROVER, card.shown, None, data=card.shown.button("approve")["callback_data"] + "x")
            await hand.answer_to(query)
            await until(lambda: bool(room.telegram.server.updates.confirmed), 5, "the post's answer")
            update = {**room.telegram.server.updates.confirmed[-1], "update_id": 1}
            update["callback_query"]["data"] = card.shown.button("approve")["callback_data"]
            update["callback_query"]["id"] = "another"
            for name, (headers, body) in forged_deliveries(SECRET, update).items():
                raw = [(key.encode(), value.encode()) for key, value in headers.items()]
                answer = await stranger.post(place.url, content=body, headers=raw)
                assert (answer.status_code, answer.json()["reason"]) == (401, "secret_wrong"), name
            secret = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            elsewhere = await stranger.post("/api/v1/chat/telegram/other", json=update, headers=secret)
            assert elsewhere.status_code == 401
            for broken in (b"", b"{", b"[]", b'{"update_id": "1"}', b"\xff"):
                answer = await stranger.post(place.url, content=broken, headers=secret)
                assert (answer.status_code, answer.json()["reason"]) == (400, "no_update"), broken
            unread = await stranger.post(place.url, json={"update_id": 2, "message": {"what": "?"}}, headers=secret)
            assert unread.status_code == 200  # or it would come again for a day
            assert await room.state(card) == "pending"

            assert "Approved" in await hand.answer_to(hand.press(APPROVER, card.shown, "approve"))
            hand.repeat()
            hand.say(APPROVER, GROUP, "/oncall")
            await until(lambda: len(hand.messages(GROUP)) == 2, 5, "who is on call")
    votes = await room.ward.rows("SELECT * FROM approval_votes")
    assert len(votes) == 1


async def test_a_webhook_without_its_secret_is_not_asked_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.channel(mode="webhook", secret_env="NOT_SET")
    async with served(build_app(room.ward.house)) as port, httpx.AsyncClient() as stranger:
        url = f"http://127.0.0.1:{port}/api/v1/chat/telegram/oncall"
        answer = await stranger.post(url, json={"update_id": 1}, headers={"X-Telegram-Bot-Api-Secret-Token": ""})
        assert answer.status_code == 401
        async with room.listening():
            await until(lambda: bool(room.telegram.calls.accepted("setMyCommands")), 5, "the bot's start")
    assert not room.telegram.calls.accepted("setWebhook")
