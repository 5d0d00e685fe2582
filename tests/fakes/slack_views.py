"""Methods about modals: a trigger opens one, once and within three seconds."""

import json
from typing import Any

from tests.fakes.slack_blocks import check_view
from tests.fakes.slack_rules import VIEW_BYTES_MAX, VIEW_STACK_MAX, SlackRefused
from tests.fakes.slack_server import SlackArguments, SlackServer
from tests.fakes.slack_state import Member, Ticket, View


async def open_view(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """views.open."""
    given = _given(server, arguments)
    ticket = _exchange(server, arguments)
    view = show(server, server.workspace.members[ticket.person], given)
    return {"view": view.form()}


async def push_view(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """views.push: at most three on top of each other."""
    given = _given(server, arguments)
    ticket = _exchange(server, arguments)
    below = [one for one in server.workspace.views.values() if one.open and one.person.id == ticket.person]
    if not below:
        raise SlackRefused("not_found")
    if len(below) >= VIEW_STACK_MAX:
        raise SlackRefused("push_limit_reached")
    view = show(server, below[0].person, given, root=below[0].root)
    return {"view": view.form()}


async def update_view(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    """views.update: by view_id or external_id, and with `hash` only if nobody was faster."""
    given = _given(server, arguments)
    views = server.workspace.views
    external = arguments.text("external_id")
    view = views.get(arguments.text("view_id")) or next(
        (one for one in views.values() if external and one.given.get("external_id") == external), None
    )
    if view is None or not view.open:
        raise SlackRefused("not_found")
    if arguments.text("hash") not in ("", view.hash):
        raise SlackRefused("hash_conflict")
    view.given, view.hash = given, f"{server.timestamp()}.hash"
    return {"view": view.form()}


def show(server: SlackServer, person: Member, given: dict[str, Any], root: str = "") -> View:
    """Put a checked modal on a person's screen."""
    name = f"V{server.workspace.number():06d}"
    given = given | {"blocks": server.named(given.get("blocks") or [])}
    view = View(name, person, given, f"{server.timestamp()}.hash", root or name)
    server.workspace.views[name] = view
    return view


def _given(server: SlackServer, arguments: SlackArguments) -> dict[str, Any]:
    given = arguments.json("view")
    if given is None:
        raise SlackRefused("invalid_arguments")
    check_view(given)
    if len(json.dumps(given).encode()) > VIEW_BYTES_MAX:
        raise SlackRefused("view_too_large")
    external = given.get("external_id")
    others = [one for one in server.workspace.views.values() if one.open and one.id != arguments.text("view_id")]
    if (
        external
        and any(one.given.get("external_id") == external for one in others)
        and not arguments.has("external_id")
    ):
        raise SlackRefused("duplicate_external_id")
    return dict(given)


def _exchange(server: SlackServer, arguments: SlackArguments) -> Ticket:
    ticket = server.workspace.triggers.get(arguments.text("trigger_id"))
    if ticket is None:
        raise SlackRefused("invalid_trigger_id")
    if ticket.uses:
        raise SlackRefused("exchanged_trigger_id")
    if server.clock.now() - ticket.at > server.limits.trigger_s:
        raise SlackRefused("expired_trigger_id")
    ticket.uses += 1
    return ticket
