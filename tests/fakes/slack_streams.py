"""The three methods of a streamed answer."""

from typing import Any

from tests.fakes.slack_blocks import check_message_blocks
from tests.fakes.slack_messages import thread_of
from tests.fakes.slack_rules import MARKDOWN_TEXT_MAX, SlackRefused
from tests.fakes.slack_server import SlackArguments, SlackServer
from tests.fakes.slack_state import BOT_USER, Post

TASK_STATES = frozenset({"pending", "in_progress", "complete", "error"})


async def start_stream(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """chat.startStream: always in a thread, and in channels for one person who is named."""
    channel = server.workspace.channel(arguments.need("channel"), writing=True)
    arguments.need("thread_ts")
    thread = thread_of(channel, arguments)
    if not channel.direct:
        if not arguments.text("recipient_user_id"):
            raise SlackRefused("missing_recipient_user_id")
        if not arguments.text("recipient_team_id"):
            raise SlackRefused("missing_recipient_team_id")
    if arguments.text("task_display_mode") not in ("", "timeline", "plan"):
        raise SlackRefused("invalid_arguments")
    post = Post(server.timestamp(), channel.id, BOT_USER, thread=thread)
    _append(post, arguments, must=False)
    post.streaming_until = server.clock.now() + server.limits.stream_silence_s
    channel.posts[post.ts] = post
    return {"channel": channel.id, "ts": post.ts}


async def append_stream(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """chat.appendStream."""
    post = _streaming(server, arguments)
    _append(post, arguments, must=True)
    post.streaming_until = server.clock.now() + server.limits.stream_silence_s
    return {"channel": post.channel, "ts": post.ts}


async def stop_stream(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """chat.stopStream: perhaps with last words and blocks below them."""
    post = _streaming(server, arguments)
    blocks = arguments.json("blocks")
    if blocks is not None:
        check_message_blocks(blocks)
    _append(post, arguments, must=False)
    post.blocks = server.named(blocks or [])
    post.streaming_until = None
    server.said(server.workspace.channel(post.channel), post)
    return {"channel": post.channel, "ts": post.ts, "message": post.form()}


def _streaming(server: SlackServer, arguments: SlackArguments) -> Post:
    post = server.workspace.channel(arguments.need("channel")).own(arguments.need("ts"), "message_not_owned_by_app")
    if post.streaming_until is None or post.streaming_until < server.clock.now():
        raise SlackRefused("message_not_in_streaming_state")
    return post


def _append(post: Post, arguments: SlackArguments, *, must: bool) -> None:
    text, chunks = arguments.text("markdown_text"), arguments.json("chunks") or []
    if len(text) > MARKDOWN_TEXT_MAX:
        raise SlackRefused("msg_too_long")
    if must and not text and not chunks:
        raise SlackRefused("no_text")
    if not isinstance(chunks, list):
        raise SlackRefused("invalid_chunks")
    for chunk in chunks:
        post.text += _chunk(chunk)
    post.text += text
    post.chunks += chunks


def _chunk(chunk: Any) -> str:
    match chunk:
        case {"type": "markdown_text", "text": str(text)} if len(text) <= MARKDOWN_TEXT_MAX:
            return text
        case {"type": "task_update", "id": str(), "title": str(), "status": str(status)} if status in TASK_STATES:
            return ""
        case {"type": "plan_update", "title": str()}:
            return ""
        case {"type": "blocks", "blocks": list(blocks)}:
            check_message_blocks(blocks)
            return ""
    raise SlackRefused("invalid_chunks")
