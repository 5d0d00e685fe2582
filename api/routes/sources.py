"""Sources: the senders of alerts and changes, and whoever reads `/metrics`. Each key is shown once."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field

from api.access import Principal, Role, house_of, needs, once
from api.problems import documented
from core.errors import BadInput, NotFound
from core.plain_text import storable, storable_value
from core.staleness import PROMISE_S_MAX
from ingest import generic
from store import people, sources
from store.pool import Row

router = APIRouter(prefix="/api/v1/sources", tags=["access"])
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]
Name = Annotated[str, Path(max_length=63)]

SHORT_TEXT = Field(min_length=1, max_length=200)
HEADER = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
TOPIC = Field(pattern=r"^arn:aws[a-z-]{0,12}:sns:[a-z0-9-]{1,32}:[0-9]{12}:[A-Za-z0-9_.-]{1,256}$")
LABEL_NAME = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
REPEAT_S = Field(
    strict=True, ge=1, le=PROMISE_S_MAX, description="How often it repeats what fires; nothing is stale without it."
)
_REPEAT = frozenset({"repeat_interval_s"})
_HMAC = frozenset({"secret", "signature_header", "timestamp_header"})
_CHANGES = frozenset({"service", "environment", "environments"})
# What the sources of each kind may be set up with; and what they cannot do without.
SETTINGS: dict[str, frozenset[str]] = {
    "alertmanager": _REPEAT,
    "changes": frozenset(),
    "metrics": frozenset(),
    "generic": _HMAC | _REPEAT | {"mapping", "labels"},
    "grafana": _HMAC | _REPEAT | {"labels"},
    "sentry": frozenset({"secret", "labels"}),
    "signoz": _REPEAT | {"labels"},
    "datadog": _REPEAT | {"labels"},
    "cloudwatch": frozenset({"topics", "labels"}),
    "exceptions": frozenset({"labels"}),
    "github": _CHANGES | {"secret"},
    "gitlab": _CHANGES | {"secret"},
    "argocd": _CHANGES,
}
NEEDED = {"github": "secret", "gitlab": "secret", "cloudwatch": "topics"}
SECRETS = frozenset({"secret"})
OVERLAP_S, OVERLAP_S_MAX = 86_400.0, 30 * 86_400.0


class Settings(BaseModel):
    """What a source is set up with; which of it one may have depends on its kind."""

    model_config = ConfigDict(extra="forbid")

    mapping: Annotated[dict[str, Any] | None, Field(max_length=16)] = None
    labels: Annotated[dict[Annotated[str, LABEL_NAME], Annotated[str, SHORT_TEXT]] | None, Field(max_length=16)] = None
    secret: Annotated[str | None, Field(min_length=16, max_length=512)] = None
    signature_header: Annotated[str | None, HEADER] = None
    timestamp_header: Annotated[str | None, HEADER] = None
    topics: Annotated[list[Annotated[str, TOPIC]] | None, Field(min_length=1, max_length=32)] = None
    repeat_interval_s: Annotated[float | None, REPEAT_S] = None
    service: Annotated[str | None, SHORT_TEXT] = None
    environment: Annotated[str | None, SHORT_TEXT] = None
    environments: Annotated[
        dict[Annotated[str, SHORT_TEXT], Annotated[str, SHORT_TEXT]] | None, Field(max_length=32)
    ] = None

    def settings_of(self, kind: str, kept: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What is kept. Raises BadInput where the kind has no such setting, or cannot do without one.

        `kept`: the secrets that it has; nobody can read them back, so they stay unless they are named.
        """
        given = self.model_dump(exclude={"name", "kind"}, exclude_none=True)
        given = {**{name: text for name, text in (kept or {}).items() if name not in self.model_fields_set}, **given}
        if odd := sorted(given.keys() - SETTINGS[kind]):
            kinds = [kind for kind, names in SETTINGS.items() if odd[0] in names]
            kinds_said = " or ".join(f"`{kind}`" for kind in kinds)
            raise BadInput(f"Only a source of kind {kinds_said} has a `{odd[0]}`.")
        if (needed := NEEDED.get(kind)) and needed not in given:
            raise BadInput(f"A source of kind `{kind}` needs `{needed}`.")
        if ("signature_header" in given or "timestamp_header" in given) and "secret" not in given:
            raise BadInput("Headers of a signature need the `secret` that it is made with.")
        storable: dict[str, Any] = storable_value(given)
        return storable


class NewSource(Settings):
    """What a source is made of."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
    kind: Literal[
        "alertmanager", "generic", "changes", "metrics", "grafana", "sentry", "signoz", "datadog", "cloudwatch",
        "github", "gitlab", "argocd", "exceptions",
    ]  # fmt: skip


class Rotation(BaseModel):
    """For how long the keys that there are work on beside the new one."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: float = Field(OVERLAP_S, strict=True, ge=0, le=OVERLAP_S_MAX, description="0: they end at once.")


@router.get("", responses=documented(401, 403, 503))
async def list_sources(request: Request, caller: Operator) -> dict[str, Any]:
    """All sources, without their keys and secrets."""
    async with house_of(request).store.begin() as conn:
        return {"sources": [_shown(row) for row in await people.sources(conn)]}


@router.post("", status_code=201, responses=documented(400, 401, 403, 422, 503))
async def add_source(request: Request, caller: Admin, wanted: NewSource) -> Response:
    """A new source; its `key` is in this answer and nowhere else."""
    settings = wanted.settings_of(wanted.kind)
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


class RepeatInterval(BaseModel):
    """How often a source repeats what fires, in seconds; null where nobody knows."""

    model_config = ConfigDict(extra="forbid")

    repeat_interval_s: Annotated[float | None, REPEAT_S]


@router.put("/{name}/repeat-interval", responses=documented(401, 403, 404, 409, 422, 503))
async def set_repeat_interval(request: Request, caller: Admin, name: str, wanted: RepeatInterval) -> dict[str, Any]:
    """Say how often a source repeats what fires; what it does not repeat in time is shown as unknown."""
    async with house_of(request).store.begin() as conn:
        row = await sources.by_name(conn, name) if storable(name) == name else None
        if row is None:
            raise NotFound("There is no such source. List them with: nightshift sources")
        if "repeat_interval_s" not in SETTINGS[row["kind"]]:
            raise BadInput(f"A source of kind `{row['kind']}` does not repeat what fires.")
        return {"name": name, **await sources.set_repeat(conn, row, wanted.repeat_interval_s, by=caller.actor)}


@router.get("/{name}", responses=documented(401, 403, 404, 503))
async def get_source(request: Request, caller: Operator, name: Name) -> dict[str, Any]:
    """One source, and which keys open it: their last characters, and when each ends."""
    async with house_of(request).store.begin() as conn:
        row = await sources.get(conn, storable(name))
        return {**_shown(row), "keys": await sources.keys(conn, row["id"])}


@router.put("/{name}", responses=documented(400, 401, 403, 404, 422, 503))
async def change_source(request: Request, caller: Admin, name: Name, wanted: Settings) -> dict[str, Any]:
    """Set it up anew, whole. Its kind, name and key stay; so does a secret that is not named, and null removes it."""
    async with house_of(request).store.begin() as conn:
        row = await sources.get(conn, storable(name))
        kept = {one: text for one, text in row["settings"].items() if one in SECRETS}
        settings = wanted.settings_of(row["kind"], kept)
        generic.read_mapping(settings.get("mapping"))
        await sources.change(conn, row, settings, by=caller.actor)
        return _shown(await sources.get(conn, row["name"]))


@router.post("/{name}/rotate", status_code=201, responses=documented(400, 401, 403, 404, 422, 503))
async def rotate_key(request: Request, caller: Admin, name: Name, wanted: Rotation) -> Response:
    """A new key, which is in this answer and nowhere else; those that there are work on for a while."""
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            row = await sources.get(conn, storable(name))
            await sources.end_keys(conn, row, overlap_s=wanted.overlap_s, by=caller.actor)
            key = people.new_key()
            await people.add_key(conn, key, source=row["id"])
            return 201, {"id": str(row["id"]), "name": row["name"], "kind": row["kind"], "key": key}

        return await once(request, caller, conn, work, secret=("key",))


@router.post("/{name}/disable", responses=documented(401, 403, 404, 503))
async def disable_source(request: Request, caller: Admin, name: Name) -> Response:
    """Take nothing of it any more; what came stays. Doing it twice changes nothing."""
    return await _set_disabled(request, caller, name, True)


@router.post("/{name}/enable", responses=documented(401, 403, 404, 503))
async def enable_source(request: Request, caller: Admin, name: Name) -> Response:
    """Take what it sends again, under the keys that it has. Doing it twice changes nothing."""
    return await _set_disabled(request, caller, name, False)


async def _set_disabled(request: Request, caller: Principal, name: str, disabled: bool) -> Response:
    async with house_of(request).store.begin() as conn:

        async def work() -> tuple[int, Any]:
            row = await sources.get(conn, storable(name))
            await sources.set_disabled(conn, row, disabled, by=caller.actor)
            return 200, jsonable_encoder(_shown(await sources.get(conn, row["name"])))

        return await once(request, caller, conn, work)


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
