"""An answer that grows in Slack: by its stream methods where it lets us, else by a message that is edited now and then.

The end is the same for both: the message is replaced by the final one, in the form of every other message.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

import structlog

from core.errors import NightshiftError
from core.message import Message
from tools.notify.slack_calls import SlackApi, SlackRefusal
from tools.notify.slack_form import escaped
from tools.notify.voice import Gone, Place, Voice, Wait, put_in_place

log = structlog.get_logger(__name__)

APPEND_EVERY_S = 0.7
EDIT_EVERY_S = 2.0
SHOWN_MAX = 10_000
PIECE_MAX = 4_000
PUNCTUATION = "\\`*_~[]()#|!:@{}"


class Way(StrEnum):
    """How the answer is shown while it grows."""

    STREAM = "stream"
    EDITS = "edits"
    END_ONLY = "end_only"


class SlackStream:
    """One answer. `write` shows what the limits allow at that moment; `finish` shows all of it."""

    def __init__(self, voice: Voice, api: SlackApi, place: Place, asked_by: str, team: Callable[[], Awaitable[str]]):
        self._voice, self._api, self._place = voice, api, place
        self._asked_by, self._team = asked_by, team
        self._way = Way.STREAM if place.root or place.thread else Way.EDITS
        self._ref = ""
        self._shown = ""
        self._due = 0.0
        self._is_open = False

    async def write(self, text: str) -> None:
        """The whole answer so far. Never raises."""
        if self._way is Way.END_ONLY or not text.strip() or time.monotonic() < self._due or text == self._shown:
            return
        try:
            await (self._append(text) if self._way is Way.STREAM else self._edit(text))
        except Wait as wait:
            self._due = time.monotonic() + wait.seconds
        except SlackRefusal as refusal:
            log.info("slack.stream_refused", reason=refusal.word)
            self._way = Way.EDITS if self._way is Way.STREAM and not self._ref else Way.END_ONLY
        except NightshiftError as error:
            # Whether it arrived is not known: nothing more before the end, so that no second message grows beside it.
            log.info("slack.stream_broken", error=error.detail)
            self._way = Way.END_ONLY

    async def finish(self, message: Message) -> str:
        """The final answer in the place of what was shown; its id."""
        if self._is_open:
            with contextlib.suppress(Gone):  # closed by silence, or not there: the edit finds out
                await self._api.call("chat.stopStream", channel=self._place.chat, ts=self._ref)
            self._is_open = False
        self._ref = await put_in_place(self._voice, self._place, self._ref, message)
        return self._ref

    async def _append(self, text: str) -> None:
        if not text.startswith(self._shown):
            return  # begun anew: what was streamed cannot be taken back before the end
        piece = text[len(self._shown) :][:PIECE_MAX]
        if not piece or len(self._shown) + len(piece) > SHOWN_MAX:
            return
        self._due = time.monotonic() + APPEND_EVERY_S
        if self._is_open:
            await self._api.call(
                "chat.appendStream", channel=self._place.chat, ts=self._ref, markdown_text=literal(piece)
            )
        else:
            answer = await self._api.call(
                "chat.startStream",
                channel=self._place.chat,
                thread_ts=self._place.root or self._place.thread,
                markdown_text=literal(piece),
                recipient_user_id=self._asked_by or None,
                recipient_team_id=await self._team() if self._asked_by else None,
            )
            self._ref, self._is_open = str(answer["ts"]), True
        self._shown += piece

    async def _edit(self, text: str) -> None:
        self._due = time.monotonic() + EDIT_EVERY_S
        shown = Message("", rows=[("", f"{text[:SHOWN_MAX]} …")])
        if self._ref:
            await self._voice.edit(self._place, self._ref, shown)
        else:
            self._ref = await self._voice.post(self._place, shown)
        self._shown = text


def literal(text: str) -> str:
    """Text in which Markdown finds nothing: no mention, link, heading or emphasis."""
    return escaped("".join(f"\\{one}" if one in PUNCTUATION else one for one in text))
