"""What people write in Slack, as they meant it; and what is not for us."""

from typing import Any

import pytest

from api.slack_apps import apps_of
from api.slack_view import Origin, inputs_of, view_of
from api.slack_words import Heard, command_of, heard_of, order_of, plain
from core.catalogue import Language
from core.site import Channel, Site
from engine.desk_form import Field, Form, FormKind
from tests.fakes.slack_blocks import check_view

BOT, TEAM = "U0BOT", "T0"
EVENT = {"type": "message", "user": "U1", "channel": "C1", "ts": "1.1", "thread_ts": "1.0", "text": "hm", "team": "T1"}


def heard(**changes: Any) -> Heard | None:
    return heard_of({name: value for name, value in (EVENT | changes).items() if value is not None}, TEAM, BOT)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a &lt; b &amp;&amp; c", "a < b && c"),
        ("see <https://a.example/x?y=1&amp;z|the page>", "see the page (https://a.example/x?y=1&z)"),
        ("<https://a.example>", "https://a.example"),
        ("<@U123> and <@U123|early>", "@U123 and @early"),
        ("<#C1|ops> <!here> <!subteam^S1|@team>", "#ops @here @team"),
        ("&lt;@U123&gt;", "<@U123>"),
    ],
)
def test_entities_are_read_once(written: str, meant: str) -> None:
    assert plain(written) == meant


def test_who_is_meant() -> None:
    mention = heard(type="app_mention", text=f"<@{BOT}> why?")
    assert mention
    assert (mention.is_named, mention.said.text, mention.said.thread, mention.said.team) == (True, "why?", "1.0", "T1")
    above = heard(type="app_mention", text=f"<@{BOT}> why?", thread_ts=None)
    assert above
    assert above.said.thread == "1.1", "the answer goes below the question"
    assert heard(text=f"<@{BOT}> why?") is None, "it comes as a mention, too"
    private = heard(channel="D1", channel_type="im", text="why?", thread_ts=None)
    assert private
    assert (private.is_named, private.said.thread, private.said.is_direct) == (True, "", True)
    by_name = heard(text="Nightshift, who is on call?")
    assert by_name
    assert (by_name.is_named, by_name.said.text) == (True, "who is on call?")
    for text in ("who is on call?", "ask nightshift", "nightshifts are long"):
        other = heard(text=text)
        assert other
        assert not other.is_named, text


@pytest.mark.parametrize(
    "changes",
    [
        {"bot_id": "B1"}, {"subtype": "message_changed"}, {"subtype": "bot_message"}, {"user": None}, {"user": ""},
        {"text": None}, {"text": 7}, {"channel": []}, {"ts": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_nobody_wrote_is_not_heard(changes: Any) -> None:
    assert heard(**changes) is None


def test_commands_are_taken_at_their_word_only() -> None:
    for words, meant in {
        "incidents": ("incidents", ""), "ack #12": ("ack", "#12"), "ack": ("ack", ""), "/stop": ("stop", ""),
        "ask why\nnow?": ("ask", "why\nnow?"), "link ABC": ("link", "ABC"),
        "stop the bleeding": ("", "stop the bleeding"), "ack that it burns": ("", "ack that it burns"),
        "help me": ("", "help me"), "oncall": ("oncall", ""),
    }.items():  # fmt: skip
        assert command_of(words) == meant
    public = heard(type="app_mention", text=f"<@{BOT}> link ABC23")
    assert public
    assert (public.said.name, public.said.text, public.said.is_direct) == ("link", "ABC23", False)
    assert order_of("/ack", " 12 ") == ("ack", "12")
    assert order_of("/nightshift", "ack 12") == ("ack", "12")
    assert order_of("/nightshift", "what changed?") == ("ask", "what changed?")
    assert order_of("/nightshift", "") == ("help", "")


def test_channels_of_one_bot_are_one_app() -> None:
    channels = (
        Channel("a", "slack", token_env="BOT", app_token_env="APP", chat="C1"),
        Channel("b", "slack", token_env="BOT", app_token_env="APP", chat="C2", mode="socket"),
        Channel("c", "slack", token_env="OTHER", secret_env="SECRET", chat="C3", mode="http"),
        Channel("d", "slack", token_env="UNSET", app_token_env="APP", chat="C4"),
        Channel("e", "telegram", token_env="BOT", chat="1"),
    )
    environ = {"BOT": "xoxb-1", "APP": "xapp-1", "OTHER": "xoxb-2", "SECRET": " s "}
    [app] = apps_of(Site(channels=channels), "socket", environ)
    assert [app.channel_of(chat).id for chat in ("C1", "C2", "D9", "C404")] == ["a", "b", "a", "a"]
    [other] = apps_of(Site(channels=channels), "http", environ)
    assert (other.channels[0].id, other.signing_secret) == ("c", "s")


def test_a_form_shows_only_what_comes_back_unchanged() -> None:
    fields = [
        *(Field("a", "A", "1"), Field("a", "again"), Field("long", "", "x" * 3_001), Field("odd", "", "\0")),
        *(Field("", "nameless"), Field("reason", "Why", is_long=True)),
    ]
    form = Form(FormKind.EDIT, "abcdefghijkl", "What is different?", tuple(fields))
    view = view_of(form, Origin("oncall", "C1", "1.1", "1.0", "abcdefghijkl", "edit", "edit"), Language.EN)
    check_view(view)
    assert inputs_of(view) == [("a", True), ("reason", True)]
    assert view["blocks"][1]["element"]["initial_value"] == "1"


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "x", None, 7, '{"channel": 1}'])
def test_metadata_that_we_did_not_write_is_no_origin(text: Any) -> None:
    assert Origin.read(text) is None
    origin = Origin("oncall", "C1", "1.1", "1.0", "abcdefghijkl", "reject", "reason")
    assert Origin.read(origin.packed()) == origin
