"""The worker: jobs, timers, sweeps, the rescue of stalled jobs, and the singletons that lead by a lease."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog
from procrastinate import App

from core.errors import NightshiftError
from engine.answering import sweep_threads
from engine.collector import Collector
from engine.evaluator import Evaluator
from engine.forgetting import forget_old
from engine.house import House
from engine.jobs import build_app
from engine.log_files import LogWatcher
from engine.quiet import Quiet
from engine.sweeping import sweep
from engine.voicing import sweep_chats
from store import aggregates, jobs, leases, samples
from store.pool import Store

log = structlog.get_logger(__name__)

CONCURRENCY = {"default": 8, "mind": 8, "hands": 8, "chat": 8, "voice": 4, "stream": 8}
"""Jobs of a queue that run at the same time."""
POLL_S = 0.5
TICK_S = 0.2
SWEEP_S = 1.0
CHATS_SWEEP_S = 5.0
HEARTBEAT_S = 2.0
STALLED_S = 8.0
FORGET_EVERY_S = 300.0
LEAD_S = 10.0
DRAIN_S = 20.0


Begin = Callable[[], Callable[[], Awaitable[None]]]
"""Makes what a leader does, anew each time that this process begins to lead."""


async def run_worker(house: House, singletons: Mapping[str, Begin] | None = None) -> None:
    """Work until cancelled; then finish what runs, and give the leases back.

    `singletons` by name come from the floor above: each runs in one process at a time, as those of the engine do.
    """
    app = build_app(house)
    async with app.open_async(), asyncio.TaskGroup() as group:
        # Procrastinate gives up where the database is away for long; this process does not.
        for queue in CONCURRENCY:
            group.create_task(_every(POLL_S, partial(_jobs, app, queue)))
        group.create_task(_every(TICK_S, lambda: _tick(house.store)))
        group.create_task(_every(SWEEP_S, lambda: sweep(house)))
        group.create_task(_every(SWEEP_S, lambda: sweep_threads(house)))
        group.create_task(_every(CHATS_SWEEP_S, lambda: sweep_chats(house)))
        group.create_task(_every(HEARTBEAT_S, lambda: _rescue(app)))
        group.create_task(_every(FORGET_EVERY_S, lambda: _forget(house)))
        group.create_task(_lead(house, "collector", lambda: Collector(house).run))
        group.create_task(_lead(house, "evaluator", lambda: Evaluator(house).run))
        group.create_task(_lead(house, "log files", lambda: LogWatcher(house).run))
        group.create_task(_lead(house, "quiet", lambda: Quiet(house).run))
        for name, begin in (singletons or {}).items():
            group.create_task(_lead(house, name, begin))
        group.create_task(_warm(house))


async def _jobs(app: App, queue: str) -> None:
    await app.run_worker_async(
        queues=[queue],
        concurrency=CONCURRENCY[queue],
        fetch_job_polling_interval=POLL_S,
        update_heartbeat_interval=HEARTBEAT_S,
        stalled_worker_timeout=STALLED_S,
        install_signal_handlers=False,
        delete_jobs="successful",
        shutdown_graceful_timeout=DRAIN_S,
    )


async def _tick(store: Store) -> None:
    async with store.begin() as conn:
        await jobs.take_due(conn)


async def _rescue(app: App) -> None:
    """Jobs of a dead worker block their lock: put them back. They are safe to repeat."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
        log.warning("job.rescued", job=job.task_name, id=job.id)
        try:
            await app.job_manager.retry_job(job)
        except Exception as error:  # one job that cannot be put back must not keep the others
            log.warning("job.not_rescued", job=job.task_name, id=job.id, error=repr(error))


async def _forget(house: House) -> None:
    site = await house.site()
    async with house.store.begin() as conn:
        await samples.forget(conn, older_than_s=site.timings.retention_s)
        await aggregates.forget(conn)
    await forget_old(house)


async def _warm(house: House) -> None:
    """Import the agent before the first incident needs it; where that fails, the first incident tries again."""
    try:
        await house.voices.warm((await house.site()).channels)
        await house.threads()
        await house.chats()
    except Exception as error:
        log.warning("agent.not_ready", error=repr(error))


async def _every(pause_s: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception as error:
            log.warning("loop.failed", error=repr(error))
            await asyncio.sleep(1.0)
        await asyncio.sleep(pause_s)


async def _lead(house: House, name: str, begin: Begin) -> None:
    """Work while this process holds the lease, begun anew each time; give the lease back at the end."""
    task: asyncio.Task[None] | None = None
    try:
        while True:
            leading = await _is_leading(house, name)
            if leading and (task is None or task.done()):
                task = asyncio.create_task(_every(0.0, begin()), name=name)
            elif not leading and task is not None:
                task.cancel()
                task = None
            await asyncio.sleep(LEAD_S / 4)
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with contextlib.suppress(NightshiftError):
                async with house.store.begin() as conn:
                    await leases.release(conn, name, house.owner)


async def _is_leading(house: House, name: str) -> bool:
    try:
        async with house.store.begin() as conn:
            return await leases.lead(conn, name, house.owner, lease_s=LEAD_S) is not None
    except Exception as error:  # whatever it is, it must not end the worker
        log.warning("lease.unreachable", name=name, error=repr(error))
        return False
