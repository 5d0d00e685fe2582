"""The read tools of a chat: those of an investigation that fit its scope, and the answers that the rules give."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from agent.about import About, Said, read_about
from agent.answer import Answer
from agent.answers.changes import what_changed
from agent.answers.decisions import who_approved
from agent.answers.policy import why_not
from agent.answers.rota import who_is_on_call
from agent.answers.status import overview, status
from agent.redaction import Redactor
from agent.scope import Scope
from agent.toolbox import MINUTES, Look, Tool, investigation_tools
from core.asked import NUMBER_MAX
from core.catalogue import Language

ANYWHERE = frozenset({"service_health", "search_logs", "compare_logs", "query_metrics"})
"""Tools of an investigation that need no incident."""
PLAYBOOKS_MAX = 100

Answerer = Callable[[About], Awaitable[Said]]


def chat_tools(scope: Scope, about: About, playbooks: Sequence[str], redactor: Redactor) -> list[Tool]:
    """The tools of one turn; the rules' answers go to the model in English. `playbooks`: the ids of those that act."""
    base = replace(about, language=Language.EN)
    looking = [
        tool
        for tool in investigation_tools(scope, redactor)
        if (scope.incident is not None or tool.name in ANYWHERE)
        and tool.name != "list_changes"
        and (tool.name != "list_allowed_actions" or scope.offers)
    ]
    service = {"type": "string", "enum": list(filter(redactor.is_harmless, scope.services)) or ["-"]}
    telling = [
        Tool("open_incidents", "Every incident that is not over.", _look(base, _overview), {}),
        Tool(
            "incident_status",
            "State, cause, evidence and actions of the incident with a number.",
            _by_number,
            {"number": {"type": "integer", "minimum": 1, "maximum": NUMBER_MAX}},
            ["number"],
        ),
        Tool(
            "list_changes",
            "Reported deployments and other changes of a service, or of all, in the last minutes.",
            _look(base, what_changed),
            {"service": service, "minutes": MINUTES},
        ),
        Tool("who_approved", "Who decided on which action, how, when, and what waits.", _look(base, who_approved), {}),
        Tool("who_is_on_call", "Who is on call now.", _look(base, who_is_on_call), {"service": service}),
    ]
    if incident := scope.incident:

        async def explained(about: About) -> Said:
            return await why_not(about, incident)

        takes = {"playbook": {"type": "string", "enum": sorted(playbooks)[:PLAYBOOKS_MAX] or ["-"]}}
        said = "What policy says of a playbook on this incident now and why; without one, what was refused."
        telling.append(Tool("explain_policy", said, _look(base, explained), takes))
    return [*looking, *telling]


def _look(base: About, answerer: Answerer) -> Look:
    """A rules' answer as a tool: what the model asked for takes the place of the person's words."""

    async def look(scope: Scope, asked: dict[str, Any]) -> Answer:
        words = str(asked.get("service") or asked.get("playbook") or "")
        put = replace(base, asked=replace(base.asked, text=words, minutes=asked.get("minutes")))
        return _answer(await answerer(put))

    return look


async def _overview(about: About) -> Said:
    return overview(about)


async def _by_number(scope: Scope, asked: dict[str, Any]) -> Answer:
    about = await read_about(scope.ctx, f"status #{asked['number']}", None, Language.EN)
    if about.missing is not None:
        return Answer("tables", reason=f"there is no incident #{about.missing}")
    return _answer(await status(about))


def _answer(said: Said) -> Answer:
    return Answer("tables", said.lines, evidence=said.evidence)
