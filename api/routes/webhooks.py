"""The doors for senders. A batch is answered 2xx once it is committed; a bad alert never costs its neighbours.

Overload and a database that is away are answered 503, never 429: Alertmanager drops what it is refused with a 4xx.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.access import Principal, Role, house_of, needs
from api.delivery import Delivery
from api.figures import Figures
from api.problems import Problem, documented, problem_of
from core.errors import NotFound
from ingest import alertmanager, changes, generic
from ingest.parsed import Parsed
from store import changes as stored_changes
from store import sources

router = APIRouter(tags=["webhooks"])
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}
PROBLEMS = documented(400, 401, 403, 408, 413, 415, 503)
V2_FAULTS_SHOWN_MAX = 100

Alertmanager = Annotated[Principal, Depends(needs(Role.MACHINE, "alertmanager"))]
Generic = Annotated[Principal, Depends(needs(Role.MACHINE, "generic"))]
Deployer = Annotated[Principal, Depends(needs(Role.MACHINE, "changes"))]


@router.post("/api/v1/webhooks/alertmanager", openapi_extra=BODY, responses=PROBLEMS)
async def post_alertmanager(request: Request, caller: Alertmanager) -> JSONResponse:
    """The webhook of Alertmanager (version 4), also of Grafana and SigNoz, which send the same form."""
    async with timed(request, "alertmanager"):
        counts, _ = await _alerts(request, caller, alertmanager.parse_webhook)
        return JSONResponse(counts)


@router.post("/api/v2/alerts", openapi_extra=BODY, responses=PROBLEMS)
async def post_v2(request: Request, caller: Alertmanager) -> Response:
    """Alertmanager's own API, for Prometheus: an empty 200, or a 400 that names all faults after storing the rest."""
    async with timed(request, "v2") as timer:
        _, rejected = await _alerts(request, caller, alertmanager.parse_v2)
        if not rejected:
            return Response(status_code=200)
        timer.status = "4xx"
        faults = [one.detail for one in rejected[:V2_FAULTS_SHOWN_MAX]]
        return JSONResponse("; ".join(faults), 400)


@router.post("/api/v1/webhooks/generic/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404))
async def post_generic(request: Request, caller: Generic, name: str) -> JSONResponse:
    """Any JSON, read by the mapping of the source `name`."""
    async with timed(request, "generic"):
        async with house_of(request).store.begin() as conn:
            source = await sources.by_name(conn, name)
        if source is None or source["kind"] != "generic":
            make = "Make it: POST /api/v1/sources with this name and kind `generic`."
            raise NotFound(f"There is no generic source {name[:80]!r}. {make}")
        if source["id"] != caller.id:
            raise Problem(
                403, f"This key belongs to the source {caller.name!r}; use the key of {name!r}.", reason="other_source"
            )
        mapping = generic.read_mapping(source["settings"].get("mapping"))

        def parse(body: Any, source_name: str, now: datetime) -> Parsed:
            return generic.parse(body, source_name, mapping, now)

        counts, _ = await _alerts(request, caller, parse)
        return JSONResponse(counts)


@router.post("/api/v1/webhooks/changes", openapi_extra=BODY, responses=PROBLEMS | documented(422))
async def post_changes(request: Request, caller: Deployer) -> JSONResponse:
    """Deployments, rollbacks, restarts. Sending one twice keeps one; 422 where none of them could be used."""
    async with timed(request, "changes"):
        delivery = _delivery(request, caller)
        parsed = await delivery.read(await request.body(), changes.parse)
        async with delivery.store.begin() as conn:
            fresh = sum([await stored_changes.insert(conn, values) for values in parsed.changes])
        await delivery.keep(parsed.rejected)
        counts = {"stored": fresh, "known": len(parsed.changes) - fresh, "quarantined": len(parsed.rejected)}
        for result, number in counts.items():
            delivery.figures.changes.labels(caller.name, result).inc(number)
        if parsed.rejected and not parsed.changes:
            faults = [one.detail for one in parsed.rejected[:V2_FAULTS_SHOWN_MAX]]
            raise Problem(422, "No change in this body can be used.", errors=faults, quarantined=len(parsed.rejected))
        return JSONResponse(counts | {"faults": [one.detail for one in parsed.rejected[:V2_FAULTS_SHOWN_MAX]]})


@dataclass
class Timer:
    """What `timed` measures."""

    started: float
    status: str = "2xx"


@asynccontextmanager
async def timed(request: Request, route: str) -> AsyncIterator[Timer]:
    """Count the time to the answer, and whether it was a good one."""
    timer = Timer(time.perf_counter())
    try:
        yield timer
    except Exception as error:
        known = problem_of(error)
        timer.status = f"{known.status // 100 if known else 5}xx"
        raise
    finally:
        figures: Figures = request.app.state.figures
        figures.webhook_s.labels(route, timer.status).observe(time.perf_counter() - timer.started)


def _delivery(request: Request, caller: Principal) -> Delivery:
    house = house_of(request)
    return Delivery(house.store, house.intake, request.app.state.figures, caller.name)


async def _alerts(
    request: Request, caller: Principal, parse: Callable[[Any, str, datetime], Parsed]
) -> tuple[dict[str, int], list[Any]]:
    delivery = _delivery(request, caller)
    return await delivery.store_alerts(await delivery.read(await request.body(), parse))
