"""`/metrics`: how the house itself is, for Prometheus. Needs a viewer's key or that of a source of kind `metrics`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.access import Principal, Role, house_of, needs
from api.figures import Figures
from api.problems import documented
from core.execution import State
from store import alerts, figures, notifications
from store.pool import Store

router = APIRouter(tags=["system"])


@router.get("/metrics", response_class=Response, responses=documented(401, 403, 503))
async def metrics(request: Request, caller: Annotated[Principal, Depends(needs(Role.VIEWER, "metrics"))]) -> Response:
    """Every figure in Prometheus' text form."""
    counted: Figures = request.app.state.figures
    await refresh(counted, house_of(request).store)
    return Response(generate_latest(counted.registry), media_type=CONTENT_TYPE_LATEST)


async def refresh(counted: Figures, store: Store) -> None:
    """Read what only the database knows, in one transaction."""
    async with store.begin() as conn:
        alert_counts = await alerts.counts(conn)
        outbox = await notifications.counts(conn)
        queue = await figures.queue(conn)
        states = await figures.executions(conn)
        waiting = await figures.waiting(conn)
    counted.firing.set(alert_counts["firing"])
    counted.last_alert.set(alert_counts["last_at"] or 0)
    counted.outbox.labels("pending").set(outbox["pending"])
    counted.outbox.labels("failed").set(outbox["failed"])
    counted.outbox_oldest_s.set(outbox["oldest_s"])
    counted.queue_jobs.set(queue["jobs"])
    counted.queue_oldest_s.set(queue["oldest_s"])
    counted.timers_due.set(queue["due"])
    for state in State:
        counted.executions.labels(state).set(states.get(state, 0))
    counted.unknown_open.set(states.get(State.UNKNOWN, 0) + states.get(State.NEEDS_HUMAN, 0))
    counted.approvals_waiting.set(waiting["approvals"])
    counted.incidents_open.set(waiting["incidents"])
