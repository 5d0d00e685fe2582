"""Shadow mode: what the agent would propose is decided, recorded and compared, and nobody is asked to approve it."""

from core.decision import MAY_ACT, Decision, Guardrail, Verb
from store.pool import Connection
from store.site import switch_is_on

SHADOW = "shadow"


async def shaded(conn: Connection, decision: Decision, *, asked_by_person: bool) -> Decision:
    """The gate's answer as it stands in shadow mode; what a person asks for is never in the shadow."""
    if asked_by_person or decision.verb not in MAY_ACT or not await switch_is_on(conn, SHADOW):
        return decision
    detail = "shadow mode: only recorded, and compared with what people do; without it the gate would say"
    return Decision(Verb.ALERT_ONLY, Guardrail.SHADOW, f"{detail} {decision.verb}: {decision.detail}")
