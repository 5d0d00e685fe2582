"""The ssh actuator: one command template of the allow-list on a registered host."""

from collections.abc import Mapping
from typing import Any

from core.command import DIAGNOSTICS, Command, shell_line
from core.errors import BadInput, Refused
from core.hand import Hand, hand_by_id
from core.intent import Intent
from core.site import Site
from tools.act.actuator import Answer, Effect, Order, Probe, refused

NOT_STARTED = frozenset({126, 127})
"""What a shell answers where the program is not there or may not be run."""
OWN_PARAMETERS = frozenset({"command", "host", "service"})


async def act(order: Order) -> Answer:
    """Run the command once; of a command without an exit status nobody knows whether it ran."""
    from tools.act import ssh  # the library behind it takes half a second to load

    try:
        command, host_id, words = command_of(order.site, order.intent)
        outcome = await ssh.run(order.site, host_id, words, timeout_s=order.timeout_s)
    except (Refused, BadInput) as error:
        return refused(error.detail)
    if outcome.status == 0:
        return Answer(Effect.DONE, outcome.said)
    if outcome.status in NOT_STARTED or (outcome.status is not None and not command.changes):
        return Answer(Effect.REFUSED, outcome.said)
    return Answer(Effect.UNKNOWN, outcome.said)


async def probe(order: Order) -> tuple[Probe, str]:
    """A command that only looks had no effect, whatever became of it; of any other nobody can tell."""
    try:
        command, _host_id, _words = command_of(order.site, order.intent)
    except (Refused, BadInput) as error:
        return Probe.CANNOT_TELL, error.detail
    if command.changes:
        return Probe.CANNOT_TELL, f"{command.id} changes something and leaves no trace that could be read"
    return Probe.NO_EFFECT, f"{command.id} only looks, and its answer was lost"


def command_by_id(site: Site, command_id: str) -> Command | None:
    """A template of the allow-list: the operator's, or one of the read-only ones that every site has."""
    return next((c for c in (*site.commands, *DIAGNOSTICS) if c.id == command_id), None)


def fault(site: Site, intent: Intent) -> str:
    """Why this command cannot be run as it is asked for; empty where it can."""
    try:
        command_of(site, intent)
    except (Refused, BadInput) as error:
        return error.detail
    return ""


def line_of(site: Site, hand: Hand, parameters: Mapping[str, Any]) -> str:
    """The line that a host would be given; empty for what may not be run."""
    try:
        return shell_line(_words(site, hand, parameters)[1])
    except (Refused, BadInput):
        return ""


def command_of(site: Site, intent: Intent) -> tuple[Command, str, tuple[str, ...]]:
    """The template, the host, and the words with every slot filled. Raises Refused or BadInput."""
    hand = hand_by_id(site, intent.action, intent.endpoint_id)
    if hand is None:
        raise Refused(f"the host {intent.endpoint_id} is not registered any more", "not_registered")
    command, words = _words(site, hand, intent.parameters)
    return command, hand.name, words


def _words(site: Site, hand: Hand, parameters: Mapping[str, Any]) -> tuple[Command, tuple[str, ...]]:
    name = str(parameters.get("command", ""))
    command = command_by_id(site, name)
    if command is None:
        raise Refused(f"there is no command {name!r} in the allow-list", "not_allowed")
    if command.hosts and hand.name not in command.hosts:
        raise Refused(f"the command {command.id} is not for the host {hand.name}", "not_allowed")
    values = {n: v for n, v in parameters.items() if n in command.slots or n not in OWN_PARAMETERS}
    return command, command.words(values)
