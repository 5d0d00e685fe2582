"""The site: what the operator described, as versions; the newest rules."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from pydantic import BaseModel

from api.access import Principal, Role, house_of, needs
from api.problems import documented
from core.errors import BadConfiguration, BadInput
from core.plain_text import storable_value
from core.site_form import read_site
from store import site

router = APIRouter(prefix="/api/v1", tags=["site"])
EXAMPLE = {"environment": "production", "services": {"checkout": {"kind": "http", "depends_on": ["payments"]}}}


class SiteVersion(BaseModel):
    """A version of the site, and whether it is new."""

    version: int
    changed: bool
    body: dict[str, Any]


@router.get("/site", response_model=SiteVersion, responses=documented(401, 403))
async def get_site(request: Request, caller: Annotated[Principal, Depends(needs(Role.OPERATOR))]) -> Any:
    """The site that rules now; version 0 before anybody described one."""
    async with house_of(request).store.begin() as conn:
        row = await site.newest(conn)
    return {"version": row["version"] if row else 0, "changed": False, "body": row["body"] if row else {}}


@router.put("/site", response_model=SiteVersion, responses=documented(400, 401, 403, 422))
async def put_site(
    request: Request,
    caller: Annotated[Principal, Depends(needs(Role.ADMIN))],
    body: Annotated[dict[str, Any], Body(examples=[EXAMPLE])],
) -> Any:
    """Describe the site anew, whole; a fault names its place and changes nothing. Open approvals see a new policy."""
    checked(body)
    async with house_of(request).store.begin() as conn:
        version, changed = await site.apply(conn, storable_value(body), by=caller.actor)
    house_of(request).look_again()
    return {"version": version, "changed": changed, "body": body}


def checked(body: dict[str, Any]) -> None:
    """Raises BadInput where it is no site: what a file at the start did wrong is here the caller's."""
    try:
        read_site(body, 0)
    except BadConfiguration as error:
        raise BadInput(error.detail) from None
