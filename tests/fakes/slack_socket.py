"""The road without an address of the app: Socket Mode. Envelopes that wait for their acknowledgement."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.fakes.slack_delivery import EVENTS, Reply
from tests.fakes.slack_rules import SOCKETS_MAX, SlackLimits, SlackRefused
from tests.fakes.slack_state import APP


@dataclass(eq=False)
class Connection:
    """One open socket."""

    socket: WebSocket
    waiting: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)


@dataclass
class SocketRoad:
    """All sockets of the app; an envelope goes to one of them."""

    limits: SlackLimits
    tickets: dict[str, float] = field(default_factory=dict)  # by ticket: until when
    connections: list[Connection] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)  # what the app did that the protocol does not know
    mute: bool = False  # acknowledgements are lost on the way
    opened: int = 0
    _envelopes: int = 0
    _turn: int = 0

    def ticket(self, now: float) -> str:
        """A way in that can be used once."""
        if len(self.connections) >= SOCKETS_MAX:
            raise SlackRefused("too_many_websockets")
        self.opened += 1
        name = f"ticket-{self.opened}"
        self.tickets[name] = now + self.limits.ticket_s
        return name

    async def serve(self, socket: WebSocket, now: float) -> None:
        """One socket from its hello to its end."""
        until = self.tickets.pop(socket.query_params.get("ticket", ""), 0.0)
        if until < now or len(self.connections) >= SOCKETS_MAX:
            await socket.close(4401)
            return
        await socket.accept()
        connection = Connection(socket)
        self.connections.append(connection)
        hello = {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {"host": "applink-test", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP},
        }
        try:
            await socket.send_text(json.dumps(hello))
            while True:
                self._received(connection, await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self.connections.remove(connection)
            for future in connection.waiting.values():
                if not future.done():
                    future.set_exception(ConnectionResetError())

    async def send(self, kind: str, payload: dict[str, Any], attempt: int, reason: str) -> Reply:
        """One envelope to one socket, a new envelope_id for each attempt."""
        if not self.connections:
            return Reply("connection_failed")
        self._turn += 1
        self._envelopes += 1
        connection = self.connections[self._turn % len(self.connections)]
        name = f"envelope-{self._envelopes:06d}"
        envelope = {
            "envelope_id": name,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind != EVENTS,
        }
        if kind == EVENTS:
            envelope |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        connection.waiting[name] = future
        try:
            await connection.socket.send_text(json.dumps(envelope))
            answer = await asyncio.wait_for(future, self.limits.ack_s)
        except TimeoutError:
            return Reply("timeout")
        except (ConnectionResetError, WebSocketDisconnect, RuntimeError):
            return Reply("connection_failed")
        finally:
            connection.waiting.pop(name, None)
        body = answer.get("payload")
        if body and kind == EVENTS:
            self.violations.append("an acknowledgement of an event carried a payload")
        return Reply("", body if isinstance(body, dict) else None)

    def _received(self, connection: Connection, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            self.violations.append(f"not JSON: {text[:80]}")
            return
        future = connection.waiting.get(str(message.get("envelope_id")))
        if self.mute:
            return
        if future is None or future.done():
            self.violations.append(f"an acknowledgement of nothing: {text[:80]}")
        else:
            future.set_result(message)

    async def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask every socket to come anew, then close it: what happens every few hours."""
        for connection in list(self.connections):
            farewell = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-test"}}
            with contextlib.suppress(RuntimeError):
                await connection.socket.send_text(json.dumps(farewell))
                await connection.socket.close(1000)

    def cut(self) -> None:
        """Every socket breaks without a word."""
        for connection in list(self.connections):
            connection.socket.scope["cut"]()

    async def close(self) -> None:
        """End every socket."""
        for connection in list(self.connections):
            with contextlib.suppress(RuntimeError):
                await connection.socket.close(1001)
