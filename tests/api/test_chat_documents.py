"""What the pages about Slack and Telegram say is what the code needs, and their pictures are what people see."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.telegram import POLLING, WEBHOOK, bots_of
from core.desk import Command
from core.site_form import read_site
from evals.card_picture import picture

ROOT = Path(__file__).parent.parent.parent
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "docs/slack-manifest.yaml").read_text("utf-8"))
SLACK, TELEGRAM = ((ROOT / f"docs/{name}.md").read_text("utf-8") for name in ("slack", "telegram"))
SITE = re.compile(r"```yaml\n# site\.yaml\n(.*?)```", re.DOTALL)
METHOD = re.compile(r'"((?:chat|files|views|bots|users|auth|apps|conversations|reactions|im)\.[a-zA-Z.]+)"')
# What each method needs of a bot token; none for views and for the tokens' own methods.
SCOPES = {
    "chat.postMessage": "chat:write", "chat.postEphemeral": "chat:write", "chat.update": "chat:write",
    "chat.startStream": "chat:write", "chat.appendStream": "chat:write", "chat.stopStream": "chat:write",
    "files.getUploadURLExternal": "files:write", "files.completeUploadExternal": "files:write",
    "bots.info": "users:read", "auth.test": "", "views.open": "", "apps.connections.open": "",
}  # fmt: skip
EVENT_SCOPES = {
    "app_mention": "app_mentions:read", "message.channels": "channels:history", "message.groups": "groups:history",
    "message.im": "im:history",
}  # fmt: skip


def test_the_manifest_asks_for_what_the_code_needs_and_for_nothing_else() -> None:
    code = "".join(path.read_text("utf-8") for part in ("api", "tools/notify") for path in (ROOT / part).glob("slack*"))
    methods = set(METHOD.findall(code))
    assert methods == set(SCOPES), "a method that is new here needs its scope in the manifest"
    events = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    needed = {SCOPES[method] for method in methods} | {EVENT_SCOPES[event] for event in events} | {"commands"}
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed - {""}
    assert set(events) == set(EVENT_SCOPES)
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True
    assert MANIFEST["settings"]["socket_mode_enabled"] is True


def test_the_manifest_has_every_command() -> None:
    given = {one["command"] for one in MANIFEST["features"]["slash_commands"]}
    assert given == {f"/{command}" for command in Command if command is not Command.HELP} | {"/nightshift"}
    assert all(len(one["description"]) <= 2000 for one in MANIFEST["features"]["slash_commands"])
    assert len(MANIFEST["display_information"]["description"]) <= 140


def test_the_channel_of_slacks_page_is_read_as_it_stands() -> None:
    [block] = SITE.findall(SLACK)
    [channel] = read_site(yaml.safe_load(block), 1).channels
    assert (channel.kind, channel.chat, channel.is_chat) == ("slack", "C0123456789", True)
    assert f"export {channel.token_env}=xoxb" in SLACK
    assert f"export {channel.app_token_env}=xapp" in SLACK


def test_the_channels_of_telegrams_page_are_read_as_they_stand() -> None:
    environ = dict(re.findall(r"export (\w+)=(\S+)", TELEGRAM))
    polled, posted = SITE.findall(TELEGRAM)
    for block, mode in ((polled, POLLING), (posted, WEBHOOK)):
        [bot] = bots_of(read_site(yaml.safe_load(block), 1), environ)
        assert (bot.mode, bot.channels[0].chat[:4], bool(bot.secret)) == (mode, "-100", mode == WEBHOOK)
    assert "NIGHTSHIFT_PUBLIC_URL" in environ


@pytest.mark.parametrize("platform", ["slack", "telegram"])
def test_the_picture_is_what_the_code_shows_now(platform: str) -> None:
    path = f"docs/{platform}-card.svg"
    assert (ROOT / path).read_text("utf-8") == picture(platform), f"run: python -m evals.card_picture {platform} {path}"
