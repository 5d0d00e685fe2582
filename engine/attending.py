"""What people do with an incident, at any door: acknowledge, resolve, give it to somebody, call for more people."""

from uuid import UUID

from core.errors import BadInput, IllegalTransition
from core.incident import IncidentState
from core.muting import BY_PERSON
from core.regrouping import MERGED, Objection, Whole, what_to_do
from core.role import Role
from core.site import Channel
from engine import approving, healing
from engine.learning import ask_what_fixed
from store import audit, incidents, jobs, people, regrouping, timeline
from store.pool import Connection, Row

S = IncidentState
MAY_ACKNOWLEDGE = (S.OPEN, S.ESCALATED)
MAY_RESOLVE = (S.OPEN, S.ACKNOWLEDGED, S.MITIGATED, S.ESCALATED)
MAY_ESCALATE = (S.OPEN, S.ACKNOWLEDGED, S.MITIGATED)


class CannotAnswer(BadInput):
    """This person cannot be given an incident; choose a responder who works here."""

    def __init__(self, detail: str, reason: str) -> None:
        super().__init__(detail)
        self.reason = reason


async def acknowledge(conn: Connection, incident: Row, name: str, *, reason: str = "", via: str = "") -> bool:
    """A person of this name looks at it; False where it was acknowledged before. Raises IllegalTransition."""
    if not await _set(conn, incident, S.ACKNOWLEDGED, MAY_ACKNOWLEDGE, name, "acknowledge", reason, via):
        return False
    # An acknowledgement only holds for a while: escalation has to know when it ends.
    key = str(incident["id"])
    await jobs.at(conn, "escalate_incident", key, delay_s=0.0, incident_id=key)
    return True


async def resolve(
    conn: Connection, channels: tuple[Channel, ...], incident: Row, name: str, *, reason: str = "", via: str = ""
) -> bool:
    """A person of this name says that it is over; False where it was before. Raises IllegalTransition."""
    await regrouping.lock_actions(conn, [incident["id"]])
    if not await _set(conn, incident, S.RESOLVED, MAY_RESOLVE, name, "resolve", reason, via):
        return False
    await _move_on(conn, incident["id"])
    await ask_what_fixed(conn, channels, await incidents.get(conn, incident["id"]))
    return True


async def escalate(conn: Connection, incident: Row, name: str, *, reason: str = "", via: str = "") -> bool:
    """A person of this name cannot hold it alone: everybody is paged. False where it was escalated before.

    Raises IllegalTransition where it is over.
    """
    if not await _set(conn, incident, S.ESCALATED, MAY_ESCALATE, name, "escalate", reason, via):
        return False
    # Named after its row on the timeline, so that each call for help is a page of its own.
    seq = (await incidents.get(conn, incident["id"]))["timeline_seq"]
    await jobs.defer(conn, "page_incident", incident_id=str(incident["id"]), kind=f"{BY_PERSON}:{seq}")
    return True


async def assign(
    conn: Connection, incident_id: UUID, assignee: str | None, *, by: str, reason: str = "", via: str = ""
) -> bool:
    """Give it to a person, or to nobody; False where it was so before. `by` is the name of who says so.

    Raises IllegalTransition for what was merged, CannotAnswer for who does not work here or could change nothing.
    """
    before = await incidents.get(conn, incident_id, lock=True)
    if before["state"] == MERGED:
        whole = Whole(before["number"], before["state"], before["merged_into"])
        raise IllegalTransition(what_to_do(Objection.MERGED_ALREADY, whole), Objection.MERGED_ALREADY)
    if assignee is not None:
        await _may_answer(conn, assignee)
    if not await incidents.assign(conn, incident_id, assignee):
        return False
    actor, why = f"person:{by}", "assigned" if assignee else "unassigned"
    said = {"from": before["assignee"], "to": assignee, "text": reason, **({"via": via} if via else {})}
    await timeline.append(conn, incident_id, "incident.assigned", actor=actor, reason=why, body=said)
    await audit.write(
        conn, actor=actor, action="incident.assign", subject=f"incident:{incident_id}",
        before=before["assignee"] or "", after=assignee or "", reason=reason,
    )  # fmt: skip
    return True


async def _may_answer(conn: Connection, name: str) -> None:
    """A person who can do something about it. Raises CannotAnswer."""
    person = next((row for row in await people.persons(conn) if row["name"] == name), None)
    if person is None or person["disabled_at"] is not None:
        said = f"There is no person {name!r} who works here: add one with `nightshift people add`, or check the name."
        raise CannotAnswer(said, "unknown_person")
    if not Role(person["role"]).covers(Role.RESPONDER):
        said = (
            f"{name} has the role {person['role']} and can change nothing: choose a responder, or give them that role."
        )
        raise CannotAnswer(said, "cannot_answer")


async def _set(
    conn: Connection,
    incident: Row,
    to: IncidentState,
    only_from: tuple[IncidentState, ...],
    name: str,
    verb: str,
    reason: str,
    via: str,
) -> bool:
    changed = await incidents.set_state(conn, incident["id"], to, by=name, only_from=only_from)
    if not changed:
        now = await incidents.get(conn, incident["id"])
        if now["state"] != to:
            said = f"Incident #{now['number']} is {now['state']}: it cannot be {to} from there."
            raise IllegalTransition(said, "moved_on")
        return False
    told = {"text": reason, "from": incident["state"], **({"via": via} if via else {})}
    actor = f"person:{name}"
    await timeline.append(conn, incident["id"], f"incident.{to}", actor=actor, reason="by_person", body=told)
    await audit.write(
        conn, actor=actor, action=f"incident.{verb}", subject=f"incident:{incident['id']}", before=incident["state"],
        after=to, reason=reason,
    )  # fmt: skip
    return True


async def _move_on(conn: Connection, incident_id: UUID) -> None:
    """Nothing that was proposed and not begun is wanted any more, and the agent's thread reads that."""
    key = str(incident_id)
    await approving.supersede(conn, incident_id)
    await jobs.cancel(conn, "run_incident", key)
    await jobs.cancel(conn, "resolve_incident", key)
    await healing.resume(conn, incident_id)
