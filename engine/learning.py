"""What an outcome teaches: the memory of the fix, the track record, a playbook drafted; and what people did by hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from core.diagnosis import Cause
from core.errors import NotFound
from core.rates import Outcome, TrackRecord, track_record
from core.recommendation import HAND_TIMES_MIN, deserves_playbook
from core.site import Channel, Site
from engine.drafting import draft_from_actions, draft_from_people
from engine.outbox import tell
from knowledge.memory import forget_by_hand, remember, remember_by_hand
from knowledge.records import Where, track_records
from store import audit, diagnoses, learning, playbooks, timeline
from store.pool import Connection, Row
from tools.act.proposals import current_playbooks

QUESTION = "What fixed it? Name the playbook, say it in words, or that it went away alone."


@dataclass(frozen=True)
class HumanFix:
    """What a person says: a playbook, words, or that nothing was done."""

    playbook_id: str | None = None
    words: str = ""
    is_alone: bool = False

    @property
    def did(self) -> str:
        """In one line."""
        return (
            "nothing: it went away alone" if self.is_alone else " · ".join(filter(None, (self.playbook_id, self.words)))
        )


async def learned(conn: Connection, site: Site, incident: Row, row: Row, outcome: Outcome) -> None:
    """After an outcome was written: remember the fix, tell the new record, and draft a playbook that is earned."""
    diagnosis = await diagnoses.get(conn, incident["id"], row["attempt"]) or {}
    await remember(conn, incident, row, diagnosis, outcome)
    # Of the trouble that was acted on, whatever the incident has become since.
    trouble = {**incident, "signature": row["signature"], "environment": row["environment"]}
    record = await record_for(conn, site, trouble, row["playbook_id"])
    body = {
        "playbook": row["playbook_id"],
        "record": record.words(),
        "execution_id": str(row["id"]),
        "counts": record.counts,
    }
    await timeline.append(conn, incident["id"], "learned", reason=outcome, body=body)
    if outcome is Outcome.STABLE and deserves_playbook(record):
        cause = str(diagnosis.get("cause", Cause.UNKNOWN))
        draft = await draft_from_actions(conn, row["playbook_id"], row["signature"], cause)
        await _tell_draft(conn, incident["id"], draft, f"{record.words()} helped")


async def record_for(conn: Connection, site: Site, incident: Row, playbook_id: str) -> TrackRecord:
    """The record of one playbook in this trouble, on this service."""
    book = (await current_playbooks(conn, site)).get(playbook_id)
    if book is None:  # withdrawn, or never there: the bare counts
        history = await learning.history(conn, signature=incident["signature"])
        return track_record(Outcome(old["outcome"]) for old in history if old["playbook_id"] == playbook_id)
    return (await track_records(conn, Where.of(incident, site.timings.rate_half_life_s), [book]))[book.id]


async def _tell_draft(conn: Connection, incident_id: UUID, draft: str | None, why: str) -> None:
    if draft:
        said = f"{why}: playbook {draft} is drafted, and waits for a person to publish it"
        await timeline.append(conn, incident_id, "playbook.drafted", body={"playbook": draft, "text": said})


async def ask_what_fixed(conn: Connection, channels: Iterable[Channel], incident: Row) -> bool:
    """Once, at the end of an incident that no action of ours is known to have healed; was it asked?"""
    incident_id = incident["id"]
    told = await learning.human_fix(conn, incident_id)
    if told or await learning.was_asked(conn, incident_id) or await learning.is_healed(conn, incident_id):
        return False
    how = f"nightshift incidents fixed-by {incident['number']} [WORDS] [--playbook ID] [--alone]"
    await timeline.append(conn, incident_id, "fix.asked", body={"text": QUESTION, "how": how})
    body = {"incident": incident["number"], "title": f"#{incident['number']} {incident['title']}: what fixed it?",
            "text": QUESTION, "how": how}  # fmt: skip
    key, subject = f"{incident_id}:fix_asked", f"fix:{incident_id}"
    await tell(conn, channels, incident_id, "fix_asked", body, key=key, subject=subject)
    return True


async def tell_fix(conn: Connection, incident: Row, said: HumanFix, *, actor: str) -> Row:
    """Keep what a person did by hand, remember it, draft what comes again, and set it beside the shadow proposal.

    Raises NotFound for a playbook that does not exist. A later answer takes the place of an earlier one.
    """
    if said.playbook_id and said.playbook_id not in {row["id"] for row in await playbooks.newest(conn)}:
        raise NotFound(f"There is no playbook {said.playbook_id[:128]!r}. List them with: nightshift playbooks")
    values = {
        "incident_id": incident["id"], "signature": incident["signature"], "environment": incident["environment"],
        "playbook_id": said.playbook_id, "words": said.words, "is_alone": said.is_alone, "told_by": actor,
    }  # fmt: skip
    row = await learning.tell_fix(conn, values)
    subject = f"incident:{incident['id']}"
    await audit.write(conn, actor=actor, action="incident.fixed_by", subject=subject, after=said.did)
    body = {"text": said.did, "playbook": said.playbook_id, **await _beside_shadow(conn, incident["id"], said)}
    await timeline.append(conn, incident["id"], "fix.told", actor=actor, reason="by_person", body=body)
    if said.is_alone:
        await forget_by_hand(conn, incident)
        return row
    known = await diagnoses.last(conn, incident["id"])
    diagnosis = known["body"] if known else {}
    await remember_by_hand(conn, incident, said.did, diagnosis)
    await _draft_habit(conn, incident, said, str(diagnosis.get("cause", Cause.UNKNOWN)))
    return row


async def _draft_habit(conn: Connection, incident: Row, said: HumanFix, cause: str) -> None:
    """What people did about this kind of trouble several times is worth a playbook."""
    if not incident["signature"]:
        return
    habit = await learning.habit(conn, incident["signature"], said.playbook_id, said.words)
    if habit["times"] >= HAND_TIMES_MIN:
        words = habit["words"] or said.words
        draft = await draft_from_people(conn, said.playbook_id, words, incident["signature"], cause)
        await _tell_draft(conn, incident["id"], draft, f"people did the same {habit['times']} times")


async def _beside_shadow(conn: Connection, incident_id: UUID, said: HumanFix) -> dict[str, str]:
    proposed = await learning.in_shadow(conn, incident_id)
    if proposed is None:
        return {}
    same = "agreed" if said.playbook_id == proposed else "differed" if said.playbook_id or said.is_alone else ""
    return {"shadow": f"the shadow proposal was {proposed}: {same or 'told in words, not comparable'}"}
