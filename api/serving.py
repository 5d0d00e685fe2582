"""Running the house: HTTP, the worker, or both, until a signal; then everything is closed in reverse."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from api.connection import Connection
from api.receivers import singletons
from core.errors import BadConfiguration, NightshiftError
from engine.heartbeats import stay_reachable
from engine.house import House, bring_up_to_date, open_house
from engine.settings import Settings, read_settings
from engine.worker import run_worker

if TYPE_CHECKING:
    from fastapi import FastAPI

DRAIN_S = 10
GC_THRESHOLDS = (20_000, 20, 20)
BACKLOG = 2048


PARTS = {"up": ("serve", "worker"), "serve": ("serve",), "worker": ("worker",), "migrate": ()}


def run(what: str, **given: Any) -> int:
    """Open the house and run its parts; the exit code. A fault is one line that says what to do."""
    try:
        settings = read_settings(**given)
        _log_to_stderr(settings.log_level)
        if what in ("serve", "worker", "migrate") and not (settings.database_url or settings.database_owner_url):
            raise BadConfiguration(f"`nightshift {what}` needs DATABASE_URL. For a first look use: nightshift up")
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(settings, PARTS[what]))
    except NightshiftError as error:
        print(f"nightshift: {error.detail}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The quicker event loop where there is one for this platform."""
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


async def _run(settings: Settings, parts: Sequence[str]) -> None:
    if not parts:
        await bring_up_to_date(settings)
        print("The database is at this version.")
        return
    listener = _listen(settings) if "serve" in parts else None
    with contextlib.closing(listener) if listener else contextlib.nullcontext():
        async with open_house(settings) as house:
            await _work(house, parts, listener)


async def _work(house: House, parts: Sequence[str], listener: socket.socket | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(house.intake.run(), name="intake")]
    server = _server(house, runs_jobs="worker" in parts) if listener else None
    if server and listener:
        tasks.append(asyncio.create_task(server.serve([listener]), name="serve"))
        tasks.append(asyncio.create_task(stay_reachable(house), name="reachable"))
        tasks.append(asyncio.create_task(server.watch_chats(), name="chats"))
    if "worker" in parts:
        tasks.append(asyncio.create_task(run_worker(house, singletons(house)), name="worker"))
    waiter = asyncio.create_task(stop.wait(), name="stop")
    # What is there now stays: looking through it again and again for garbage would stop every request for a moment.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    if listener:
        _welcome(house, listener)
    done, _ = await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if server:
        # Requests under way end first; the intake goes on until their alerts are stored.
        server.drain()
        await asyncio.wait([task for task in tasks if task.get_name() == "serve"], timeout=DRAIN_S)
    for task in [waiter, *tasks]:
        task.cancel()
    await asyncio.gather(waiter, *tasks, return_exceptions=True)
    if server:
        await server.close()
    for task in done - {waiter}:
        if not task.cancelled() and (error := task.exception()):
            raise error


def _listen(settings: Settings) -> socket.socket:
    """Bind before anything else starts, so that a taken port is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise BadConfiguration(
            f"{settings.host}:{settings.port} cannot be used ({error.strerror}): choose another with --port."
        ) from error
    return listener


class _Server(uvicorn.Server):
    """Uvicorn without handlers of its own for signals: this process has one, and it is not uvicorn's."""

    def __init__(self, app: "FastAPI") -> None:
        self._state = app.state
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                http=Connection,
                timeout_graceful_shutdown=DRAIN_S,
                timeout_keep_alive=75,
                server_header=False,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    def drain(self) -> None:
        """Let streams end, so that nobody waits for their readers, then finish what is under way."""
        self._state.draining = True
        self.should_exit = True

    async def watch_chats(self) -> None:
        """Be ready for chats that post to us, as the site describes them."""
        await self._state.slack.watch()

    async def close(self) -> None:
        """Finish what chats were told is under way."""
        await self._state.slack.close()


def _server(house: House, *, runs_jobs: bool) -> _Server:
    from api.app import build_app

    return _Server(build_app(house, runs_jobs=runs_jobs))


def _welcome(house: House, listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"Nightshift is ready at http://{shown}:{port}  (API docs: /docs)", flush=True)
    if house.first_key:
        print(f"First admin's key, shown only now: {house.first_key}", flush=True)


def _log_to_stderr(level: str) -> None:
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)
