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
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]

SHORT_TEXT = Field(min_length=1, max_length=200)
HEADER = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
TOPIC = Field(pattern=r"^arn:aws[a-z-]{0,12}:sns:[a-z0-9-]{1,32}:[0-9]{12}:[A-Za-z0-9_.-]{1,256}$")
LABEL_NAME = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
_HMAC = frozenset({"secret", "signature_header", "timestamp_header"})
_CHANGES = frozenset({"service", "environment", "environments"})
# What the sources of each kind may be set up with; and what they cannot do without.
SETTINGS: dict[str, frozenset[str]] = {
    "alertmanager": frozenset(),
    "changes": frozenset(),
    "metrics": frozenset(),
    "generic": _HMAC | {"mapping", "labels"},
    "grafana": _HMAC | {"labels"},
    "sentry": frozenset({"secret", "labels"}),
    "signoz": frozenset({"labels"}),
    "datadog": frozenset({"labels"}),
    "cloudwatch": frozenset({"topics", "labels"}),
    "exceptions": frozenset({"labels"}),
    "github": _CHANGES | {"secret"},
    "gitlab": _CHANGES | {"secret"},
    "argocd": _CHANGES,
}
NEEDED = {"github": "secret", "gitlab": "secret", "cloudwatch": "topics"}
SECRETS = frozenset({"secret"})


class NewSource(BaseModel):
    """What a source is made of; which settings it may have depends on its kind."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
    kind: Literal[
        "alertmanager", "generic", "changes", "metrics", "grafana", "sentry", "signoz", "datadog", "cloudwatch",
        "github", "gitlab", "argocd", "exceptions",
    ]  # fmt: skip
    mapping: Annotated[dict[str, Any] | None, Field(max_length=16)] = None
    labels: Annotated[dict[Annotated[str, LABEL_NAME], Annotated[str, SHORT_TEXT]] | None, Field(max_length=16)] = None
    secret: Annotated[str | None, Field(min_length=16, max_length=512)] = None
    signature_header: Annotated[str | None, HEADER] = None
    timestamp_header: Annotated[str | None, HEADER] = None
    topics: Annotated[list[Annotated[str, TOPIC]] | None, Field(min_length=1, max_length=32)] = None
    service: Annotated[str | None, SHORT_TEXT] = None
    environment: Annotated[str | None, SHORT_TEXT] = None
    environments: Annotated[
        dict[Annotated[str, SHORT_TEXT], Annotated[str, SHORT_TEXT]] | None, Field(max_length=32)
    ] = None

    def settings(self) -> dict[str, Any]:
        """What is kept. Raises BadInput where the kind has no such setting, or cannot do without one."""
        given = self.model_dump(exclude={"name", "kind"}, exclude_none=True)
        if odd := sorted(given.keys() - SETTINGS[self.kind]):
            kinds = [kind for kind, names in SETTINGS.items() if odd[0] in names]
            kinds_said = " or ".join(f"`{kind}`" for kind in kinds)
            raise BadInput(f"Only a source of kind {kinds_said} has a `{odd[0]}`.")
        if (needed := NEEDED.get(self.kind)) and needed not in given:
            raise BadInput(f"A source of kind `{self.kind}` needs `{needed}`.")
        if ("signature_header" in given or "timestamp_header" in given) and "secret" not in given:
            raise BadInput("Headers of a signature need the `secret` that it is made with.")
        storable: dict[str, Any] = storable_value(given)
        return storable


@router.get("", responses=documented(401, 403, 503))
async def list_sources(request: Request, caller: Operator) -> dict[str, Any]:
    """All sources, without their keys and secrets."""
    async with house_of(request).store.begin() as conn:
        return {"sources": [_shown(row) for row in await people.sources(conn)]}


@router.post("", status_code=201, responses=documented(400, 401, 403, 422, 503))
async def add_source(request: Request, caller: Admin, wanted: NewSource) -> Response:
    """A new source; its `key` is in this answer and nowhere else."""
    settings = wanted.settings()
    generic.read_mapping(settings.get("mapping"))
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            source_id = await people.add_source(conn, wanted.name, wanted.kind, by=caller.actor)
            if settings:
                await sources.configure(conn, source_id, settings)
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
        "settings": {name: value for name, value in row["settings"].items() if name not in SECRETS},
        "signed": bool(SECRETS & row["settings"].keys()),
        "created_at": row["created_at"],
        "disabled_at": row["disabled_at"],
    }
