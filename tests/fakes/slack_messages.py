"""Methods about messages and reactions."""

from typing import Any

from tests.fakes.slack_blocks import check_message_blocks
from tests.fakes.slack_rules import MARKDOWN_TEXT_MAX, TEXT_MAX, SlackRefused
from tests.fakes.slack_server import SlackArguments, SlackServer
from tests.fakes.slack_state import BOT, BOT_USER, Blocks, Channel, Post

EMOJI = frozenset({"eyes", "white_check_mark", "x", "+1", "-1", "rotating_light", "hourglass", "no_entry", "memo"})


async def post_message(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """chat.postMessage."""
    channel = server.workspace.channel(arguments.need("channel"), writing=True)
    post = _written(server, arguments, channel)
    post.broadcast = arguments.flag("reply_broadcast")
    if post.broadcast and not post.thread:
        raise SlackRefused("invalid_arguments")
    channel.posts[post.ts] = post
    server.said(channel, post)
    return {"channel": channel.id, "ts": post.ts, "message": post.form() | {"bot_id": BOT}}


async def post_ephemeral(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """chat.postEphemeral: for one pair of eyes, and never to be changed."""
    channel = server.workspace.channel(arguments.need("channel"), writing=True)
    person = arguments.need("user")
    if person not in channel.members:
        raise SlackRefused("user_not_in_channel")
    post = _written(server, arguments, channel)
    post.only_for = person
    channel.ephemerals.append(post)
    return {"message_ts": post.ts}


async def update(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """chat.update: new text without blocks takes the blocks away."""
    channel = server.workspace.channel(arguments.need("channel"))
    post = channel.own(arguments.need("ts"), "cant_update_message")
    if post.streaming_until is not None and post.streaming_until >= server.clock.now():
        raise SlackRefused("streaming_state_conflict")
    text, blocks = _content(server, arguments)
    post.past_blocks.append(post.blocks)
    if arguments.has("blocks") or arguments.has("text"):
        post.blocks = blocks
    post.text = text if arguments.has("text") else post.text
    post.edited = server.timestamp()
    if arguments.has("metadata"):
        post.metadata = arguments.json("metadata")
    if server.echo:
        change = {"type": "message", "subtype": "message_changed", "channel": channel.id, "message": post.form()}
        server.event(change | {"hidden": True, "ts": post.edited, "event_ts": post.edited})
    return {"channel": channel.id, "ts": post.ts, "text": post.text, "message": post.form()}


async def delete(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """chat.delete."""
    channel = server.workspace.channel(arguments.need("channel"))
    post = channel.own(arguments.need("ts"), "cant_delete_message")
    del channel.posts[post.ts]
    return {"channel": channel.id, "ts": post.ts}


async def permalink(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """chat.getPermalink."""
    channel = server.workspace.channel(arguments.need("channel"))
    post = channel.post(arguments.need("message_ts"))
    return {"channel": channel.id, "permalink": f"https://test.slack.example/archives/{channel.id}/p{post.ts}"}


async def replies(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """conversations.replies: the parent and its thread."""
    channel = server.workspace.channel(arguments.need("channel"))
    ts = arguments.need("ts")
    if ts not in channel.posts:
        raise SlackRefused("thread_not_found")
    found = [post.form() for post in channel.posts.values() if ts in (post.ts, post.thread)]
    return {"messages": found, "has_more": False}


async def react(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """reactions.add."""
    people = _reactions(server, arguments)
    if BOT_USER in people:
        raise SlackRefused("already_reacted")
    people.add(BOT_USER)
    return {}


async def unreact(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """reactions.remove."""
    people = _reactions(server, arguments)
    if BOT_USER not in people:
        raise SlackRefused("no_reaction")
    people.discard(BOT_USER)
    return {}


def _reactions(server: SlackServer, arguments: SlackArguments) -> set[str]:
    channel = server.workspace.channel(arguments.need("channel"))
    name = arguments.need("name").strip(":")
    if name not in EMOJI:
        raise SlackRefused("invalid_name")
    return channel.post(arguments.need("timestamp")).reactions.setdefault(name, set())


def thread_of(channel: Channel, arguments: SlackArguments) -> str | None:
    """The thread to write into, or the refusal: only the first message of a thread opens it."""
    ts = arguments.text("thread_ts")
    if not ts:
        return None
    parent = channel.posts.get(ts)
    if parent is None:
        raise SlackRefused("thread_not_found")
    if parent.thread is not None:
        raise SlackRefused("cannot_reply_to_message")
    return ts


def _written(server: SlackServer, arguments: SlackArguments, channel: Channel) -> Post:
    text, blocks = _content(server, arguments)
    thread = thread_of(channel, arguments)
    post = Post(server.timestamp(), channel.id, BOT_USER, text, blocks, thread)
    post.metadata = arguments.json("metadata") or {}
    return post


def _content(server: SlackServer, arguments: SlackArguments) -> tuple[str, Blocks]:
    text, markdown = arguments.text("text"), arguments.text("markdown_text")
    blocks = arguments.json("blocks")
    if markdown and (text or blocks):
        raise SlackRefused("markdown_text_conflict")
    if len(text) > TEXT_MAX or len(markdown) > MARKDOWN_TEXT_MAX:
        raise SlackRefused("msg_too_long")
    if blocks is not None:
        check_message_blocks(blocks)
    if not (text.strip() or markdown.strip() or blocks):
        raise SlackRefused("no_text")
    return text or markdown, server.named(blocks or [])
