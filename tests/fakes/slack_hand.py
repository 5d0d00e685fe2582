"""The people's side of Slack: they click, write, fill in modals, type commands, and some of them cheat."""

from collections.abc import Mapping
from typing import Any

from tests.fakes.slack_blocks import check_message_blocks, check_view
from tests.fakes.slack_delivery import COMMANDS, EVENTS, INTERACTIVE, Delivered
from tests.fakes.slack_rules import SlackRefused
from tests.fakes.slack_server import SlackServer
from tests.fakes.slack_state import APP, BOT_USER, TEAM, Blocks, Channel, Member, Post, Ticket, View
from tests.fakes.slack_views import show
from tests.fakes.waiting import until


class SlackHand:
    """What people do. Everything that the app should hear of becomes a delivery."""

    def __init__(self, server: SlackServer) -> None:
        self._server = server

    def click(self, person: Member, post: Post, name: str) -> Delivered:
        """Click what is on the message now, by action_id or label."""
        return self._act(person, post, *post.element(name))

    def click_stale(self, person: Member, post: Post, name: str) -> Delivered:
        """Click what was there once: on a screen that is behind."""
        for blocks in reversed(post.past_blocks):
            try:
                return self._act(person, post, *post.element(name, blocks))
            except AssertionError:
                continue
        raise AssertionError(f"no version of this message ever had {name!r}")

    def forge(
        self, person: Member, post: Post, name: str, /, action: Mapping[str, Any] | None = None, **payload: Any
    ) -> Delivered:
        """A click with other fields in its action, or in the payload around it; None removes one."""
        block_id, element = post.element(name)
        changed = {key: value for key, value in (element | dict(action or {})).items() if value is not None}
        return self._act(person, post, block_id, changed, payload)

    def repeat(self, delivered: Delivered) -> Delivered:
        """The same thing once more: same payload, same event_id, and for an event marked as a retry."""
        attempt = len(delivered.attempts) if delivered.kind == EVENTS else 0
        return self._server.deliveries.tell(delivered.kind, delivered.payload, attempt=attempt)

    def say(self, person: Member, channel: Channel, text: str, *, thread: str | None = None) -> Post:
        """Write a message; a mention of the app is told as such, too."""
        post = Post(self._server.timestamp(), channel.id, person.id, text, thread=thread)
        channel.posts[post.ts] = post
        if channel.bot_inside:
            self._server.said(channel, post, client_msg_id=f"client-{post.ts}")
            if f"<@{BOT_USER}>" in text:
                mention = post.form() | {"type": "app_mention", "channel": channel.id, "event_ts": post.ts}
                self._server.event(mention)
        return post

    def write_to_bot(self, person: Member, text: str) -> Post:
        """Write in the direct conversation."""
        return self.say(person, self._server.workspace.direct(person.id), text)

    def react(self, person: Member, post: Post, name: str) -> None:
        """Put an emoji on a message."""
        post.reactions.setdefault(name, set()).add(person.id)
        item = {"type": "message", "channel": post.channel, "ts": post.ts}
        event = {"type": "reaction_added", "user": person.id, "reaction": name, "item": item, "item_user": post.user}
        self._server.event(event | {"event_ts": self._server.timestamp()})

    def command(self, person: Member, channel: Channel, line: str) -> Delivered:
        """Type a command such as `/ack 12`. Commands work in no thread."""
        name, _, text = line.partition(" ")
        payload = {
            "token": "verification",
            "team_id": TEAM,
            "team_domain": "test",
            "channel_id": channel.id,
            "channel_name": channel.name or "directmessage",
            "user_id": person.id,
            "user_name": person.name,
            "command": name,
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._response_url(person, channel.id, None),
            "trigger_id": self._trigger(person, channel.id),
        }
        return self._server.deliveries.tell(COMMANDS, payload, lambda done: self._answered(done, person, channel))

    def submit(self, view: View, values: dict[str, str]) -> Delivered:
        """Fill in a modal and send it: texts by block_id. What the screen itself would not let through fails here."""
        if not view.open:
            raise AssertionError("this modal is not open any more")
        state: dict[str, Any] = {}
        for block in view.given["blocks"]:
            if block["type"] != "input":
                continue
            element, given = block["element"], values.get(block["block_id"])
            _allowed(block, element, given)
            state[block["block_id"]] = {element["action_id"]: {"type": element["type"], "value": given}}
        if unknown := set(values) - set(state):
            raise AssertionError(f"no input has the block_id {sorted(unknown)}")
        payload = {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "test"},
            "user": view.person.brief(),
            "api_app_id": APP,
            "token": "verification",
            "trigger_id": self._trigger(view.person, ""),
            "view": view.form(state),
            "response_urls": [],
            "is_enterprise_install": False,
            "enterprise": None,
        }
        return self._server.deliveries.tell(INTERACTIVE, payload, lambda done: self._submitted(done, view))

    def views(self, person: Member) -> list[View]:
        """The modals that are open on a person's screen, the topmost last."""
        return [view for view in self._server.workspace.views.values() if view.open and view.person.id == person.id]

    def posts(self, channel: Channel, containing: str = "", *, thread: str | None = None) -> list[Post]:
        """What the app has written in a channel, as it is now."""
        return [
            post
            for post in channel.posts.values()
            if post.user == BOT_USER and (thread is None or post.thread == thread) and _holds(post, containing)
        ]

    async def sees(self, channel: Channel, containing: str, *, within_s: float = 5.0) -> Post:
        """Wait for a message of the app that holds these words."""
        await until(lambda: bool(self.posts(channel, containing)), within_s, f"{containing!r} in {channel.id}")
        return self.posts(channel, containing)[-1]

    async def whispered(self, person: Member, channel: Channel, containing: str, *, within_s: float = 5.0) -> Post:
        """Wait for a message that only one person sees."""

        def found() -> list[Post]:
            return [one for one in channel.ephemerals if one.only_for == person.id and _holds(one, containing)]

        await until(lambda: bool(found()), within_s, f"{containing!r} for {person.id} only")
        return found()[-1]

    async def settled(self, delivered: Delivered, *, within_s: float = 5.0) -> Delivered:
        """Wait until a delivery was acknowledged or given up."""
        await until(lambda: delivered.done, within_s, f"the end of a {delivered.kind} delivery")
        return delivered

    async def modal(self, person: Member, *, within_s: float = 5.0) -> View:
        """Wait for a modal."""
        await until(lambda: bool(self.views(person)), within_s, f"a modal for {person.id}")
        return self.views(person)[-1]

    def _act(
        self,
        person: Member,
        post: Post,
        block_id: str,
        element: dict[str, Any],
        changes: Mapping[str, Any] | None = None,
    ) -> Delivered:
        channel = self._server.workspace.channels[post.channel]
        kept = ("action_id", "text", "value", "style", "type", "url", "selected_option")
        action = {name: element[name] for name in kept if name in element}
        action |= {"block_id": block_id, "action_ts": self._server.timestamp()}
        container = {"type": "message", "message_ts": post.ts, "channel_id": post.channel, "is_ephemeral": False}
        container |= {"thread_ts": post.thread} if post.thread else {}
        container |= {"is_ephemeral": True} if post.only_for else {}
        payload: dict[str, Any] = {
            "type": "block_actions",
            "user": person.brief(),
            "api_app_id": APP,
            "token": "verification",
            "container": container,
            "trigger_id": self._trigger(person, post.channel),
            "team": {"id": TEAM, "domain": "test"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": channel.id, "name": channel.name},
            "message": post.form(),
            "state": {"values": {}},
            "response_url": self._response_url(person, post.channel, post),
            "actions": [action],
        }
        changed = {key: value for key, value in (payload | dict(changes or {})).items() if value is not None}
        return self._server.deliveries.tell(INTERACTIVE, changed)

    def _trigger(self, person: Member, channel: str) -> str:
        name = f"{self._server.workspace.number()}.{BOT_USER}.trigger"
        self._server.workspace.triggers[name] = Ticket(person.id, channel, self._server.clock.now())
        return name

    def _response_url(self, person: Member, channel: str, post: Post | None) -> str:
        name = f"r{self._server.workspace.number():06d}"
        self._server.workspace.response_urls[name] = Ticket(person.id, channel, self._server.clock.now(), post)
        return f"{self._server.root}/actions/{TEAM}/{name}"

    def _answered(self, delivered: Delivered, person: Member, channel: Channel) -> None:
        """A command may be answered in its acknowledgement."""
        body = delivered.body
        blocks: Blocks = body.get("blocks") or []
        if not body.get("text") and not blocks:
            return
        post = Post(self._server.timestamp(), channel.id, BOT_USER, body.get("text", ""), self._server.named(blocks))
        try:
            check_message_blocks(blocks)
        except SlackRefused as refused:
            self._server.violations.append(f"the answer to a command: {refused}")
            return
        if body.get("response_type") == "in_channel":
            channel.posts[post.ts] = post
        else:
            post.only_for = person.id
            channel.ephemerals.append(post)

    def _submitted(self, delivered: Delivered, view: View) -> None:
        """The acknowledgement of a modal closes it, or marks inputs, or puts another one there."""
        body, violations = delivered.body, self._server.violations
        match body.get("response_action"):
            case None:
                view.open = False
            case "clear":
                for one in self._server.workspace.views.values():
                    one.open = one.open and one.root != view.root
            case "errors":
                inputs = {block["block_id"] for block in view.given["blocks"] if block["type"] == "input"}
                view.errors = body.get("errors") or {}
                if not view.errors or set(view.errors) - inputs:
                    violations.append(f"errors for {sorted(view.errors)}, inputs are {sorted(inputs)}")
            case "update" | "push" as action:
                try:
                    check_view(body.get("view"))
                except SlackRefused as refused:
                    violations.append(f"the view of {action}: {refused} {refused.more}")
                    return
                view.open = action == "push"
                show(self._server, view.person, body["view"], root=view.root)
            case other:
                violations.append(f"no such response_action: {other}")


def _allowed(block: dict[str, Any], element: dict[str, Any], given: str | None) -> None:
    if not given and not block.get("optional"):
        raise AssertionError(f"the screen asks for {block['block_id']}")
    if given and not element.get("min_length", 0) <= len(given) <= element.get("max_length", 3000):
        raise AssertionError(f"the screen does not take {len(given)} characters for {block['block_id']}")


def _holds(post: Post, words: str) -> bool:
    return words in post.text or words in str(post.blocks)
