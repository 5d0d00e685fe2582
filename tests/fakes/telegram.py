"""A Telegram on loopback that is stricter than the real one: `async with fake_telegram() as telegram`.

The Bot API is served at `telegram.url` in the usual form, `/bot<token>/<method>`. `telegram.hand` is the people's side.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.calls import Call, Calls
from tests.fakes.clock import Clock
from tests.fakes.faults import DONE, DONE_BUT_UNTOLD, Armed, Fault, Faults
from tests.fakes.flood import whole_seconds
from tests.fakes.loopback import Cut, Loopback
from tests.fakes.request_body import NotJson, NotUtf8, arguments_of
from tests.fakes.telegram_arguments import Arguments
from tests.fakes.telegram_hand import TelegramHand
from tests.fakes.telegram_methods import METHODS, RICH_METHODS, subscribe
from tests.fakes.telegram_rules import Refused, TelegramLimits, bad, forbidden, too_many
from tests.fakes.telegram_server import Server
from tests.fakes.telegram_state import TOKEN, World
from tests.fakes.telegram_updates import Updates

HTML_PAGE = "<html><body>an error page of something in between</body></html>"


class FakeTelegram:
    """The service, its state and its ledger."""

    def __init__(self, limits: TelegramLimits | None = None) -> None:
        clock, limits = Clock(), limits or TelegramLimits()
        self.server = Server(clock, limits, Updates(clock, limits), Faults(clock, "getUpdates"))
        self.hand = TelegramHand(self.server)
        route = Route("/{path:path}", self._serve, methods=["GET", "POST"])
        self._loopback = Loopback(Starlette(routes=[route]))
        self._delivery: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The root of the Bot API."""
        return self._loopback.url

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def calls(self) -> Calls:
        return self.server.calls

    @property
    def faults(self) -> Faults:
        return self.server.faults

    @property
    def clock(self) -> Clock:
        return self.server.clock

    async def start(self) -> None:
        """Serve; after a stop everything is as it was, on the same port."""
        await self._loopback.start()
        self._delivery = asyncio.create_task(self.server.updates.deliver(self._run_reply))

    async def stop(self) -> None:
        """Be unreachable."""
        if self._delivery:
            self._delivery.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._delivery
        await self._loopback.stop()

    async def _serve(self, request: Request) -> Response:
        token, _, method = request.path_params["path"].removeprefix("bot").partition("/")
        try:
            if not request.path_params["path"].startswith("bot") or ":" not in token:
                raise Refused(404, "Not Found")
            given = arguments_of(request.url.query, request.headers.get("content-type", ""), await request.body())
            armed = self.faults.take(method, given)
            if token != TOKEN or (armed and armed.fault is Fault.UNAUTHORIZED):
                raise Refused(401, "Unauthorized")
        except NotUtf8:
            return _refusal(bad("strings must be encoded in UTF-8"))
        except NotJson:
            return _refusal(bad("can't parse request body as JSON object"))
        except Refused as refused:
            self._note(method, {}, error=refused.description)
            return _refusal(refused)
        if armed and armed.fault not in DONE:
            self._note(method, given, error=armed.fault)
            return await self._fail(armed)
        return await self._answer(request, method, given, armed)

    async def _answer(self, request: Request, method: str, given: dict[str, Any], armed: Armed | None) -> Response:
        try:
            result = await self._run(method, given, request)
        except Refused as refused:
            if method.lower() != "getupdates" or refused.code != 409 or not await request.is_disconnected():
                self._note(method, given, error=refused.description)
            return _refusal(refused)
        answer = JSONResponse({"ok": True, "result": result})
        if method.lower() != "getupdates":
            self._note(method, given, result=result, told=not (armed and armed.fault in DONE_BUT_UNTOLD))
        if armed and armed.fault is Fault.SLOW:
            await self._wait(armed.seconds)
        elif armed:
            return Cut(bytes(answer.body)[: len(answer.body) // 2] if armed.fault is Fault.HALF_ANSWER else b"")
        return answer

    async def _run(self, method: str, given: dict[str, Any], request: Request | None) -> Any:
        arguments, name = Arguments(given), method.lower()
        if name == "getupdates" and request is not None:
            return await self._poll(arguments, request)
        known = {**METHODS, **RICH_METHODS} if self.server.knows_rich else METHODS
        if name not in known:
            raise Refused(404, "Not Found")
        return await known[name](self.server, arguments)

    async def _poll(self, arguments: Arguments, request: Request) -> Any:
        limit = 100 if (asked := arguments.number("limit")) is None else min(max(asked, 1), 100)
        timeout_s = min(arguments.number("timeout") or 0, 50)
        if not self.server.updates.webhook.url:
            subscribe(self.server, arguments)

        async def gone() -> bool:
            return self._loopback.closing.is_set() or await request.is_disconnected()

        return await self.server.updates.poll(arguments.number("offset") or 0, limit, timeout_s, gone)

    async def _run_reply(self, reply: dict[str, Any]) -> None:
        """A method in the answer of a webhook: done, and the bot never learns how it went."""
        method, given = str(reply["method"]), {name: value for name, value in reply.items() if name != "method"}
        try:
            self._note(method, given, result=await self._run(method, given, None), told=False)
        except Refused as refused:
            self._note(method, given, error=refused.description, told=False)

    async def _fail(self, armed: Armed) -> Response:
        match armed.fault:
            case Fault.RATE_LIMITED:
                return _refusal(too_many(whole_seconds(armed.seconds)))
            case Fault.SERVER_ERROR:
                return _refusal(Refused(500, "Internal Server Error"))
            case Fault.FORBIDDEN:
                return _refusal(forbidden("bot was kicked from the supergroup chat"))
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


def _refusal(refused: Refused) -> Response:
    return JSONResponse(refused.answer(), refused.code)


@contextlib.asynccontextmanager
async def fake_telegram(limits: TelegramLimits | None = None) -> AsyncIterator[FakeTelegram]:
    """A Telegram that is served for as long as the block."""
    telegram = FakeTelegram(limits)
    await telegram.start()
    try:
        yield telegram
    finally:
        await telegram.stop()
