"""Which service depends on which: as it is written down, and as labels of alerts told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from api.routes.page import Moment
from api.routes.site import checked
from core.plain_text import storable_value
from core.site import Site
from core.topology import Edge
from store import dependencies, site
from store.pool import Row

router = APIRouter(prefix="/api/v1/topology", tags=["site"])
LEARNED_MAX = 10_000
SERVICES_MAX = 10_000
Name = Annotated[str, Field(min_length=1, max_length=200)]


class EdgeOut(BaseModel):
    """`service` depends on `depends_on`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "service": "checkout", "depends_on": "payments", "from": "labels", "used": True,
                "label": "peer_service", "source": "prometheus", "first_seen": "2026-03-01T09:00:00Z",
                "last_seen": "2026-03-02T09:00:00Z", "expires_at": "2026-03-09T09:00:00Z",
            }
        }
    )  # fmt: skip
    service: str
    depends_on: str
    origin: Literal["file", "labels"] = Field(validation_alias="from", serialization_alias="from")
    used: bool = Field(description="False where the file says what this service depends on: it wins.")
    label: str | None = None
    source: str | None = None
    first_seen: Moment | None = None
    last_seen: Moment | None = None
    expires_at: Moment | None = None


class TopologyOut(BaseModel):
    """Services of the site file, and all edges."""

    services: list[str]
    edges: list[EdgeOut]
    labels: dict[str, str] = Field(description="The labels of alerts that name another service.")


class ServiceIn(BaseModel):
    """A service and what it depends on."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(max_length=100)] | None = None
    depends_on: list[Name] = Field(default_factory=list, max_length=1_000)


class ServicesIn(BaseModel):
    """Services with their dependencies, and nothing else of the site."""

    model_config = ConfigDict(extra="forbid")

    services: dict[Name, ServiceIn | None] = Field(
        max_length=SERVICES_MAX, examples=[{"checkout": {"kind": "http", "depends_on": ["payments"]}, "payments": None}]
    )


class Imported(BaseModel):
    """The version of the site after it."""

    version: int
    changed: bool
    services: int


@router.get("", response_model=TopologyOut, responses=documented(401, 403))
async def get_topology(request: Request, caller: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> Any:
    """Every edge, with where it comes from, and whether alerts are grouped by it."""
    now_ruling: Site = await house_of(request).site()
    async with house_of(request).store.begin() as conn:
        rows = await dependencies.page(conn, keep_s=now_ruling.learning.keep_s, rows=LEARNED_MAX)
    written = [
        {"service": name, "depends_on": other, "from": "file", "used": True}
        for name, service in sorted(now_ruling.services.items())
        for other in service.depends_on
    ]
    learned = [_learned(row, now_ruling) for row in rows]
    labels = dict(now_ruling.learning.labels)
    return {"services": sorted(now_ruling.services), "edges": written + learned, "labels": labels}


@router.put("/services", response_model=Imported, responses=documented(400, 401, 403, 422))
async def put_services(
    request: Request, caller: Annotated[Principal, Depends(needs(Role.ADMIN))], body: ServicesIn
) -> Any:
    """Take over services and dependencies, as a new version of the site; what else is described of them stays.

    Services that are not named here stay as they are.
    """
    async with house_of(request).store.begin() as conn:
        row = await site.newest(conn)
        merged = _with_services(row["body"] if row else {}, body.services)
        checked(merged)
        version, changed = await site.apply(conn, storable_value(merged), by=caller.actor)
    house_of(request).look_again()
    return {"version": version, "changed": changed, "services": len(body.services)}


def _with_services(now_ruling: Mapping[str, Any], given: Mapping[str, ServiceIn | None]) -> dict[str, Any]:
    services = dict(now_ruling.get("services") or {})
    for name, service in given.items():
        said = service or ServiceIn()
        kind = {"kind": said.kind} if said.kind is not None else {}
        services[name] = {**(services.get(name) or {}), **kind, "depends_on": list(said.depends_on)}
    return {**now_ruling, "services": services}


def _learned(row: Row, now_ruling: Site) -> dict[str, Any]:
    edge = Edge(row["service"], row["depends_on"])
    last_seen: datetime = row["last_seen"]
    expires_at = last_seen + timedelta(seconds=now_ruling.learning.keep_s)
    return {**row, "from": "labels", "used": not now_ruling.topology.overrules(edge), "expires_at": expires_at}
