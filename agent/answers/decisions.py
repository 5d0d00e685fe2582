"""Who decided: the votes on what was proposed, a standing yes, a broken glass, and what still waits."""

from agent.about import About, Said, clock_told, first, shown
from core.resource import target_words
from store import approvals, executions, listing
from store.pool import Connection, Row

SHOWN_MAX = 4


async def who_approved(about: About) -> Said:
    """On the incident that is meant; without one, the newest anywhere."""
    async with about.ctx.store.begin() as conn:
        if about.incident is None:
            rows = [
                {**row, "playbook_id": row["card"].get("playbook", ""), "resource_id": row["card"].get("target", "")}
                for row in await listing.approvals(conn, None, before=None, rows=SHOWN_MAX)
            ]
        else:
            rows = await _of_incident(conn, about.incident)
        asked = [(row, await approvals.votes(conn, row["id"])) for row in rows]
    lines = [_line(about, row, votes) for row, votes in asked]
    return Said(tuple(first(lines, SHOWN_MAX, about)) or (about.say("nothing_asked"),))


async def _of_incident(conn: Connection, incident: Row) -> list[Row]:
    found = []
    for done in reversed(await executions.of_incident(conn, incident["id"])):
        if approval := await approvals.of_execution(conn, done["id"]):
            found.append({**done, **approval, "incident_number": incident["number"]})
    return found


def _line(about: About, row: Row, votes: list[Row]) -> str:
    head = f"#{row['incident_number']} {shown(row['playbook_id'])} ({shown(target_words(row['resource_id']))}):"
    said = [_vote(about, vote) for vote in votes if row["kind"] != "standing"]
    if row["kind"] in ("break_glass", "standing"):
        key = "glass" if row["kind"] == "break_glass" else "standing"
        said.append(about.say(key, who=shown(row["granted_by"]), text=shown(row["reason"])))
    if row["state"] == "pending" and not row["is_over"]:
        yes = sum(vote["verdict"] == "approve" for vote in votes)
        until = clock_told(row["expires_at"], about.now)
        said.append(about.say("still_asked", votes=yes, needed=row["needed"], role=row["role"], until=until))
    return " ".join([head, *(said or [about.say("nobody_decided", state=about.state(row["state"]))])])


def _vote(about: About, vote: Row) -> str:
    key = "vote_approve" if vote["verdict"] == "approve" else "vote_reject"
    said = about.say(key, who=shown(vote["name"]), at=clock_told(vote["at"], about.now), via=shown(vote["via"]))
    return f"{said} {about.say('with_words', text=shown(vote['reason']))}" if vote["reason"] else said
