"""Who is calling, and may they: keys, sessions, roles, and the answer kept for a repeated request.

A key comes as `Authorization: Bearer ns_...` or as the password of HTTP basic (Alertmanager and Prometheus send that),
never in the query; a person who logged in has a cookie instead. Each route says which role it needs:
`Depends(needs(Role.VIEWER))`. The few that need none are in `OPEN_PATHS`; an application with any other does not start.
"""

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from api import cookies
from api.problems import Problem
from core.role import LADDER as LADDER
from core.role import Role as Role
from store import idempotency, people, sessions
from store.pool import Connection, Store

KEY = re.compile(r"ns_[A-Za-z0-9_-]{43}")
KEY_CACHE_S = 5.0
CONNECTION_WAIT_S = 3.0
KEYS_CACHED_MAX = 10_000
LOOKUPS_AT_ONCE_MAX = 4  # so that callers without a key cannot take every connection of the pool
IDEMPOTENCY_KEY_CHARS_MAX = 200
OPEN_PATHS = frozenset(
    {
        *("/health/live", "/health/ready", "/openapi.json", "/docs"),
        *("/api/v1/auth/login", "/api/v1/auth/enrol"),
        *("/api/v1/chat/slack/{channel}", "/api/v1/chat/telegram/{channel}"),  # by the platform's own proof
    }
)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="nightshift"'}
SOURCE_KINDS = (
    *("alertmanager", "generic", "changes", "metrics", "grafana", "sentry", "signoz", "datadog", "cloudwatch"),
    *("github", "gitlab", "argocd", "exceptions"),
)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: `kind` is person or source; `source_kind` is set for a source, `session_id` for who logged in."""

    kind: str
    id: UUID
    name: str
    role: Role
    source_kind: str | None = None
    session_id: UUID | None = None

    @property
    def actor(self) -> str:
        """How timeline and audit name the caller."""
        return f"{self.kind}:{self.name}"


@dataclass
class KnownKeys:
    """Who holds a key or a session; the good keys of sources are kept for seconds, so that ingest need not ask.

    Those of persons are asked for at every request: what is taken from a person ends at once.
    """

    store: Store
    clock: Callable[[], float] = time.monotonic
    _known: dict[bytes, tuple[float, Principal]] = field(default_factory=dict)
    _lookups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKUPS_AT_ONCE_MAX))

    async def principal(self, key: str) -> Principal | None:
        """Who holds this key; None where nobody does. A source's revoked key works for at most KEY_CACHE_S more."""
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
        principal = Principal(row["kind"], row["id"], row["name"], Role(row["role"]), row["source_kind"])
        if principal.kind == "source":
            if len(self._known) >= KEYS_CACHED_MAX:
                self._known.clear()
            self._known[digest] = (self.clock() + KEY_CACHE_S, principal)
        return principal

    async def in_session(self, token: str) -> Principal | None:
        """Who logged in and got this token; None where their session is over."""
        async with self._lookups, self.store.begin(wait_s=CONNECTION_WAIT_S) as conn:
            row = await sessions.holder(conn, token)
        if row is None:
            return None
        return Principal("person", row["id"], row["name"], Role(row["role"]), session_id=row["session_id"])

    async def still(self, caller: Principal) -> bool:
        """May somebody who was let in a while ago stay? Asked by what goes on for long, such as a stream."""
        async with self._lookups, self.store.begin(wait_s=CONNECTION_WAIT_S) as conn:
            return caller.kind == "source" or await sessions.still(conn, caller.id, caller.session_id)

    def fresh(self, key: str) -> Principal | None:
        """Which source holds this key, if that was asked in the last seconds."""
        return self._fresh(people.digest(key))

    def _fresh(self, digest: bytes) -> Principal | None:
        until, principal = self._known.get(digest, (0.0, None))
        return principal if until > self.clock() else None


class Needs:
    """A FastAPI dependency: the caller, if they have the role or are a machine of one of the kinds."""

    def __init__(self, role: Role, kinds: tuple[str, ...]) -> None:
        self.role, self.kinds = role, kinds

    async def __call__(self, request: Request) -> Principal:
        """The caller. Raises 401 without a valid key or session, and 403 without the role."""
        principal = await _caller(request)
        if not self.allows(principal):
            raise Problem(403, self._missing(principal), reason="role_missing")
        return principal

    def allows(self, principal: Principal) -> bool:
        """Does this caller have what the route needs?"""
        if principal.kind == "source":
            return principal.source_kind in self.kinds
        return principal.role.covers(self.role)

    def __str__(self) -> str:
        wanted = [] if self.role is Role.MACHINE else [f"the role {self.role}"]
        return " or ".join(wanted + [f"the key of a source of kind {kind}" for kind in self.kinds])

    def _missing(self, caller: Principal) -> str:
        have = f"a source of kind {caller.source_kind}" if caller.kind == "source" else f"the role {caller.role}"
        return f"This needs {self}; this {'session' if caller.session_id else 'key'} has {have}."


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


async def _caller(request: Request) -> Principal:
    known: KnownKeys = request.app.state.keys
    given = request.headers.get("authorization", "")
    key, token = key_of(given), None if given else cookies.token_of(request)
    if token is not None:
        principal = await known.in_session(token)
        if principal is None:
            raise Problem(401, "This session is over; log in again.", headers=CHALLENGE, reason="session_over")
        cookies.check_csrf(request, token)
        return principal
    principal = await known.principal(key) if key else None
    if principal is None:
        said = "This key is not valid (any more)." if key else "This route needs a key: Authorization: Bearer ns_..."
        raise Problem(401, said, headers=CHALLENGE)
    return principal
