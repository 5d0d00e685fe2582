"""Every method the fake knows, by name, and those about the app, people, channels and files."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.fakes import slack_messages as messages
from tests.fakes import slack_streams as streams
from tests.fakes import slack_views as views
from tests.fakes.slack_messages import thread_of
from tests.fakes.slack_rules import FILE_BYTES_MAX, SlackRefused
from tests.fakes.slack_server import SlackArguments, SlackServer
from tests.fakes.slack_state import APP, BOT, BOT_USER, TEAM, File, Post

SlackMethod = Callable[[SlackServer, SlackArguments], Awaitable[dict[str, Any]]]


async def auth_test(server: SlackServer, _: SlackArguments) -> dict[str, Any]:
    """auth.test."""
    return {
        "url": f"{server.root}/",
        "team": "test",
        "user": "nightshift",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


async def open_connection(server: SlackServer, _: SlackArguments) -> dict[str, Any]:
    """apps.connections.open: an address that can be used once and soon."""
    ticket = server.sockets.ticket(server.clock.now())
    return {"url": f"{server.root.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP}"}


async def bots_info(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """bots.info: which app a bot belongs to."""
    if arguments.need("bot") != BOT:
        raise SlackRefused("bot_not_found")
    return {"bot": {"id": BOT, "deleted": False, "name": "nightshift", "app_id": APP, "user_id": BOT_USER}}


async def users_info(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """users.info."""
    member = server.workspace.members.get(arguments.need("user"))
    if member is None:
        raise SlackRefused("user_not_found")
    return {"user": member.form()}


async def user_by_email(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """users.lookupByEmail."""
    email = arguments.need("email")
    found = [member for member in server.workspace.members.values() if member.email == email]
    if not found:
        raise SlackRefused("users_not_found")
    return {"user": found[0].form()}


async def open_direct(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """conversations.open with one person."""
    return {"channel": {"id": server.workspace.direct(arguments.need("users")).id}}


async def channel_info(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """conversations.info."""
    channel = server.workspace.channels.get(arguments.need("channel"))
    if channel is None:
        raise SlackRefused("channel_not_found")
    form = {"id": channel.id, "name": channel.name, "is_channel": not channel.direct, "is_im": channel.direct}
    return {"channel": form | {"is_archived": channel.archived, "is_member": channel.bot_inside}}


async def members(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """conversations.members."""
    channel = server.workspace.channel(arguments.need("channel"))
    return {"members": sorted(channel.members | {BOT_USER}), "response_metadata": {"next_cursor": ""}}


async def upload_url(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """files.getUploadURLExternal: first of three steps."""
    name, length = arguments.need("filename"), arguments.need("length")
    if not length.isdigit() or not 0 < int(length) <= FILE_BYTES_MAX:
        raise SlackRefused("invalid_arguments")
    file = File(f"F{server.workspace.number():06d}", name, int(length))
    server.workspace.files[file.id] = file
    return {"upload_url": f"{server.root}/upload/v1/{file.id}", "file_id": file.id}


async def complete_upload(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """files.completeUploadExternal: third of three steps, after the bytes were posted."""
    given = arguments.json("files")
    if not isinstance(given, list) or not given:
        raise SlackRefused("invalid_arguments")
    files = [server.workspace.files.get(str(one.get("id"))) for one in given]
    done = [one for one in files if one is not None and one.content is not None and one.shared_in is None]
    if len(done) != len(given):
        raise SlackRefused("file_not_found")
    if arguments.has("channel_id"):
        channel = server.workspace.channel(arguments.text("channel_id"), writing=True)
        thread = thread_of(channel, arguments)
        post = Post(server.timestamp(), channel.id, BOT_USER, arguments.text("initial_comment"), thread=thread)
        post.files = [one.id for one in done]
        channel.posts[post.ts] = post
        for one in done:
            one.shared_in, one.thread = channel.id, thread
    return {"files": [{"id": one.id, "title": given[index].get("title", one.name)} for index, one in enumerate(done)]}


METHODS: Mapping[str, SlackMethod] = {
    "auth.test": auth_test,
    "apps.connections.open": open_connection,
    "bots.info": bots_info,
    "chat.postMessage": messages.post_message,
    "chat.postEphemeral": messages.post_ephemeral,
    "chat.update": messages.update,
    "chat.delete": messages.delete,
    "chat.getPermalink": messages.permalink,
    "chat.startStream": streams.start_stream,
    "chat.appendStream": streams.append_stream,
    "chat.stopStream": streams.stop_stream,
    "conversations.replies": messages.replies,
    "conversations.open": open_direct,
    "conversations.info": channel_info,
    "conversations.members": members,
    "reactions.add": messages.react,
    "reactions.remove": messages.unreact,
    "users.info": users_info,
    "users.lookupByEmail": user_by_email,
    "views.open": views.open_view,
    "views.push": views.push_view,
    "views.update": views.update_view,
    "files.getUploadURLExternal": upload_url,
    "files.completeUploadExternal": complete_upload,
}
