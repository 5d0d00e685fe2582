"""What exists in the workspace: people, channels, messages, modals, files, and the tickets that clicks give out."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack_rules import SlackRefused

TEAM, APP, BOT_USER, BOT = "T0TEST", "A0TEST", "U0NIGHTSHIFT", "B0NIGHTSHIFT"
BOT_TOKEN, APP_TOKEN = "xoxb-test-bot-token", "xapp-test-app-token"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"

Blocks = list[dict[str, Any]]


@dataclass(frozen=True)
class Member:
    """Somebody with an account, also of another workspace."""

    id: str
    name: str
    team: str = TEAM
    email: str = ""
    locale: str = "en-US"

    def form(self) -> dict[str, Any]:
        """As in users.info."""
        profile = {"real_name": self.name, "display_name": self.name, "email": self.email}
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": self.name,
            "locale": self.locale,
            "deleted": False,
            "is_bot": False,
            "tz": "Asia/Shanghai",
            "profile": profile,
        }

    def brief(self) -> dict[str, Any]:
        """As in an interaction."""
        return {"id": self.id, "username": self.name, "name": self.name, "team_id": self.team}


@dataclass
class Post:
    """One message and everything it ever was."""

    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: Blocks = field(default_factory=list)
    thread: str | None = None
    broadcast: bool = False
    edited: str | None = None
    reactions: dict[str, set[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    streaming_until: float | None = None
    chunks: list[dict[str, Any]] = field(default_factory=list)
    only_for: str | None = None  # ephemeral: whose eyes
    past_blocks: list[Blocks] = field(default_factory=list)

    def form(self) -> dict[str, Any]:
        """As a message object."""
        form: dict[str, Any] = {"type": "message", "ts": self.ts, "user": self.user, "text": self.text, "team": TEAM}
        if self.user == BOT_USER:
            form |= {"bot_id": BOT, "app_id": APP}
        if self.blocks:
            form["blocks"] = self.blocks
        if self.thread:
            form["thread_ts"] = self.thread
        if self.edited:
            form["edited"] = {"user": self.user, "ts": self.edited}
        if self.metadata:
            form["metadata"] = self.metadata
        return form

    def elements(self, blocks: Blocks | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Everything that can be clicked, with its block_id."""
        found: list[tuple[str, dict[str, Any]]] = []
        for block in self.blocks if blocks is None else blocks:
            inside = [*block.get("elements", ()), *filter(None, [block.get("accessory")])]
            found += [(block["block_id"], one) for one in inside if isinstance(one, dict) and "action_id" in one]
        return found

    def element(self, name: str, blocks: Blocks | None = None) -> tuple[str, dict[str, Any]]:
        """The element with this action_id, or the button whose label holds these words."""
        elements = self.elements(blocks)
        exact = [one for one in elements if one[1]["action_id"] == name]
        found = exact or [one for one in elements if name.lower() in one[1].get("text", {}).get("text", "").lower()]
        if len(found) != 1:
            names = [one["action_id"] for _, one in elements]
            raise AssertionError(f"{len(found)} elements are {name!r} among {names} on {self.text!r}")
        return found[0]


@dataclass
class Channel:
    """A channel or a direct conversation."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    bot_inside: bool = True
    archived: bool = False
    direct: bool = False
    posts: dict[str, Post] = field(default_factory=dict)
    ephemerals: list[Post] = field(default_factory=list)

    def post(self, ts: Any) -> Post:
        """A message by its ts, or the refusal."""
        found = self.posts.get(str(ts))
        if found is None:
            raise SlackRefused("message_not_found")
        return found

    def own(self, ts: Any, error: str) -> Post:
        """A message of the bot, or the refusal with this word."""
        found = self.post(ts)
        if found.user != BOT_USER:
            raise SlackRefused(error)
        return found


@dataclass
class Ticket:
    """A trigger_id or a response_url: for one person, for a time, for so many uses."""

    person: str
    channel: str
    at: float
    post: Post | None = None
    uses: int = 0


@dataclass
class View:
    """An open modal."""

    id: str
    person: Member
    given: dict[str, Any]
    hash: str
    root: str
    open: bool = True
    errors: dict[str, str] = field(default_factory=dict)

    def form(self, values: dict[str, Any] | None = None) -> dict[str, Any]:
        """As in an answer and in an interaction."""
        form = {
            "close": None,
            "submit": None,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
        } | self.given
        return form | {
            "id": self.id,
            "team_id": TEAM,
            "state": {"values": values or {}},
            "hash": self.hash,
            "root_view_id": self.root,
            "previous_view_id": None,
            "app_id": APP,
            "bot_id": BOT,
            "app_installed_team_id": TEAM,
            "clear_on_close": False,
            "notify_on_close": False,
        }


@dataclass
class File:
    """An upload on its way or done."""

    id: str
    name: str
    length: int
    content: bytes | None = None
    shared_in: str | None = None
    thread: str | None = None


@dataclass
class Workspace:
    """All of it."""

    members: dict[str, Member] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    triggers: dict[str, Ticket] = field(default_factory=dict)
    response_urls: dict[str, Ticket] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    last: int = 0

    def number(self) -> int:
        """The next number of anything."""
        self.last += 1
        return self.last

    def add(self, *members: Member) -> None:
        """People with an account."""
        self.members |= {member.id: member for member in members}

    def open_channel(self, channel_id: str, *members: Member, bot_inside: bool = True) -> Channel:
        """A channel with these people."""
        self.add(*members)
        self.channels[channel_id] = Channel(
            channel_id, f"on-call-{len(self.channels)}", {m.id for m in members}, bot_inside
        )
        return self.channels[channel_id]

    def direct(self, person: str) -> Channel:
        """The direct conversation of a person with the bot."""
        if person not in self.members:
            raise SlackRefused("user_not_found")
        channel = Channel(f"D{person[1:]}", "", {person}, direct=True)
        return self.channels.setdefault(channel.id, channel)

    def channel(self, channel_id: Any, *, writing: bool = False) -> Channel:
        """A channel by what the request says, or the refusal. A person's id means their direct conversation."""
        if writing and str(channel_id) in self.members:
            return self.direct(str(channel_id))
        channel = self.channels.get(str(channel_id))
        if channel is None:
            raise SlackRefused("channel_not_found")
        if not channel.bot_inside:
            raise SlackRefused("not_in_channel")
        if writing and channel.archived:
            raise SlackRefused("is_archived")
        return channel
