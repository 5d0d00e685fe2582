"""Exceptions of the team's own jobs, sent by the small client or by anything that can post JSON."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.access import Principal, Role, house_of, needs
from api.delivery import Delivery
from api.problems import Problem, documented
from api.routes.webhooks import BODY, PROBLEMS, timed
from api.signed import known_sources
from ingest import exceptions

router = APIRouter(tags=["webhooks"])
FAULTS_SHOWN_MAX = 100
Job = Annotated[Principal, Depends(needs(Role.MACHINE, "exceptions"))]


@router.post("/api/v1/exceptions", openapi_extra=BODY, responses=PROBLEMS | documented(422))
async def post_exceptions(request: Request, caller: Job) -> JSONResponse:
    """An exception (`service` and `type`, better also `message`, `job`, `environment`), classified into an incident.

    With `status: resolved` it ends what the job had failed by: of its class, or without a `type` of every class.
    """
    async with timed(request, "exceptions"):
        source = await known_sources(request).named(caller.name)
        labels = source["settings"].get("labels", {}) if source else {}
        house = house_of(request)
        delivery = Delivery(house.store, house.intake, request.app.state.figures, caller.name, labels)
        counts, rejected = await delivery.store_alerts(await delivery.read(await request.body(), exceptions.parse))
        faults = [one.detail for one in rejected[:FAULTS_SHOWN_MAX]]
        if rejected and len(rejected) == counts["received"]:
            raise Problem(422, "No exception in this body can be used.", errors=faults, quarantined=len(rejected))
        return JSONResponse(counts | {"faults": faults})
