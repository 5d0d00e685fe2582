"""How things are: one incident with its cause, its evidence and what is being done, or everything that is open."""

from agent.about import About, Said, clock_told, first, shown
from agent.diagnosis_form import diagnosis_from_json
from core.diagnosis import Cause, Diagnosis
from core.resource import target_words
from store import diagnoses, executions
from store.pool import Row

INCIDENTS_SHOWN_MAX = 6
EVIDENCE_SHOWN_MAX = 3
UNKNOWNS_SHOWN_MAX = 2
ACTIONS_SHOWN_MAX = 3


async def status(about: About) -> Said:
    """The incident that is meant; without one, what is open."""
    incident = about.incident
    if incident is None:
        return overview(about)
    async with about.ctx.store.begin() as conn:
        known = await diagnoses.last(conn, incident["id"])
        done = await executions.of_incident(conn, incident["id"])
    diagnosis = diagnosis_from_json(known["body"]) if known else None
    lines = [_head(about, incident), *_cause(about, diagnosis), *_actions(about, done)]
    return Said(tuple(lines), diagnosis.evidence[:EVIDENCE_SHOWN_MAX] if diagnosis else ())


def overview(about: About) -> Said:
    """The open incidents, the most urgent first."""
    if not about.open:
        return Said((about.say("none_open"),))
    heads = [_head(about, row) for row in about.open]
    return Said((about.say("open_ones", count=len(heads)), *first(heads, INCIDENTS_SHOWN_MAX, about)))


def _head(about: About, incident: Row) -> str:
    minutes = max(0, int((about.now - incident["started_at"]).total_seconds() // 60))
    said = about.say(
        "incident",
        number=incident["number"],
        title=about.observed(incident["title"]),
        priority=incident["priority"],
        state=about.state(incident["state"]),
        since=clock_told(incident["started_at"], about.now),
        minutes=minutes,
        firing=incident["firing_count"],
        alerts=incident["alert_count"],
    )
    who = incident["assignee"] or incident["acknowledged_by"]
    return f"{said} {about.say('taken_by', who=shown(who)) if who else about.say('nobody')}"


def _cause(about: About, diagnosis: Diagnosis | None) -> list[str]:
    if diagnosis is None:
        return [about.say("cause_unknown")]
    key = "cause" if diagnosis.confirmed else "cause_unconfirmed"
    unknown = diagnosis.cause is Cause.UNKNOWN
    lines = [
        f"{about.say('cause_unknown')} {about.observed(diagnosis.summary)}" if unknown
        else about.say(key, cause=diagnosis.cause, text=about.observed(diagnosis.summary))
    ]  # fmt: skip
    for fact in diagnosis.evidence[:EVIDENCE_SHOWN_MAX]:
        word = "evidence_outsider" if fact.outsider else "evidence"
        lines.append(about.say(word, id=fact.id, text=about.observed(fact.statement)))
    return [
        *lines,
        *(about.say("not_known", what=about.observed(text)) for text in diagnosis.unknowns[:UNKNOWNS_SHOWN_MAX]),
    ]


def _actions(about: About, done: list[Row]) -> list[str]:
    lines = [
        about.say(
            "action", playbook=shown(row["playbook_id"]), target=shown(target_words(row["resource_id"])),
            state=about.state(row["outcome"] or row["state"]),
        )
        for row in reversed(done)
    ]  # fmt: skip
    return first(lines, ACTIONS_SHOWN_MAX, about) or [about.say("no_action")]
