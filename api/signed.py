"""Senders that are named in the path and prove themselves: by the key of their source, a signature, or both.

A source with a secret takes only what is signed with it, key or not; one without a secret needs its key.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import Request

from api.access import (
    CHALLENGE,
    KEY_CACHE_S,
    KEYS_CACHED_MAX,
    LOOKUPS_AT_ONCE_MAX,
    Needs,
    Principal,
    Role,
    house_of,
)
from api.body import NotJson, read_json
from api.problems import Problem
from core.errors import NotFound
from ingest import sns
from ingest.signature import SignatureFault
from store import sources
from store.pool import Row, Store

Check = Callable[[Mapping[str, Any], Mapping[str, str], bytes, datetime], SignatureFault | None]
SAID = {
    SignatureFault.MISSING: "This delivery is not signed, and has no key of this source either.",
    SignatureFault.FORGED: "The signature does not fit this body and this source's secret.",
    SignatureFault.STALE: "The signature is too old, or the sender's clock is wrong.",
}


@dataclass(frozen=True, slots=True)
class Sender(Principal):
    """A source that has proven itself, with its settings."""

    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class KnownSources:
    """The settings of the last seconds, so that neither ingest nor strangers ask the database at every request."""

    store: Store
    clock: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, Row]] = field(default_factory=dict)
    _lookups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKUPS_AT_ONCE_MAX))

    async def named(self, name: str) -> Row | None:
        """A source that may send; what was changed counts after KEY_CACHE_S at most."""
        until, row = self._known.get(name, (0.0, {}))
        if until > self.clock():
            return row
        async with self._lookups, self.store.begin() as conn:
            found = await sources.by_name(conn, name)
        if found is not None:
            if len(self._known) >= KEYS_CACHED_MAX:
                self._known.clear()
            self._known[name] = (self.clock() + KEY_CACHE_S, found)
        return found


class Signed(Needs):
    """A FastAPI dependency: the source `name` of one kind."""

    def __init__(self, kind: str, check: Check | None = None) -> None:
        super().__init__(Role.MACHINE, (kind,))
        self.kind, self.check = kind, check

    async def __call__(self, request: Request, name: str) -> Sender:  # type: ignore[override]
        """The sender. Raises 401 without a proof, 403 with the key of another source."""
        caller = await super().__call__(request) if "authorization" in request.headers else None
        source = await known_sources(request).named(name)
        if source is None or source["kind"] != self.kind:
            if caller is None:
                raise self._refusal(SignatureFault.MISSING)  # a stranger is not told which sources there are
            make = f"Make it: POST /api/v1/sources with this name and kind `{self.kind}`."
            raise NotFound(f"There is no {self.kind} source {name[:80]!r}. {make}")
        if caller is not None and caller.id != source["id"]:
            said = f"This key belongs to the source {caller.name!r}; use the key of {name!r}."
            raise Problem(403, said, reason="other_source")
        if fault := await self.fault(request, source["settings"], has_key=caller is not None):
            request.app.state.figures.refused.labels(name, fault).inc()
            raise self._refusal(fault)
        return Sender("source", source["id"], source["name"], Role.MACHINE, self.kind, settings=source["settings"])

    async def fault(self, request: Request, settings: Mapping[str, Any], *, has_key: bool) -> SignatureFault | None:
        """Why this delivery is not believed; None where it is."""
        if self.check is not None and settings.get("secret"):
            return self.check(settings, request.headers, await request.body(), datetime.now(UTC))
        return None if has_key else SignatureFault.MISSING

    def _refusal(self, fault: SignatureFault) -> Problem:
        return Problem(401, SAID[fault], headers=CHALLENGE, reason=fault)


class SignedByAmazon(Signed):
    """The same for Amazon SNS, which signs with a certificate of its own; with raw delivery it needs the key."""

    async def fault(self, request: Request, settings: Mapping[str, Any], *, has_key: bool) -> SignatureFault | None:
        """Why this message is not believed; None where it is."""
        try:
            message = read_json(await request.body())
        except NotJson:
            message = None
        if isinstance(message, dict) and message.get("Type") in sns.TYPES:
            topics = settings.get("topics")
            return await amazon_of(request).fault(
                message, topics if isinstance(topics, list) else [], datetime.now(UTC)
            )
        return None if has_key else SignatureFault.MISSING


def known_sources(request: Request) -> KnownSources:
    """The sources that this application remembers."""
    state = request.app.state
    if not hasattr(state, "sources"):
        state.sources = KnownSources(house_of(request).store)
    known: KnownSources = state.sources
    return known


def amazon_of(request: Request) -> sns.Amazon:
    """This application's way to Amazon."""
    state = request.app.state
    if not hasattr(state, "amazon"):
        state.amazon = sns.Amazon()
    amazon: sns.Amazon = state.amazon
    return amazon
