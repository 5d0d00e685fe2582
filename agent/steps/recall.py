"""Recall: what is this, did we see it before, and what helped then?"""

from uuid import UUID

from langgraph.runtime import Runtime

from agent.context import Context
from agent.state import ThreadState
from core.alert import AlertClass
from core.execution import State, ended_as
from core.incident import signature, signature_class, title
from knowledge.memory import PastFix
from knowledge.memory import recall as recall_fixes
from knowledge.records import Where, track_records
from store import alerts, diagnoses, executions, incidents, timeline
from store.pool import Connection, Row
from tools.act.proposals import current_playbooks

RECORDS_MAX = 5


async def recall(state: ThreadState, runtime: Runtime[Context]) -> ThreadState:
    """Name the incident by its commonest alert, find the attempt to work on, and look for past fixes."""
    ctx = runtime.context
    incident_id = UUID(state["incident_id"])
    async with ctx.store.begin() as conn:
        incident = await _describe(conn, ctx, incident_id)
        attempt = await _attempt(conn, incident_id)
    vector = await _vector(ctx, incident)
    async with ctx.store.begin() as conn:
        past = await recall_fixes(
            conn,
            signature=incident["signature"],
            words=incident["title"],
            environment=incident["environment"],
            vector=vector,
            model=ctx.embedder.name if ctx.embedder and vector else None,
        )
        past = [fix for fix in past if str(fix.incident_id) != state["incident_id"]]
        found = [_told(fix) for fix in past]
        if await diagnoses.get(conn, incident_id, attempt) is None:
            helped = await _helped(conn, ctx, incident)
            body = {"attempt": attempt, "signature": incident["signature"], "similar": found, "helped": helped}
            await timeline.append(conn, incident_id, "run.started", body={"attempt": attempt})
            await timeline.append(conn, incident_id, "recall", body=body)
    similar = {str(fix.execution_id): fix.similarity for fix in past if fix.execution_id and fix.similarity}
    return {"attempt": attempt, "past": found, "similar": similar}


async def _helped(conn: Connection, ctx: Context, incident: Row) -> list[dict[str, object]]:
    """What was tried in such trouble by the playbooks that fit, the best cautious rate first."""
    rows = await alerts.summary(conn, incident["id"])
    kind, name = signature_class(incident["signature"]), rows[0]["name"] if rows else ""
    books = (await current_playbooks(conn, ctx.site)).values()
    fitting = [book for book in books if book.acts and book.fits(kind, name)]
    records = await track_records(conn, Where.of(incident, ctx.site.timings.rate_half_life_s), fitting)
    known = sorted((name for name in records if records[name].tried), key=lambda name: (-records[name].cautious, name))
    return [
        {"playbook": name, "record": records[name].words(), "counts": records[name].counts}
        for name in known[:RECORDS_MAX]
    ]


async def _describe(conn: Connection, ctx: Context, incident_id: UUID) -> Row:
    incident = await incidents.get(conn, incident_id)
    rows = await alerts.summary(conn, incident_id)
    if not rows:
        return incident
    names: dict[str, int] = {}
    services: dict[str, int] = {}
    kinds: list[tuple[str, AlertClass]] = []
    for row in rows:
        names[row["name"]] = names.get(row["name"], 0) + row["alerts"]
        services[row["service"]] = services.get(row["service"], 0) + row["alerts"]
        kinds += [(row["name"], AlertClass(row["class"]))] * row["alerts"]
    busiest = min(services, key=lambda name: (-services[name], name))
    key = signature(kinds, ctx.site.service(busiest).kind)
    await incidents.describe(conn, incident_id, title=title(services, names), signature=key, service=busiest)
    return await incidents.get(conn, incident_id)


async def _attempt(conn: Connection, incident_id: UUID) -> int:
    """The attempt that is under way, or the next one. Read from the tables, so a lost thread finds its place again."""
    tried = [row for row in await executions.of_incident(conn, incident_id) if row["origin"] == "thread"]
    if tried:
        last = int(tried[-1]["attempt"])
        is_over = bool(ended_as(State(tried[-1]["state"]), tried[-1]["outcome"]))
        return last + (is_over and await timeline.is_reported(conn, incident_id, last))
    known = await diagnoses.last(conn, incident_id)
    if known is None:
        return 1
    last = int(known["attempt"])
    return last + await timeline.is_reported(conn, incident_id, last)


async def _vector(ctx: Context, incident: Row) -> list[float] | None:
    if ctx.embedder is None:
        return None
    return (await ctx.embedder.embed([incident["title"]], query=True))[0]


def _told(fix: PastFix) -> dict[str, str]:
    return {"incident": f"#{fix.incident_number}", "action": fix.action, "result": fix.result, "lesson": fix.lesson}
