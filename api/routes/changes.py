"""Change events, to read: what was deployed, rolled back, restarted, and when."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import StringConstraints

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from api.routes.page import GivenMoment
from store import changes

router = APIRouter(prefix="/api/v1/changes", tags=["changes"])
LOOK_BACK = timedelta(days=1)
SERVICES_MAX = 50
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Name = Annotated[str, StringConstraints(max_length=200)]


@router.get("", responses=documented(400, 401, 403, 422, 503))
async def list_changes(
    request: Request,
    caller: Viewer,
    environment: Name | None = None,
    service: Annotated[list[Name] | None, Query(max_length=SERVICES_MAX)] = None,
    start: GivenMoment | None = None,
    end: GivenMoment | None = None,
) -> dict[str, Any]:
    """Up to 100 changes, newest first: of the site's environment and services where none are named, of the last day.

    The next page: ask again with `end` = the last `at`.
    """
    house = house_of(request)
    site = await house.site()
    to = end or datetime.now(UTC)
    since = start or max(to, datetime.min.replace(tzinfo=UTC) + LOOK_BACK) - LOOK_BACK
    async with house.store.begin() as conn:
        rows = await changes.between(conn, environment or site.environment, service or list(site.services), since, to)
    return {"changes": rows, "start": since, "end": to}
