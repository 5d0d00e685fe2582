"""The inside of the fake that every method works on, and the arguments of one request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.calls import Calls
from tests.fakes.clock import Clock
from tests.fakes.faults import Faults
from tests.fakes.flood import Rate, Windows, whole_seconds
from tests.fakes.slack_delivery import EVENTS, Deliveries
from tests.fakes.slack_rules import POSTING, SlackLimits, SlackRefused, faulty, rate_limited
from tests.fakes.slack_socket import SocketRoad
from tests.fakes.slack_state import APP, BOT_USER, TEAM, Channel, Post, Workspace


@dataclass(frozen=True)
class SlackArguments:
    """The arguments of one request; a form carries JSON as text."""

    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text, empty if it is not given."""
        value = self.given.get(name)
        return "" if value is None else str(value)

    def need(self, name: str) -> str:
        """A text that must be there."""
        if not self.text(name):
            raise faulty("invalid_arguments", f"missing required field: {name}")
        return self.text(name)

    def json(self, name: str) -> Any:
        """Something structured."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise SlackRefused("invalid_blocks_format" if name == "blocks" else "invalid_arguments") from None

    def flag(self, name: str) -> bool:
        """True for every spelling of yes."""
        return self.text(name).lower() in ("true", "1")

    def has(self, name: str) -> bool:
        """Whether it was given at all, empty or not."""
        return self.given.get(name) is not None


@dataclass
class SlackServer:
    """State that outlives the HTTP server, so that Slack can go away and come back."""

    clock: Clock
    limits: SlackLimits
    faults: Faults
    deliveries: Deliveries
    sockets: SocketRoad
    workspace: Workspace = field(default_factory=Workspace)
    calls: Calls = field(default_factory=Calls)
    windows: Windows = field(default_factory=Windows)
    violations: list[str] = field(default_factory=list)
    impatient: int = 0  # requests that came before the wait they were told was over
    told_to_wait: dict[tuple[str, ...], float] = field(default_factory=dict)
    root: str = ""  # the address of the fake itself
    echo: bool = True  # an app hears its own messages, too

    def spend(self, method: str, channel: str) -> None:
        """One more request, or the refusal with the seconds to wait."""
        rates: list[tuple[tuple[str, ...], Rate]] = [((method,), self.limits.methods[method])]
        if method in POSTING:
            rates.append((("post", channel), self.limits.per_channel))
        now = self.clock.now()
        for key, rate in rates:
            told = self.told_to_wait.get(key, 0.0)
            if now < told:
                self.impatient += 1
                raise rate_limited(whole_seconds(told - now))
            if (wait := self.windows.wait_s(key, rate, now)) > 0:
                seconds = whole_seconds(wait)
                self.told_to_wait[key] = now + seconds - 0.05  # a client's timer may be a little early
                raise rate_limited(seconds)
        for key, _ in rates:
            self.windows.note(key, now)

    def timestamp(self) -> str:
        """A new ts; no two messages share one."""
        return f"{int(self.clock.now())}.{self.workspace.number():06d}"

    def named(self, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Blocks with the ids that Slack gives where the app gave none."""
        number = self.workspace.number
        named = [{"block_id": f"b{number():05d}"} | block for block in blocks]
        for block in named:
            for one in [*block.get("elements", ()), *filter(None, [block.get("accessory"), block.get("element")])]:
                if isinstance(one, dict) and one.get("type") not in (None, "image", "mrkdwn", "plain_text"):
                    one.setdefault("action_id", f"a{number():05d}")
        return named

    def event(self, event: dict[str, Any]) -> None:
        """Tell the app of an event."""
        if self.deliveries.road is None or (self.deliveries.road is self.sockets and not self.sockets.connections):
            return
        self.deliveries.tell(EVENTS, self.envelope(event))

    def envelope(self, event: dict[str, Any]) -> dict[str, Any]:
        """The outer form of an event."""
        authorization = {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
        return {
            "token": "verification",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{self.workspace.number():08d}",
            "event_time": int(self.clock.now()),
            "authorizations": [authorization | {"is_enterprise_install": False}],
            "is_ext_shared_channel": False,
        }

    def said(self, channel: Channel, post: Post, **more: Any) -> None:
        """Tell the app of a message, its own as well."""
        if post.user == BOT_USER and not self.echo:
            return
        kind = "im" if channel.direct else "channel"
        self.event(post.form() | {"channel": channel.id, "channel_type": kind, "event_ts": post.ts} | more)
