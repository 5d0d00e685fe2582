"""Tools that look back: the rules' result, past incidents, what helped, what is allowed, and the timeline."""

import contextlib
import json
from typing import Any

from agent.answer import Answer
from agent.context import Context
from agent.scope import Scope
from agent.trouble import clock
from core.errors import NightshiftError
from core.evidence import Evidence, EvidenceKind
from core.incident import signature_class
from core.proposal import choose
from knowledge.memory import PastFix, recall
from knowledge.records import Where, track_records
from store import alerts, timeline
from store.pool import Row
from tools.act.proposals import current_playbooks

ROWS_MAX = 60
UNTOLD = frozenset({"tool.started", "tool.finished", "run.model"})


def rule_findings(scope: Scope) -> Answer:
    """What the rules found before the model was asked: its starting point."""
    draft = scope.draft
    state = "confirmed" if draft.confirmed else "not confirmed"
    lines = [f"cause {draft.cause} of {draft.service}, {state}: {draft.summary}"]
    for e in draft.evidence:
        note = "; an outsider could have written this" if e.outsider else ""
        lines.append(f"{e.id} ({e.kind}{note}): {e.statement}")
    lines += [f"not known: {text}" for text in draft.unknowns]
    return Answer("rules", tuple(lines), scope.trouble.start, scope.trouble.end)


async def past_fixes(ctx: Context, incident: Row) -> list[PastFix]:
    """Repairs of other incidents of this kind. Where the embedder is away, words and signature find alone."""
    embedder, vector = ctx.embedder, None
    if embedder is not None:
        with contextlib.suppress(NightshiftError):  # it is away, or its settings are wrong: no answer may cost that
            vector = (await embedder.embed([incident["title"]], query=True))[0]
    async with ctx.store.begin() as conn:
        found = await recall(
            conn,
            signature=incident["signature"],
            words=incident["title"],
            environment=incident["environment"],
            vector=vector,
            model=embedder.name if embedder and vector else None,
        )
    return [fix for fix in found if fix.incident_id != incident["id"]]


async def similar_incidents(scope: Scope, asked: dict[str, Any]) -> Answer:
    """Past repairs of the same kind of trouble, and how each ended."""
    past = await past_fixes(scope.ctx, scope.about)
    lines, evidence = [], []
    for fix in past:
        said = (
            f"#{fix.incident_number} of {fix.created_at:%Y-%m-%d}: {fix.event}; {fix.action}; {fix.result} {fix.lesson}"
        )
        lines.append(f"{said} (found by: {', '.join(fix.matched)})")
        evidence.append(Evidence("", EvidenceKind.PAST_INCIDENT, said, "past fixes", at=fix.created_at))
    return Answer("past fixes", tuple(lines), reason="no similar incident is known", evidence=tuple(evidence))


async def recommended_fix(scope: Scope, asked: dict[str, Any]) -> Answer:
    """What would be proposed without a model: track record and today's evidence merged."""
    incident = scope.about
    async with scope.ctx.store.begin() as conn:
        books = await current_playbooks(conn, scope.ctx.site)
        here = Where.of(incident, scope.ctx.site.timings.rate_half_life_s)
        records = await track_records(conn, here, books.values())
        rows = await alerts.summary(conn, incident["id"])
    kind = signature_class(incident["signature"])
    choice = choose(list(books.values()), records, scope.draft, kind, rows[0]["name"] if rows else "")
    lines = []
    if choice.playbook:
        lines.append(f"{choice.playbook.id} ({choice.basis}): helped {choice.record.words()}; {choice.playbook.title}")
        lines += choice.record.notes()
    lines += [f"else {name}: helped {record.words()}" for name, record in choice.alternatives]
    lines += [choice.disagreement] if choice.disagreement else []
    return Answer("track records", tuple(lines), reason="no playbook fits what the rules found")


async def list_allowed_actions(scope: Scope, asked: dict[str, Any]) -> Answer:
    """The exact actions that `propose_action` takes, and what the gate would say now."""
    lines = []
    for offer in scope.offers[:ROWS_MAX]:
        free = {
            name: {"one_of": rule.choices} if rule.choices else {"from": rule.minimum, "to": rule.maximum}
            for name, rule in offer.free.items()
        }
        shape = {"playbook_id": offer.playbook_id, "parameters": dict(offer.fixed), "choose": free}
        lines.append(f"{json.dumps(shape)} {offer.title}; the gate now: {offer.gate}")
    is_cut = len(scope.offers) > ROWS_MAX
    reason = f"only the first {ROWS_MAX}" if is_cut else "no action fits this incident; use conclude"
    return Answer("playbooks and policy", tuple(lines), cut=is_cut, reason=reason)


async def incident_timeline(scope: Scope, asked: dict[str, Any]) -> Answer:
    """What happened on this incident so far, oldest first."""
    async with scope.ctx.store.begin() as conn:
        rows = await timeline.after(conn, scope.about["id"], 0)
    rows = [row for row in rows if row["kind"] not in UNTOLD]
    lines = [
        " ".join(filter(None, [clock(row["at"]), row["kind"], row["actor"], row["reason"], json.dumps(row["body"])]))
        for row in rows[-ROWS_MAX:]
    ]
    is_cut = len(rows) > ROWS_MAX
    return Answer("timeline", tuple(lines), cut=is_cut, reason=f"the newest {ROWS_MAX}" if is_cut else "it is empty")
