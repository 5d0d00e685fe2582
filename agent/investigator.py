"""The investigator that needs no model: gathers bounded evidence and lets the rules of the core conclude."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from agent.context import Context
from agent.log_evidence import find_log_changes
from agent.metric_evidence import find_outages, find_shifts
from agent.trouble import Found, Trouble, trouble_of
from core.diagnosis import Cause, Diagnosis, conclude
from core.errors import NightshiftError
from core.evidence import Evidence, EvidenceKind
from store import alerts, pool
from store.pool import Row
from tools.read import changes

EVIDENCE_ROWS_MAX = 12
UNKNOWNS_MAX = 12
# The order in which facts are shown; within a kind the strongest are kept.
KINDS = (
    EvidenceKind.DEPENDENCY_DOWN,
    EvidenceKind.TARGET_DOWN,
    EvidenceKind.CHANGE,
    EvidenceKind.METRIC_SHIFT,
    EvidenceKind.LOG_TEMPLATE,
)


async def investigate(ctx: Context, incident: Row) -> Diagnosis:
    """Diagnose an incident. A source that does not answer becomes something unknown, never an error."""
    async with ctx.store.begin() as conn:
        now = await pool.now(conn)
        summary = await alerts.summary(conn, incident["id"])
    trouble = trouble_of(ctx.site, incident, summary, now)
    found = Found()
    await _find_changes(ctx, trouble, found)
    # Before the last change against after it is the best comparison there is.
    changed = changes.may_have_broken(found.evidence, trouble.started_at)
    if times := [e.at for e in changed if e.at and e.service == trouble.service and e.at <= trouble.started_at]:
        trouble = trouble.compared_from(max(times))
    await find_outages(ctx.metrics, ctx.site, trouble, found)
    await find_shifts(ctx.metrics, ctx.site, trouble, found)
    await find_log_changes(ctx.logs, trouble, found)
    evidence = _numbered(_strongest(found.evidence))
    diagnosis = _conclude(ctx, trouble, evidence)
    unknowns = list(dict.fromkeys((*diagnosis.unknowns, *found.unknowns)))
    if len(unknowns) > UNKNOWNS_MAX:
        unknowns[UNKNOWNS_MAX - 1 :] = [f"{len(unknowns) - UNKNOWNS_MAX + 1} more things."]
    return replace(diagnosis, evidence=tuple(evidence), unknowns=tuple(unknowns))


async def _find_changes(ctx: Context, trouble: Trouble, found: Found) -> None:
    lookback_s = ctx.site.timings.change_lookback_s
    start = trouble.started_at - timedelta(seconds=lookback_s)
    try:
        async with ctx.store.begin() as conn:
            seen = await changes.read(
                conn, trouble.environment, trouble.services, start, trouble.end, trouble.started_at
            )
    except NightshiftError as error:
        found.unknowns.append(f"What was changed is not known. {error.detail}")
        return
    found.evidence += seen
    if not any(e.at and e.at <= trouble.started_at + trouble.around for e in seen):
        found.unknowns.append(
            f"No change of {' or '.join(trouble.services)} was reported in the {lookback_s / 60:.0f} min before; "
            "one that nobody reports is not seen."
        )


def _conclude(ctx: Context, trouble: Trouble, evidence: Sequence[Evidence]) -> Diagnosis:
    """Judge the suspect; where an alerted dependency has a cause of its own, the suspect is only its noise."""
    suspects = changes.may_have_broken([e for e in evidence if e.kind is EvidenceKind.CHANGE], trouble.started_at)
    facts = [e for e in evidence if e.kind is not EvidenceKind.CHANGE or e in suspects]
    lookback = timedelta(seconds=ctx.site.timings.change_lookback_s)
    own = conclude(trouble.service, trouble.started_at, facts, lookback)
    if own.cause in (Cause.DEPENDENCY_DOWN, Cause.INSTANCE_DOWN):
        return own
    deeper = [
        conclude(name, trouble.started_at, facts, lookback)
        for name in sorted(trouble.dependencies, key=lambda name: name not in trouble.alerted)
        if name in trouble.alerted or (own.cause is Cause.UNKNOWN and _moved(name, evidence))
    ]
    named = next((diagnosis for diagnosis in deeper if diagnosis.cause is not Cause.UNKNOWN), None)
    return replace(named, summary=f"{named.summary} {trouble.service} needs it.") if named else own


def _moved(service: str, evidence: Sequence[Evidence]) -> bool:
    return any(e.kind is EvidenceKind.METRIC_SHIFT and e.service == service for e in evidence)


def _strongest(evidence: Sequence[Evidence]) -> list[Evidence]:
    """At most twelve facts: the strongest of each kind first, then the second of each, and so on."""
    ranked: dict[EvidenceKind, list[Evidence]] = defaultdict(list)
    for e in sorted(evidence, key=lambda e: (-e.strength, e.service, e.statement)):
        ranked[e.kind].append(e)
    depth = max((len(rows) for rows in ranked.values()), default=0)
    turns = [ranked[kind][rank] for rank in range(depth) for kind in KINDS if rank < len(ranked[kind])]
    return turns[:EVIDENCE_ROWS_MAX]


def _numbered(evidence: Sequence[Evidence]) -> list[Evidence]:
    """In the order of kinds and times, with ids that are the same whenever the facts are."""
    order = sorted(
        evidence, key=lambda e: (KINDS.index(e.kind), e.outsider, e.at.timestamp() if e.at else 0.0, e.statement)
    )
    return [replace(e, id=f"E{number}") for number, e in enumerate(order, 1)]
