"""What a person has to know beside the news itself: why somebody is called, which neighbour alarms, how to go back."""

from collections.abc import Mapping
from uuid import UUID

from core.catalogue import Language, say
from core.decision import Guardrail, decision_of
from core.execution import State
from core.phrases_gate import gate_words
from core.phrases_outcome import PHRASES
from store import executions, timeline
from store.pool import Connection

AFTER_ACTION = ("cascade", "came_back")
BY_POLICY = frozenset(map(str, Guardrail))


async def news_details(conn: Connection, incident_id: UUID, news: str, language: Language) -> Mapping[str, str]:
    """From the newest rows of the timeline: `by`, `reason`, `neighbour` and `undo`, as far as there are any."""
    name = news.partition(":")[0]
    if name == "escalated":
        return await _called(conn, incident_id, language)
    if name in AFTER_ACTION:
        judged = await timeline.newest(conn, incident_id, "verdict")
        back = await timeline.newest(conn, incident_id, "rollback.proposed")
        return {
            "neighbour": str(judged["body"].get("alarmed", "")) if judged and name == "cascade" else "",
            "undo": str(back["body"].get("undo", "")) if back else "",
        }
    return {}


async def _called(conn: Connection, incident_id: UUID, language: Language) -> Mapping[str, str]:
    """Who asks for a person: somebody, or the end of what Nightshift could do by itself."""
    told = await timeline.newest(conn, incident_id, "incident.escalated")
    if told is None:
        return {}
    if str(told["actor"]).startswith("person:"):
        return {"by": str(told["actor"]).removeprefix("person:"), "reason": str(told["body"].get("text", ""))}
    reason = str(told["reason"])
    if reason == State.DENIED or reason in BY_POLICY:
        done = await executions.of_incident(conn, incident_id)
        refused = next((row for row in reversed(done) if row["state"] == State.DENIED), None)
        if refused:
            words = gate_words(decision_of(refused["decision"]), language)
            return {"reason": f"{refused['playbook_id']}: {words}"}
    key = f"because.{reason}" if f"because.{reason}" in PHRASES else reason
    return {"reason": say(PHRASES, key, language)} if key in PHRASES else {}
