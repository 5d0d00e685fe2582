"""Is this process alive, and is it ready? These routes need no key: they tell states, never details of the inside."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.access import house_of
from store import figures, leases, migrate
from store.pool import Store

CHECK_S = 3.0
FRESH_S = 2.0  # anyone may ask, so the database is asked at most this often
WORKER_SILENT_S_MAX = 15.0

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/health", tags=["system"])


@router.get("/live")
async def live() -> JSONResponse:
    """The loop answers."""
    return JSONResponse({"status": "live"})


@router.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """The database takes writes, the schema is ours, jobs are worked on; `model` is `none` if it runs without one."""
    readiness: Readiness = request.app.state.readiness
    failing = await readiness.failing()
    model = getattr(house_of(request).settings, "model", "") or "none"
    if failing:
        return JSONResponse({"status": "not_ready", "failing": failing, "model": model}, 503, {"Retry-After": "5"})
    return JSONResponse({"status": "ready", "failing": [], "model": model})


@dataclass
class Readiness:
    """The checks of this process, and their last result. `runs_jobs`: a worker must be seen too."""

    store: Store
    runs_jobs: bool = False
    _asked_at: float = -FRESH_S
    _failing: list[str] = field(default_factory=list)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def failing(self) -> list[str]:
        """The names of the checks that fail now, or failed less than FRESH_S ago."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= FRESH_S:
                checks = [self.database, self.schema, *([self.worker] if self.runs_jobs else [])]
                self._failing = [check.__name__ for check in checks if not await _passes(check)]
                self._asked_at = time.monotonic()
            return self._failing

    async def database(self) -> bool:
        """A row can be written."""
        async with self.store.begin() as conn:
            await leases.lead(conn, "readiness", "readiness", lease_s=FRESH_S)
        return True

    async def schema(self) -> bool:
        """The schema is the one that this program knows."""
        async with self.store.begin() as conn:
            return await figures.schema_number(conn) == migrate.files()[-1][0]

    async def worker(self) -> bool:
        """Some worker gives signs of life."""
        async with self.store.begin() as conn:
            return await figures.worker_is_alive(conn, silent_s_max=WORKER_SILENT_S_MAX)


async def _passes(check: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(CHECK_S):
            return await check()
    except Exception as error:
        log.warning("readiness.failed", check=getattr(check, "__name__", ""), error=repr(error))
        return False
