"""Slack's door: what Bolt hands us, over Socket Mode or HTTP, goes to the desk; the desk's answers go back.

Nothing of a payload is believed but who did it, where, and which ticket, by Slack's own word: the desk checks these.
Everything is acknowledged at once and then done, but for a sent form, whose faults are shown in it.
"""

import asyncio
import contextlib
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import Request, Response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from api.slack_answer import Asker, SlackAnswers
from api.slack_apps import SlackApp
from api.slack_payload import Payload, Unheard, action_of, at, chat_of, delivery_of, seconds_between, text_of, thread_of
from api.slack_view import CALLBACK, Origin, inputs_of, too_short, values_of, view_of
from api.slack_words import Addressed, heard_of, order_of
from core.catalogue import language_of, say
from core.desk import Done, Refusal
from core.errors import NightshiftError
from core.phrases_slack import PHRASES
from engine import desk
from engine.desk import Click, Ordered, Said
from engine.house import House
from store.identities import Account
from tools.notify.slack import SlackVoice
from tools.notify.slack_calls import SlackApi, fault_of

log = structlog.get_logger(__name__)
QUIET = logging.getLogger("slack_bolt.nightshift")
QUIET.setLevel(logging.ERROR)  # no advice: that tokens stand in the environment is as we want it

ANY = re.compile(r"(?s).*")
FORM_WAIT_S = 2.0
"""How long a sent form waits for its faults before it is closed; Slack waits for three seconds."""
DRAIN_S = 5.0
CONNECT_S = 15.0
TALK_S = 300.0
TALKS_MAX = 2_000
Ack = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Who:
    """Our bot, as Slack calls it; empty where Slack did not tell."""

    user: str = ""
    bot: str = ""
    team: str = ""
    app: str = ""


class SlackDoor:
    """One app, heard. Its handlers are the same for both ways in which Slack reaches us."""

    def __init__(self, house: House, app: SlackApp) -> None:
        self._house, self._app = house, app
        self.voice = SlackVoice(SlackApi(app.bot_token, app.url), app.channels[0].language)
        self._answers = SlackAnswers(house, self.voice)
        self._socket: SocketModeClient | None = None
        self._who: Who | None = None
        self._under_way, self._idle = 0, asyncio.Event()
        self._idle.set()
        self._talks: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self.bolt = self._built()

    def _built(self) -> AsyncApp:
        client = AsyncWebClient(token=None, base_url=self._app.url or AsyncWebClient.BASE_URL, timeout=10)

        async def authorize() -> AuthorizeResult:
            who = await self.who()
            return AuthorizeResult(
                enterprise_id=None, team_id=who.team or None, bot_token=self._app.bot_token,
                bot_user_id=who.user or None, bot_id=who.bot or None,
            )  # fmt: skip

        bolt = AsyncApp(logger=QUIET, client=client, signing_secret=self._app.signing_secret, authorize=authorize)
        bolt.action(ANY)(self._acted)
        bolt.view(CALLBACK)(self._submitted)
        bolt.command(ANY)(self._commanded)
        bolt.event(ANY)(self._happened)
        return bolt

    async def connect(self, *, ping_s: float) -> None:
        """Open the socket. Raises as a Voice does where Slack does not let us in; later it comes back by itself."""
        await self.who(is_needed=True)
        handler = AsyncSocketModeHandler(self.bolt, self._app.app_token, ping_interval=ping_s)
        self._socket = handler.client
        try:
            # The first address is asked for here, since the library would ask again and again without a word.
            handler.client.wss_uri = await handler.client.issue_new_wss_url()
            async with asyncio.timeout(CONNECT_S):
                await handler.client.connect()  # type: ignore[no-untyped-call]
        except Exception as error:
            raise fault_of("apps.connections.open", error) from error

    async def is_connected(self) -> bool:
        """Is the socket open now?"""
        return self._socket is not None and await self._socket.is_connected()

    async def serve(self, request: Request) -> Response:
        """Answer a post whose signature was checked already; Bolt checks it once more."""
        answer: Response = await AsyncSlackRequestHandler(self.bolt).handle(request)
        return answer

    async def who(self, *, is_needed: bool = False) -> Who:
        """Who we are there, asked once. Where Slack does not tell, it is asked again the next time."""
        if self._who is None:
            try:
                told = await self.voice.api.call("auth.test")
            except NightshiftError:
                if is_needed:
                    raise
                return Who()
            self._who = Who(str(told.get("user_id", "")), str(told.get("bot_id", "")), str(told.get("team_id", "")))
            with contextlib.suppress(NightshiftError):  # without the right to ask, the road alone says whose it is
                bot = (await self.voice.api.call("bots.info", bot=self._who.bot)).get("bot")
                app = str(bot.get("app_id", "")) if isinstance(bot, dict) else ""
                self._who = Who(self._who.user, self._who.bot, self._who.team, app)
        return self._who

    async def close(self) -> None:
        """Let what was acknowledged be finished, then close the connections."""
        if self._socket is not None:
            socket, self._socket = self._socket, None
            with contextlib.suppress(Exception):  # it is over in any case
                async with asyncio.timeout(CONNECT_S):
                    await socket.close()  # type: ignore[no-untyped-call]
            tasks = (socket.message_processor, socket.message_receiver, socket.current_session_monitor)
            if ending := [task for task in tasks if task is not None]:
                await asyncio.wait(ending, timeout=CONNECT_S)  # the library only tells them to end
            await socket.aiohttp_client_session.close()  # they may have begun a new one meanwhile
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._idle.wait()
        await self.voice.close()

    async def _acted(self, ack: Ack, body: Payload) -> None:
        await ack()
        ref = at(body, "container", "message_ts")
        url = text_of(body.get("response_url"))
        asker = Asker(chat_of(body), at(body, "user", "id"), thread_of(body), url, ref)
        async with self._working(asker):
            click = await self._click(body)
            if click is None:
                return
            said = await desk.press(self._house, click)
            if said.form is None:
                await self._tell(asker, said)
                return
            origin = Origin(click.channel, click.chat, click.ref, asker.thread, click.ticket, click.verb,
                            said.form.kind, asker.url)  # fmt: skip
            try:
                view = view_of(said.form, origin, self.voice.language)
                await self.voice.api.call("views.open", trigger_id=body.get("trigger_id"), view=view)
            except NightshiftError as error:
                log.info("slack.form_not_shown", error=error.detail)
                await self._answers.whisper(asker, say(PHRASES, "form.late", self.voice.language))

    async def _submitted(self, ack: Ack, body: Payload) -> None:
        view = body.get("view")
        origin = Origin.read(view.get("private_metadata")) if isinstance(view, dict) else None
        account = await self._account(body)
        if origin is None or account is None or not isinstance(view, dict):
            log.info("slack.unheard", reason=Unheard.NO_FORM)
            await ack()
            return
        values = values_of(view)
        if errors := too_short(view, values, self.voice.language):
            await ack(response_action="errors", errors=errors)
            return
        click = Click(account, origin.channel, origin.chat, origin.ref, origin.ticket, origin.verb, values=values,
                      delivery=delivery_of(body))  # fmt: skip
        asker = Asker(origin.chat, account.account, origin.thread, origin.url, origin.ref)
        async with self._working(asker):
            pressing = asyncio.ensure_future(desk.press(self._house, click))
            await asyncio.wait([pressing], timeout=FORM_WAIT_S)
            inputs = inputs_of(view)
            if pressing.done() and pressing.exception() is None and pressing.result().form and inputs:
                await ack(response_action="errors", errors={inputs[0][0]: pressing.result().words})
                return
            await ack()
            await self._tell(asker, await pressing)

    async def _commanded(self, ack: Ack, command: Payload) -> None:
        await ack()
        chat, team, user = (text_of(command.get(name)) for name in ("channel_id", "team_id", "user_id"))
        asker = Asker(chat, user, url=text_of(command.get("response_url")))
        async with self._working(asker):
            if not await self._is_ours(command) or not (team and user and chat):
                log.info("slack.unheard", reason=Unheard.NO_ACCOUNT)
                return
            name, text = order_of(text_of(command.get("command")), text_of(command.get("text")))
            channel = self._app.channel_of(chat)
            ordered = Ordered(Account("slack", team, user), channel.id, chat, "", name, text, delivery_of(command))
            await self._tell(asker, await desk.order(self._house, ordered), is_quiet=True)

    async def _happened(self, event: Payload, body: Payload) -> None:
        """An event is acknowledged before this begins; it may come again, and as a mention and a message."""
        who = await self.who()
        heard = heard_of(event, text_of(body.get("team_id")), who.user) if await self._is_ours(body) else None
        if heard is None or not (heard.is_named or self._talks_on(heard.said)):
            return
        said = heard.said
        asker = Asker(said.chat, said.user, said.thread)
        async with self._working(asker):
            channel = self._app.channel_of(said.chat)
            account = Account("slack", said.team, said.user)
            ordered = Ordered(
                account, channel.id, said.chat, said.thread, said.name, said.text, f"{said.chat}:{said.ts}",
                is_read_by_all=not said.is_direct,
            )  # fmt: skip
            answer = await desk.order(self._house, ordered)
            if answer.reason == Done.ASKED:
                self._begin_talk(said)
            else:
                await self._tell(asker, answer)

    async def _click(self, body: Payload) -> Click | None:
        """The click of a payload; None where it is not one that any button of ours makes."""
        account = await self._account(body)
        action = action_of(body)
        ticket, chat, ref = action.get("value"), chat_of(body), at(body, "container", "message_ts")
        if account is None or not isinstance(ticket, str) or not ticket or not chat or not ref:
            if account is not None and "url" not in action:
                log.info("slack.unheard", reason=Unheard.NO_BUTTON)
            return None
        verb = text_of(action.get("action_id")).partition(".")[0]
        return Click(account, self._app.channel_of(chat).id, chat, ref, ticket, verb, delivery=delivery_of(body))

    async def _account(self, body: Payload) -> Account | None:
        """Who did it: the platform's own word, never a name. None for nobody, and for what another app was told."""
        user, team = at(body, "user", "id"), at(body, "user", "team_id") or at(body, "team", "id")
        if not user or not team or not await self._is_ours(body):
            log.info("slack.unheard", reason=Unheard.NO_ACCOUNT)
            return None
        return Account("slack", team, user)

    async def _is_ours(self, body: Payload) -> bool:
        who = await self.who()
        if who.app and text_of(body.get("api_app_id")) != who.app:
            log.info("slack.unheard", reason=Unheard.OTHER_APP)
            return False
        return True

    async def _tell(self, asker: Asker, said: Said, *, is_quiet: bool = False) -> None:
        """The answer to one person, and what is for everybody; a command's answer is for one person where it can be."""
        if said.reason == Refusal.REPEATED:
            return
        message = said.message
        if message and is_quiet and not any(message.buttons) and said.reason == Done.SHOWN:
            await self._answers.whisper(asker, said.words, message)
            return
        if said.words and not (message and said.reason == Done.SHOWN):
            await self._answers.whisper(asker, said.words)
        if message:
            await self._answers.publish(asker, message)

    @contextlib.asynccontextmanager
    async def _working(self, asker: Asker) -> AsyncIterator[None]:
        """What was acknowledged is finished before the connections close; a fault of ours is told to who waits."""
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        except Exception as error:
            log.exception("slack.failed", error=repr(error))
            await self._answers.whisper(asker, say(PHRASES, "busy", language_of(self._app.channels[0].language)))
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def _begin_talk(self, said: Addressed) -> None:
        self._talks[said.chat, said.thread, said.user] = said.ts
        while len(self._talks) > TALKS_MAX:
            self._talks.popitem(last=False)

    def _talks_on(self, said: Addressed) -> bool:
        """Did this person ask us something in this thread a moment before? Then they need not name us again."""
        asked = self._talks.get((said.chat, said.thread, said.user))
        return asked is not None and 0 < seconds_between(asked, said.ts) <= TALK_S
