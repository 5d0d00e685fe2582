"""The address that comes with a click or a command: five answers within half an hour."""

from typing import Any

from tests.fakes.slack_blocks import check_message_blocks
from tests.fakes.slack_rules import RESPONSE_URL_S, RESPONSE_URL_USES, SlackRefused
from tests.fakes.slack_server import SlackServer
from tests.fakes.slack_state import BOT_USER, Post, Ticket


def answer_response_url(server: SlackServer, name: str, given: dict[str, Any]) -> None:
    """Do what was posted to it, or refuse."""
    ticket = server.workspace.response_urls.get(name)
    if ticket is None:
        raise SlackRefused("no_such_url", 404)
    if server.clock.now() - ticket.at > RESPONSE_URL_S:
        raise SlackRefused("expired_url", 404)
    if ticket.uses >= RESPONSE_URL_USES:
        raise SlackRefused("used_url", 404)
    blocks = given.get("blocks")
    if blocks is not None:
        check_message_blocks(blocks)
    deletes = given.get("delete_original") is True
    if not deletes and not given.get("text") and not blocks:
        raise SlackRefused("no_text", 500)
    ticket.uses += 1
    if deletes or given.get("replace_original") is True:
        _change(server, ticket, given, deletes=deletes)
    else:
        _write(server, ticket, given)


def _change(server: SlackServer, ticket: Ticket, given: dict[str, Any], *, deletes: bool) -> None:
    if ticket.post is None:
        raise SlackRefused("message_not_found", 404)
    channel, post = server.workspace.channels[ticket.channel], ticket.post
    if deletes:
        channel.posts.pop(post.ts, None)
        channel.ephemerals = [one for one in channel.ephemerals if one is not post]
        return
    post.past_blocks.append(post.blocks)
    post.text, post.blocks = given.get("text", ""), server.named(given.get("blocks") or [])
    post.edited = server.timestamp()


def _write(server: SlackServer, ticket: Ticket, given: dict[str, Any]) -> None:
    channel = server.workspace.channels[ticket.channel]
    blocks = server.named(given.get("blocks") or [])
    post = Post(server.timestamp(), channel.id, BOT_USER, given.get("text", ""), blocks, given.get("thread_ts"))
    if given.get("response_type") == "in_channel":
        channel.posts[post.ts] = post
    else:
        post.only_for = ticket.person
        channel.ephemerals.append(post)
