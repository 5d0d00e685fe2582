"""Sources: the senders of alerts and changes, and whoever reads `/metrics`. Each has one key, shown once."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from core.errors import BadInput
from core.plain_text import storable_value
from ingest import generic
from store import people, sources
from store.pool import Row

router = APIRouter(prefix="/api/v1/sources", tags=["access"])
SETTINGS_ENTRIES_MAX = 8
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]


class NewSource(BaseModel):
    """What a source is made of. `mapping` is for the generic kind only."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
    kind: Literal["alertmanager", "generic", "changes", "metrics"]
    mapping: Annotated[dict[str, Any] | None, Field(max_length=16)] = None


@router.get("", responses=documented(401, 403, 503))
async def list_sources(request: Request, caller: Operator) -> dict[str, Any]:
    """All sources, without their keys."""
    async with house_of(request).store.begin() as conn:
        return {"sources": [_shown(row) for row in await people.sources(conn)]}


@router.post("", status_code=201, responses=documented(400, 401, 403, 422, 503))
async def add_source(request: Request, caller: Admin, wanted: NewSource) -> Response:
    """A new source; its `key` is in this answer and nowhere else."""
    mapping = storable_value(wanted.mapping)
    if mapping is not None and wanted.kind != "generic":
        raise BadInput("Only a source of kind `generic` has a `mapping`.")
    generic.read_mapping(mapping)
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            source_id = await people.add_source(conn, wanted.name, wanted.kind, by=caller.actor)
            if mapping is not None:
                await sources.configure(conn, source_id, {"mapping": mapping})
            key = people.new_key()
            await people.add_key(conn, key, source=source_id)
            return 201, {"id": str(source_id), "name": wanted.name, "kind": wanted.kind, "key": key}

        return await once(request, caller, conn, work, secret=("key",))


def _shown(row: Row) -> dict[str, Any]:
    source_id: UUID = row["id"]
    return {
        "id": source_id,
        "name": row["name"],
        "kind": row["kind"],
        "settings": row["settings"],
        "created_at": row["created_at"],
        "disabled_at": row["disabled_at"],
    }
