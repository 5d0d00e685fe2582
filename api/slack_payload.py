"""What is read from Slack's payloads, which may hold anything in any place."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

Payload = Mapping[str, Any]


class Unheard(StrEnum):
    """Why something from Slack does not even reach the desk."""

    OTHER_APP = "other_app"
    NO_ACCOUNT = "no_account"
    NO_BUTTON = "no_button"
    NO_FORM = "no_form"


def text_of(value: object) -> str:
    """A text, empty where it is anything else."""
    return value if isinstance(value, str) else ""


def at(body: Payload, *path: str) -> str:
    """The text at a path of names, empty where there is none."""
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return text_of(value)


def chat_of(body: Payload) -> str:
    """Where it was clicked; nowhere, if a payload says two things."""
    container, channel = at(body, "container", "channel_id"), at(body, "channel", "id")
    return container if container == channel else ""


def thread_of(body: Payload) -> str:
    """The thread that the clicked message is in; empty where it stands in the channel itself."""
    return at(body, "container", "thread_ts") or at(body, "message", "thread_ts")


def action_of(body: Payload) -> Mapping[str, Any]:
    """The one thing that was clicked."""
    actions = body.get("actions")
    return actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}


def delivery_of(body: Payload) -> str:
    """Slack's own id of a click, a sent form or a command; the same payload again has the same one."""
    return text_of(body.get("trigger_id"))


def seconds_between(earlier: str, later: str) -> float:
    """From one message to another, by the times that are their ids; below 0 where they are no times."""
    try:
        return float(later) - float(earlier)
    except ValueError:
        return -1.0
