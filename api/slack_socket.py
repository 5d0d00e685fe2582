"""Socket Mode: Slack reaches us over a connection that we open, so no address of ours is needed. One process leads."""

import asyncio
import importlib
import os
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

import structlog

from api.slack_apps import SOCKET, SlackApp, apps_of
from core.errors import NightshiftError
from engine.house import House

if TYPE_CHECKING:
    from api.slack import SlackDoor

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
PING_S = 1.0
PAUSE_S_MAX = 60.0
SILENT_S = 60.0
"""The library comes back by itself; where it has not for so long, it is begun anew."""


@dataclass
class Socket:
    """One app that is connected, or waits until it tries again."""

    door: "SlackDoor | None" = None
    failures: int = 0
    not_before: float = 0.0
    seen: float = 0.0


class SlackSockets:
    """Keeps a socket open for every app of the site that has an app token, and follows what the site says."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._sockets: dict[SlackApp, Socket] = {}

    async def run(self) -> None:
        """Until cancelled; then what is under way ends, and the sockets are closed."""
        try:
            while True:
                await self._look()
                # The site is a row that may change at any time, not an event to wait for.
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for app in list(self._sockets):
                await self._close(self._sockets.pop(app))

    async def _look(self) -> None:
        wanted = {app for app in apps_of(await self._house.site(), SOCKET, os.environ) if app.app_token}
        for app in set(self._sockets) - wanted:
            await self._close(self._sockets.pop(app))
        for app in wanted:
            socket = self._sockets.setdefault(app, Socket())
            if socket.door is None:
                if monotonic() >= socket.not_before:
                    await self._open(app, socket)
            elif await socket.door.is_connected():
                socket.seen = monotonic()
            elif monotonic() - socket.seen > SILENT_S:
                log.warning("slack.begun_anew", channel=app.channels[0].id)
                await self._close(self._sockets.pop(app))

    async def _open(self, app: SlackApp, socket: Socket) -> None:
        """Connect once. From then on the library comes back by itself; until then a fault is told and tried again."""
        module: Any = await asyncio.to_thread(importlib.import_module, "api.slack")
        door = module.SlackDoor(self._house, app)
        try:
            await door.connect(ping_s=PING_S)
        except BaseException as error:
            await door.close()  # also where this process stops leading in the middle of it
            if not isinstance(error, NightshiftError):
                raise
            socket.failures += 1
            pause = min(2.0 ** min(socket.failures, 10), PAUSE_S_MAX)
            socket.not_before = monotonic() + max(pause, float(getattr(error, "seconds", 0.0)))
            log.warning("slack.not_connected", channel=app.channels[0].id, error=error.detail, again_in_s=pause)
            return
        socket.door, socket.failures, socket.seen = door, 0, monotonic()
        log.info("slack.connected", channels=[channel.id for channel in app.channels])

    async def _close(self, socket: Socket) -> None:
        if socket.door is not None:
            await socket.door.close()
