"""Channels at the command line: where people are told, a test message, and a fault that says what to do."""

from store import site
from tests.cli.conftest import SITE, Office
from tests.fakes.telegram import fake_telegram
from tests.fakes.telegram_state import TOKEN, Person

LEAD = Person(101, "the lead")


async def test_a_channel_is_tried_out_before_the_first_night(office: Office) -> None:
    async with fake_telegram() as telegram:
        telegram.world.group(-1001, LEAD)
        told = [
            {"id": "ops", "kind": "telegram", "chat": "-1001", "token_env": "OPS_TOKEN", "url": telegram.url},
            {"id": "gone", "kind": "telegram", "chat": "-1002", "token_env": "OPS_TOKEN", "url": telegram.url},
            {"id": "book", "kind": "log"},
        ]
        office.house.voices.environ = {"OPS_TOKEN": TOKEN}
        async with office.house.store.begin() as conn:
            await site.apply(conn, {**SITE, "channels": told}, by="test")
        office.house._site = None
        tried = await office.run("operator", "channels", "test", "ops")
        assert (tried.code, tried.err) == (0, ""), tried
        assert "It arrived in ops" in tried.out
        [message] = telegram.hand.messages(-1001, "nothing is wrong")
        assert "operator" in message.text
        lost = await office.run("operator", "channels", "test", "gone")
        assert lost.code == 1
        assert "chat not found" in lost.err.lower()
        assert (await office.run("operator", "channels", "test", "book")).code == 0
        assert (await office.run("operator", "channels", "test", "nowhere")).code == 1
        assert (await office.run("viewer", "channels", "test", "ops")).code == 2
    listed = await office.run("viewer", "channels")
    assert all(word in listed.out for word in ("ops", "gone", "book", "-1002"))
