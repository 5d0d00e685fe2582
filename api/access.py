"""Who is calling, and may they: keys, roles, and the answer kept for a repeated request.

A key comes as `Authorization: Bearer ns_...` or as the password of HTTP basic (Alertmanager and Prometheus send that),
never in the query. Each route says which role it needs: `Depends(needs(Role.VIEWER))`.
"""

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from api.problems import Problem
from store import idempotency, people
from store.pool import Connection, Row, Store

KEY = re.compile(r"ns_[A-Za-z0-9_-]{43}")
KEY_CACHE_S = 5.0
CONNECTION_WAIT_S = 3.0
KEYS_CACHED_MAX = 10_000
LOOKUPS_AT_ONCE_MAX = 4  # so that callers without a key cannot take every connection of the pool
IDEMPOTENCY_KEY_CHARS_MAX = 200
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="nightshift"'}
SOURCE_KINDS = (
    *("alertmanager", "generic", "changes", "metrics", "grafana", "sentry", "signoz", "datadog", "cloudwatch"),
    *("github", "gitlab", "argocd", "exceptions"),
)


class Role(StrEnum):
    """What a key may do; each role may do what those before it may, except the machine, which stands apart."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"
    MACHINE = "machine"

    def covers(self, needed: "Role") -> bool:
        """May a person of this role do what `needed` may?"""
        return self in LADDER and needed in LADDER and LADDER.index(self) >= LADDER.index(needed)


LADDER = (Role.VIEWER, Role.RESPONDER, Role.APPROVER, Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who holds the key: `kind` is person or source; `source_kind` is set for a source."""

    kind: str
    id: UUID
    name: str
    role: Role
    source_kind: str | None = None

    @property
    def actor(self) -> str:
        """How timeline and audit name the caller."""
        return f"{self.kind}:{self.name}"


@dataclass
class KnownKeys:
    """The good keys of the last seconds, so that ingest does not ask the database at every request."""

    store: Store
    clock: Callable[[], float] = time.monotonic
    _known: dict[bytes, tuple[float, Principal]] = field(default_factory=dict)
    _lookups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKUPS_AT_ONCE_MAX))

    async def principal(self, key: str) -> Principal | None:
        """Who holds this key; None where nobody does. A revoked key works for at most KEY_CACHE_S more."""
        digest = people.digest(key)
        if found := self._fresh(digest):
            return found
        async with self._lookups:
            if found := self._fresh(digest):  # another request asked while this one waited
                return found
            async with self.store.begin(wait_s=CONNECTION_WAIT_S) as conn:
                row = await people.holder(conn, key)
        if row is None:
            return None
        if len(self._known) >= KEYS_CACHED_MAX:
            self._known.clear()
        principal = _principal(row)
        self._known[digest] = (self.clock() + KEY_CACHE_S, principal)
        return principal

    def fresh(self, key: str) -> Principal | None:
        """Who holds this key, if that was asked in the last seconds."""
        return self._fresh(people.digest(key))

    def _fresh(self, digest: bytes) -> Principal | None:
        until, principal = self._known.get(digest, (0.0, None))
        return principal if until > self.clock() else None


class Needs:
    """A FastAPI dependency: the caller, if they have the role or are a machine of one of the kinds."""

    def __init__(self, role: Role, kinds: tuple[str, ...]) -> None:
        self.role, self.kinds = role, kinds

    async def __call__(self, request: Request) -> Principal:
        """The caller. Raises 401 without a valid key and 403 without the role."""
        key = key_of(request.headers.get("authorization", ""))
        keys: KnownKeys = request.app.state.keys
        principal = await keys.principal(key) if key else None
        if principal is None:
            said = (
                "This key is not valid (any more)." if key else "This route needs a key: Authorization: Bearer ns_..."
            )
            raise Problem(401, said, headers=CHALLENGE)
        if not self.allows(principal):
            raise Problem(403, self._missing(principal), reason="role_missing")
        return principal

    def allows(self, principal: Principal) -> bool:
        """Does this caller have what the route needs?"""
        if principal.kind == "source":
            return principal.source_kind in self.kinds
        return principal.role.covers(self.role)

    def __str__(self) -> str:
        wanted = [f"the role {self.role}"] if self.role in LADDER else []
        return " or ".join(wanted + [f"the key of a source of kind {kind}" for kind in self.kinds])

    def _missing(self, caller: Principal) -> str:
        have = f"a source of kind {caller.source_kind}" if caller.kind == "source" else f"the role {caller.role}"
        return f"This needs {self}; this key has {have}."


def needs(role: Role, *kinds: str) -> Needs:
    """What a route needs: a person of at least this role, or (where named) a source of one of these kinds."""
    return Needs(role, kinds)


def house_of(request: Request) -> Any:
    """The open house (engine.house.House) that this application serves."""
    return request.app.state.house


def key_of(authorization: str) -> str | None:
    """The key in an Authorization header, None where there is none that looks like one of ours."""
    scheme, _, rest = authorization.partition(" ")
    text = rest.strip()
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(text, validate=True).decode().partition(":")[2]
        except ValueError:
            return None
    elif scheme.lower() != "bearer":
        return None
    return text if KEY.fullmatch(text) else None


Work = Callable[[], Awaitable[tuple[int, Any]]]


async def once(
    request: Request, principal: Principal, conn: Connection, work: Work, *, secret: tuple[str, ...] = ()
) -> Response:
    """Run `work` (it gives status and JSON body) at most once for each `Idempotency-Key` of a caller.

    Same key and same request: the first answer again. Same key, other request: 422. Without the header it just runs.
    `conn` must be the transaction that `work` writes in. Members named in `secret` are shown once and never kept.
    """
    key = request.headers.get("idempotency-key", "")
    if not key:
        status, body = await work()
        return JSONResponse(body, status)
    if len(key) > IDEMPOTENCY_KEY_CHARS_MAX:
        raise Problem(422, f"An Idempotency-Key has at most {IDEMPOTENCY_KEY_CHARS_MAX} characters.")
    asked = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + await request.body()).hexdigest()
    who = f"{principal.kind}:{principal.id}"
    first = await idempotency.begin(conn, who, key, asked)
    if first is None:
        status, body = await work()
        kept = {name: value for name, value in body.items() if name not in secret} if secret else body
        await idempotency.finish(conn, who, key, status, kept)
        return JSONResponse(body, status)
    if first["request_hash"] != asked:
        raise Problem(422, "This Idempotency-Key was used for another request; use a new one.", reason="key_reused")
    if first["status"] is None:
        raise Problem(409, "The first request with this Idempotency-Key has no answer yet; ask again.")
    return JSONResponse(first["body"], first["status"], {"Idempotency-Replayed": "true"})


def _principal(row: Row) -> Principal:
    role = Role(row["role"])
    return Principal(row["kind"], row["id"], row["name"], role, row["source_kind"])
