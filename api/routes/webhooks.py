"""The doors for senders. A batch is answered 2xx once it is committed; a bad alert never costs its neighbours.

Overload and a database that is away are answered 503, never 429: Alertmanager drops what it is refused with a 4xx.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.access import Principal, Role, house_of, needs
from api.delivery import Delivery
from api.figures import Figures
from api.problems import Problem, documented, problem_of
from api.signed import Sender, Signed, SignedByAmazon, amazon_of
from ingest import (
    alertmanager,
    argocd,
    changes,
    cloudwatch,
    datadog,
    generic,
    github,
    gitlab,
    grafana,
    sentry,
    signoz,
    sns,
)
from ingest.changes import ParsedChanges
from ingest.parsed import Parsed
from ingest.signature import our_fault
from store import changes as stored_changes

log = structlog.get_logger(__name__)
router = APIRouter(tags=["webhooks"])
BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}
PROBLEMS = documented(400, 401, 403, 408, 413, 415, 503)
V2_FAULTS_SHOWN_MAX = 100
DELIVERY_ID_CHARS_MAX = 200
Parse = Callable[[Any, str, datetime], Parsed]

Alertmanager = Annotated[Principal, Depends(needs(Role.MACHINE, "alertmanager"))]
Deployer = Annotated[Principal, Depends(needs(Role.MACHINE, "changes"))]
Generic = Annotated[Sender, Depends(Signed("generic", our_fault))]
Grafana = Annotated[Sender, Depends(Signed("grafana", grafana.signature_fault))]
Signoz = Annotated[Sender, Depends(Signed("signoz"))]
Datadog = Annotated[Sender, Depends(Signed("datadog"))]
Sentry = Annotated[Sender, Depends(Signed("sentry", sentry.signature_fault))]
CloudWatch = Annotated[Sender, Depends(SignedByAmazon("cloudwatch"))]
Github = Annotated[Sender, Depends(Signed("github", github.signature_fault))]
Gitlab = Annotated[Sender, Depends(Signed("gitlab", gitlab.signature_fault))]
Argocd = Annotated[Sender, Depends(Signed("argocd"))]


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
async def post_generic(request: Request, caller: Generic) -> JSONResponse:
    """Any JSON, read by the mapping of the source `name`; may be signed over `<unix seconds>:<body>`."""
    mapping = generic.read_mapping(caller.settings.get("mapping"))
    return await _counted(request, caller, lambda body, source, now: generic.parse(body, source, mapping, now))


@router.post("/api/v1/webhooks/grafana/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404))
async def post_grafana(request: Request, caller: Grafana) -> JSONResponse:
    """Grafana's webhook: unified alerting, or the alerting before it; may be signed."""
    return await _counted(request, caller, grafana.parse)


@router.post("/api/v1/webhooks/signoz/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404))
async def post_signoz(request: Request, caller: Signoz) -> JSONResponse:
    """SigNoz: the form of Alertmanager, or a flat one."""
    return await _counted(request, caller, signoz.parse)


@router.post("/api/v1/webhooks/datadog/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404))
async def post_datadog(request: Request, caller: Datadog) -> JSONResponse:
    """Datadog's webhook with the usual variables in its template; JSON or a form."""
    return await _counted(request, caller, datadog.parse)


@router.post("/api/v1/webhooks/sentry/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404))
async def post_sentry(request: Request, caller: Sentry) -> JSONResponse:
    """Sentry, signed with the client secret; a `Request-ID` that was taken before changes nothing."""
    resource = request.headers.get(sentry.RESOURCE_HEADER, "")

    def parse(body: Any, source: str, now: datetime) -> Parsed:
        return sentry.parse(body, source, now, resource)

    return await _counted(request, caller, parse, request.headers.get(sentry.REQUEST_HEADER, ""))


@router.post("/api/v1/webhooks/cloudwatch/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404))
async def post_cloudwatch(request: Request, caller: CloudWatch) -> JSONResponse:
    """CloudWatch alarms by SNS. A subscription to a topic of the source is confirmed, once its message is believed."""
    async with timed(request, "cloudwatch"):
        delivery = _delivery(request, caller)
        message = await delivery.read(await request.body(), lambda body, source, now: body)
        kind = message.get("Type") if isinstance(message, dict) else None
        if kind == sns.SUBSCRIPTION:
            if not await amazon_of(request).confirm(message):
                raise Problem(400, "The address in `SubscribeURL` is not one that confirms this topic at Amazon's.")
            log.info("sns.confirmed", source=caller.name, topic=message["TopicArn"])
            return JSONResponse({"confirmed": message["TopicArn"]})
        if kind in sns.TYPES and kind != sns.NOTIFICATION:
            log.warning("sns.unsubscribed", source=caller.name, topic=message["TopicArn"])
            return JSONResponse({"ignored": kind})
        if kind != sns.NOTIFICATION:
            return await _taken(request, delivery, cloudwatch.parse)  # raw delivery, proven by the key
        alarm = message["Message"].encode("utf-8", "surrogatepass")
        return await _taken(request, delivery, cloudwatch.parse, str(message["MessageId"]), alarm)


@router.post("/api/v1/webhooks/changes", openapi_extra=BODY, responses=PROBLEMS | documented(422))
async def post_changes(request: Request, caller: Deployer) -> JSONResponse:
    """Deployments, rollbacks, restarts. Sending one twice keeps one; 422 where none of them could be used."""
    return await _changed(request, caller, changes.parse)


@router.post("/api/v1/webhooks/github/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404, 422))
async def post_github(request: Request, caller: Github) -> JSONResponse:
    """GitHub's deployments, releases and pushes to the default branch, signed; other events change nothing."""
    event = request.headers.get(github.EVENT_HEADER, "")

    def parse(body: Any, source: str, now: datetime) -> ParsedChanges:
        return github.parse_event(body, source, now, event, caller.settings)

    return await _changed(request, caller, parse)


@router.post("/api/v1/webhooks/gitlab/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404, 422))
async def post_gitlab(request: Request, caller: Gitlab) -> JSONResponse:
    """GitLab's deployments, with its secret token; other events change nothing."""
    return await _changed(
        request, caller, lambda body, source, now: gitlab.parse_event(body, source, now, caller.settings)
    )


@router.post("/api/v1/webhooks/argocd/{name}", openapi_extra=BODY, responses=PROBLEMS | documented(404, 422))
async def post_argocd(request: Request, caller: Argocd) -> JSONResponse:
    """Argo CD's notifications of synchronisations that ended, from a template."""
    return await _changed(
        request, caller, lambda body, source, now: argocd.parse_event(body, source, now, caller.settings)
    )


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
    labels = caller.settings.get("labels", {}) if isinstance(caller, Sender) else {}
    return Delivery(house.store, house.intake, request.app.state.figures, caller.name, labels)


async def _alerts(request: Request, caller: Principal, parse: Parse) -> tuple[dict[str, int], list[Any]]:
    delivery = _delivery(request, caller)
    delivery.intake.refuse_if_full()
    return await delivery.store_alerts(await delivery.read(await request.body(), parse))


async def _counted(request: Request, caller: Sender, parse: Parse, delivery_id: str = "") -> JSONResponse:
    async with timed(request, str(caller.source_kind)):
        return await _taken(request, _delivery(request, caller), parse, delivery_id)


async def _taken(
    request: Request, delivery: Delivery, parse: Parse, delivery_id: str = "", body: bytes | None = None
) -> JSONResponse:
    """Store the alerts of one delivery; one with an id that was taken before is answered, and changes nothing."""
    known = delivery_id[:DELIVERY_ID_CHARS_MAX]
    if known and await delivery.is_taken(known):
        return JSONResponse({"received": 0, "known": known})
    delivery.intake.refuse_if_full()
    content_type = request.headers.get("content-type", "") if body is None else ""
    parsed = await delivery.read(await request.body() if body is None else body, parse, content_type)
    counts, _ = await delivery.store_alerts(parsed)
    if known:
        await delivery.take(known)  # only now: a delivery that could not be stored has to come again
    return JSONResponse(counts)


async def _changed(
    request: Request, caller: Principal, parse: Callable[[Any, str, datetime], ParsedChanges]
) -> JSONResponse:
    async with timed(request, str(caller.source_kind)):
        delivery = _delivery(request, caller)
        parsed = await delivery.read(await request.body(), parse)
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
