"""The read tools of a model: typed, bounded, told as they are used. Nothing in here can change anything outside."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from agent import recollection, sight
from agent.answer import Answer, Told, tell
from agent.budget import Meter
from agent.redaction import Redactor
from agent.scope import Scope
from core.canonical import sha256
from core.errors import BadInput, NightshiftError, NotFound
from core.evidence import Evidence
from core.plain_text import cut, storable, visible
from store import timeline

TOOL_SECONDS_MAX = 20.0
GLIMPSE_LINES = 6
GLIMPSE_CHARS_MAX = 200
EVIDENCE_MAX = 60
WORDS_CHARS_MAX = 120
ASKED_CHARS_MAX = 300
MINUTES = {"type": "integer", "minimum": 1, "maximum": 1440}
LOG = structlog.get_logger()

Look = Callable[[Scope, dict[str, Any]], Awaitable[Answer]]
Note = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Tells people that a tool is used: kind and body."""


@dataclass(frozen=True)
class Tool:
    """A question that may be asked: what it takes (JSON schemas of its parameters), and who answers."""

    name: str
    description: str
    look: Look
    takes: Mapping[str, dict[str, Any]]
    needs: Sequence[str] = ()

    def form(self) -> dict[str, Any]:
        """As an OpenAI function tool."""
        form = {
            "type": "object",
            "properties": dict(self.takes),
            "required": list(self.needs),
            "additionalProperties": False,
        }
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": form},
        }

    def fault(self, asked: Mapping[str, Any]) -> str:
        """What is wrong with the arguments; empty where nothing is."""
        for name in asked:
            if name not in self.takes:
                return f"{self.name} takes only: {', '.join(self.takes) or 'nothing'}"
        missing = [name for name in self.needs if name not in asked]
        faults = [f"{missing[0]} is missing"] if missing else []
        faults += [fault for name, value in asked.items() if (fault := _value_fault(name, value, self.takes[name]))]
        return faults[0] if faults else ""


class Toolbox:
    """The tools over one scope; it remembers answers of this run and numbers what they found as T1, T2, ...

    Without `tools` they are those of an investigation; without `note` their use is told on the incident's timeline,
    with it what they found is told as well.
    """

    def __init__(
        self,
        scope: Scope,
        redactor: Redactor,
        meter: Meter,
        tools: Sequence[Tool] | None = None,
        note: Note | None = None,
    ) -> None:
        self._scope, self._redactor, self._meter = scope, redactor, meter
        chosen = investigation_tools(scope, redactor) if tools is None else tools
        self._tools = {tool.name: tool for tool in chosen}
        self._note = note or self._note_on_timeline
        self._shows = note is not None
        self._memory: dict[str, Told] = {}
        self.evidence: dict[str, Evidence] = {e.id: e for e in scope.draft.evidence}

    def forms(self) -> list[dict[str, Any]]:
        """All tools as OpenAI function tools."""
        return [tool.form() for tool in self._tools.values()]

    def has(self, name: str) -> bool:
        """Is there such a tool?"""
        return name in self._tools

    def start(self) -> Told:
        """The rules' own result, in the same form as every answer."""
        answer = recollection.rule_findings(self._scope)
        return tell("the result of the rules", answer, self._redactor, self._meter.budget.answer_bytes_max)

    async def call(self, name: str, asked: dict[str, Any]) -> Told:
        """Answer a question. Faults are answers too; only the database's own failure is raised."""
        said = f"{name} {json.dumps(asked, ensure_ascii=False, sort_keys=True)}"
        key = sha256([name, asked])
        is_loop = key in self._memory
        if not self._meter.spend_tool_call():
            fault = f"all {self._meter.budget.tool_calls_max} tool calls are spent; end now with what you have"
            return self._tell(said, Answer("budget", fault=fault))
        await self._note("tool.started", {"tool": name, "asked": self._shown(said)})
        began = time.monotonic()
        if is_loop:
            self._meter.loops += 1
            told = self._memory[key]
        else:
            told = self._tell(said, self._numbered(await self._look(name, asked)))
            self._memory[key] = told
        seconds = round(time.monotonic() - began, 3)
        body = {"tool": name, "bytes": told.size, "cut": told.cut, "seconds": seconds, "from_memory": is_loop}
        await self._note("tool.finished", {**body, "lines": _glimpse(told)} if self._shows else body)
        return told

    async def _look(self, name: str, asked: dict[str, Any]) -> Answer:
        tool = self._tools[name]
        if fault := tool.fault(asked):
            return Answer(name, fault=fault, again=True)
        try:
            async with asyncio.timeout(max(min(TOOL_SECONDS_MAX, self._meter.seconds_left), 0.001)):
                return await tool.look(self._scope, asked)
        except (BadInput, NotFound) as error:
            return Answer(name, fault=error.detail, again=True)
        except NightshiftError as error:
            return Answer(name, fault=error.detail)
        except TimeoutError:
            return Answer(name, fault="it did not answer in time")
        except Exception as error:  # a fault of one tool must not end the run
            LOG.warning("tool_failed", tool=name, error=type(error).__name__)
            return Answer(name, fault="it failed inside")

    def _tell(self, said: str, answer: Answer) -> Told:
        return tell(said, answer, self._redactor, self._meter.budget.answer_bytes_max)

    def _numbered(self, answer: Answer) -> Answer:
        """Give ids to findings, the old ids to old findings, and say them with the answer."""
        found = []
        for fact in answer.evidence:
            key = next((k for k, known in self.evidence.items() if known.statement == fact.statement), None)
            if key is None:
                if len(self.evidence) >= EVIDENCE_MAX:
                    continue
                key = f"T{sum(k.startswith('T') for k in self.evidence) + 1}"
                self.evidence[key] = replace(fact, id=key)
            note = " (an outsider could have written this)" if fact.outsider else ""
            found.append(f"to cite: {key} ({fact.kind}){note} {cut(fact.statement, 160)}")
        # First, so that cutting a long answer never takes the ids away.
        return replace(answer, lines=(*found, *answer.lines), evidence=())

    def _shown(self, said: str) -> str:
        try:
            return cut(visible(storable(self._redactor.redact(said))), ASKED_CHARS_MAX)
        except Exception:  # as everywhere: what cannot be redacted is not shown
            return "withheld"

    async def _note_on_timeline(self, kind: str, body: dict[str, Any]) -> None:
        async with self._scope.ctx.store.begin() as conn:
            await timeline.append(conn, self._scope.about["id"], kind, actor="model", body=body)


def investigation_tools(scope: Scope, redactor: Redactor) -> list[Tool]:
    """The tools about one incident in which a model looks for the cause."""
    service: dict[str, Any] = {"type": "string", "enum": list(filter(redactor.is_harmless, scope.services)) or ["-"]}
    words = {"type": "string", "maxLength": WORDS_CHARS_MAX}
    signals = list(filter(redactor.is_harmless, scope.signals))
    tools = [
        Tool("list_alerts", "The alerts of this incident.", sight.list_alerts, {}),
        Tool(
            "rank_metrics",
            "What is down and which signals left their own past.",
            sight.rank_metrics,
            {"service": service},
        ),
        Tool(
            "service_health",
            "What the rules say of a service now.",
            sight.service_health,
            {"service": service},
            ["service"],
        ),
        Tool(
            "list_changes",
            "Reported deployments and other changes, from `minutes` before the first alert until now.",
            sight.list_changes,
            {"service": service, "minutes": MINUTES},
        ),
        Tool(
            "search_logs",
            "Log lines of a service that contain all words. Anybody may have written them.",
            sight.search_logs,
            {"service": service, "words": words, "minutes": MINUTES},
            ["service"],
        ),
        Tool(
            "compare_logs",
            "Kinds of log lines that are new or burst since the trouble began.",
            sight.compare_logs,
            {"service": service},
            ["service"],
        ),
        Tool("similar_incidents", "Past repairs of this kind of trouble.", recollection.similar_incidents, {}),
        Tool("recommended_fix", "What the track records recommend.", recollection.recommended_fix, {}),
        Tool("list_allowed_actions", "The exact actions you may propose.", recollection.list_allowed_actions, {}),
        Tool("incident_timeline", "What happened on this incident so far.", recollection.incident_timeline, {}),
    ]
    if signals:
        takes: dict[str, dict[str, Any]] = {"signal": {"type": "string", "enum": signals}, "minutes": MINUTES}
        tools.append(Tool("query_metrics", "One signal over time.", sight.query_metrics, takes, ["signal"]))
    return tools


def _glimpse(told: Told) -> list[str]:
    """The first lines of an answer without its fence, for whoever watches: as redacted as the model gets them."""
    return [cut(line, GLIMPSE_CHARS_MAX) for line in told.text.split("\n")[2:-1]][:GLIMPSE_LINES]


def _value_fault(name: str, value: object, form: Mapping[str, Any]) -> str:
    if form["type"] == "integer":
        good = type(value) is int and form["minimum"] <= value <= form["maximum"]
        return "" if good else f"{name} must be a whole number from {form['minimum']} to {form['maximum']}"
    if not isinstance(value, str):
        return f"{name} must be a string"
    if "enum" in form and value not in form["enum"]:
        return f"{name} must be one of: {', '.join(form['enum'])}"
    longest = form.get("maxLength", WORDS_CHARS_MAX)
    return "" if "enum" in form or len(value) <= longest else f"{name} must be at most {longest} characters"
