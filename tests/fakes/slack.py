"""A Slack on loopback that is stricter than the real one: `async with fake_slack() as slack`.

The Web API is served at `slack.api`; sockets come from apps.connections.open; `await slack.use_http(url)` posts signed
requests instead. `slack.hand` is the people's side.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.fakes.calls import Call, Calls
from tests.fakes.clock import Clock
from tests.fakes.faults import DONE, DONE_BUT_UNTOLD, Armed, Fault, Faults
from tests.fakes.flood import whole_seconds
from tests.fakes.loopback import Cut, Loopback
from tests.fakes.request_body import NotJson, NotUtf8, Upload, arguments_of
from tests.fakes.slack_delivery import Deliveries
from tests.fakes.slack_hand import SlackHand
from tests.fakes.slack_http import HttpRoad
from tests.fakes.slack_methods import METHODS
from tests.fakes.slack_response_urls import answer_response_url
from tests.fakes.slack_rules import SlackLimits, SlackRefused, rate_limited
from tests.fakes.slack_server import SlackArguments, SlackServer
from tests.fakes.slack_socket import SocketRoad
from tests.fakes.slack_state import APP_TOKEN, BOT_TOKEN, Workspace

HTML_PAGE = "<html><body>an error page of something in between</body></html>"
APP_LEVEL = frozenset({"apps.connections.open"})


class FakeSlack:
    """The service, its state and its ledger."""

    def __init__(self, limits: SlackLimits | None = None) -> None:
        clock, limits = Clock(), limits or SlackLimits()
        sockets = SocketRoad(limits)
        faults = Faults(clock, "auth.test", "apps.connections.open")
        self.server = SlackServer(clock, limits, faults, Deliveries(limits, sockets), sockets)
        self.hand = SlackHand(self.server)
        routes = [
            Route("/api/{method}", self._serve, methods=["GET", "POST"]),
            Route("/actions/{team}/{name}", self._response_url, methods=["POST"]),
            Route("/upload/v1/{file}", self._upload, methods=["POST"]),
            WebSocketRoute("/link/", self._socket),
        ]
        self._loopback = Loopback(Starlette(routes=routes))

    @property
    def api(self) -> str:
        """The `base_url` for a client."""
        return f"{self._loopback.url}/api/"

    @property
    def workspace(self) -> Workspace:
        return self.server.workspace

    @property
    def calls(self) -> Calls:
        return self.server.calls

    @property
    def faults(self) -> Faults:
        return self.server.faults

    @property
    def clock(self) -> Clock:
        return self.server.clock

    @property
    def sockets(self) -> SocketRoad:
        return self.server.sockets

    @property
    def violations(self) -> list[str]:
        """What the app did that neither protocol knows. A good run leaves none."""
        return self.server.violations + self.server.sockets.violations

    async def start(self) -> None:
        """Serve; after a stop everything is as it was, on the same port."""
        await self._loopback.start()
        self.server.root = self._loopback.url

    async def stop(self) -> None:
        """Be unreachable."""
        await self.server.sockets.close()
        await self._loopback.stop()

    async def use_http(self, url: str) -> HttpRoad:
        """Deliver to an address from now on, if it passes the handshake."""
        road = HttpRoad(url, self.server.limits.ack_s)
        if not await road.verify_address():
            raise AssertionError("the address did not return the challenge: Slack would not deliver there")
        self.server.deliveries.road = road
        return road

    async def _serve(self, request: Request) -> Response:
        method = request.path_params["method"]
        try:
            given = arguments_of(request.url.query, request.headers.get("content-type", ""), await request.body())
        except (NotJson, NotUtf8):
            return JSONResponse(SlackRefused("invalid_json").answer())
        token = request.headers.get("authorization", "").removeprefix("Bearer ") or str(given.pop("token", ""))
        armed = self.faults.take(method, given)
        if armed and armed.fault not in DONE:
            self._note(method, given, error=armed.fault)
            return await self._fail(armed)
        try:
            result = await self._run(method, token, given)
        except SlackRefused as refused:
            self._note(method, given, error=refused.error)
            return _refusal(refused)
        answer = JSONResponse({"ok": True} | result)
        self._note(method, given, result=result, told=not (armed and armed.fault in DONE_BUT_UNTOLD))
        if armed and armed.fault is Fault.SLOW:
            await self._wait(armed.seconds)
        elif armed:
            return Cut(bytes(answer.body)[: len(answer.body) // 2] if armed.fault is Fault.HALF_ANSWER else b"")
        return answer

    async def _run(self, method: str, token: str, given: dict[str, Any]) -> dict[str, Any]:
        if method not in METHODS:
            raise SlackRefused("unknown_method")
        if not token:
            raise SlackRefused("not_authed")
        if token not in (BOT_TOKEN, APP_TOKEN):
            raise SlackRefused("invalid_auth")
        if (token == APP_TOKEN) != (method in APP_LEVEL):
            raise SlackRefused("not_allowed_token_type")
        arguments = SlackArguments(given)
        self.server.spend(method, arguments.text("channel"))
        return await METHODS[method](self.server, arguments)

    async def _response_url(self, request: Request) -> Response:
        given: dict[str, Any] = {}
        armed = self.faults.take("response_url", given)
        if armed:
            return await self._fail(armed)
        try:
            given = arguments_of("", "application/json", await request.body())
            answer_response_url(self.server, request.path_params["name"], given)
        except NotJson:
            return PlainTextResponse("invalid_payload", 400)
        except SlackRefused as refused:
            self._note("response_url", given, error=refused.error)
            return JSONResponse(refused.answer(), refused.status)
        self._note("response_url", given)
        return PlainTextResponse("ok")

    async def _upload(self, request: Request) -> Response:
        file = self.workspace.files.get(request.path_params["file"])
        content = await request.body()
        if request.headers.get("content-type", "").startswith("multipart/"):
            parts = arguments_of("", request.headers["content-type"], content).values()
            content = next((part.content for part in parts if isinstance(part, Upload)), b"")
        if file is None or file.content is not None or len(content) != file.length:
            return PlainTextResponse("the bytes are not those that were announced", 400)
        file.content = content
        return PlainTextResponse(f"OK - {len(content)}")

    async def _socket(self, socket: WebSocket) -> None:
        await self.server.sockets.serve(socket, self.clock.now())

    async def _fail(self, armed: Armed) -> Response:
        match armed.fault:
            case Fault.RATE_LIMITED:
                return _refusal(rate_limited(whole_seconds(armed.seconds)))
            case Fault.SERVER_ERROR:
                return JSONResponse({"ok": False, "error": "internal_error"}, 500)
            case Fault.UNAUTHORIZED:
                return _refusal(SlackRefused("token_revoked"))
            case Fault.FORBIDDEN:
                return _refusal(SlackRefused("not_in_channel"))
            case Fault.BAD_GATEWAY:
                return Response(HTML_PAGE, 502, media_type="text/html")
            case Fault.UNAVAILABLE:
                return Response(b"", 503)
            case Fault.GARBAGE:
                return Response(HTML_PAGE, 200, media_type="text/html")
            case Fault.HANG:
                await self._wait(3600.0)
        return Cut()

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._loopback.closing.wait(), seconds)

    def _note(
        self, method: str, given: dict[str, Any], *, error: str = "", result: Any = None, told: bool = True
    ) -> None:
        self.calls.add(Call(self.clock.now(), method, given, error, result, told))


def _refusal(refused: SlackRefused) -> Response:
    headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
    return JSONResponse(refused.answer(), refused.status, headers)


@contextlib.asynccontextmanager
async def fake_slack(limits: SlackLimits | None = None) -> AsyncIterator[FakeSlack]:
    """A Slack that is served for as long as the block."""
    slack = FakeSlack(limits)
    await slack.start()
    try:
        yield slack
    finally:
        await slack.server.deliveries.close()
        await slack.stop()
