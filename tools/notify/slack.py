"""Slack as a voice: one thread for each incident, blocks for messages, three steps for files."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping

import structlog

from core.catalogue import language_of
from core.errors import NightshiftError
from core.message import Message, Tone
from core.site import Channel
from tools.notify.slack_calls import SlackApi
from tools.notify.slack_form import Formed, formed
from tools.notify.slack_stream import SlackStream
from tools.notify.voice import Place, Undeliverable, Voice

log = structlog.get_logger(__name__)

FILES_REMEMBERED_MAX = 500
SHARE_TRIES = 3
QUIET = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False, "parse": "none", "link_names": False}


def open_voice(channel: Channel, environ: Mapping[str, str]) -> Voice:
    """The voice of a Slack channel of the site. Raises Undeliverable where the bot token is not set."""
    token = environ.get(channel.token_env, "").strip() if channel.token_env else ""
    if not token:
        name = channel.token_env or "the variable that `token_env` names"
        raise Undeliverable(f"Channel {channel.id} has no bot token: set {name} to the one that begins with xoxb-.")
    return SlackVoice(SlackApi(token, channel.url), channel.language)


class SlackVoice:
    """One bot in one workspace."""

    def __init__(self, api: SlackApi, language: str = "en") -> None:
        self.api = api
        self.language = language_of(language)
        self._team = ""
        self._sent_files: OrderedDict[str, None] = OrderedDict()

    async def open_thread(self, chat: str, title: str, first: Message) -> Place:
        """The thread hangs on the first message itself; Slack gives threads no titles."""
        ref = await self.post(Place(chat), first)
        return Place(chat, ref, ref)

    async def post(self, place: Place, message: Message) -> str:
        """A message, and what of it is too long in files below; what asks for approval, and bad news, is seen in the
        channel, too: who does not follow a thread is told nothing of it by Slack."""
        shown = formed(message, self.language)
        ready = [await self._upload(name, content) for name, content in shown.files]
        asks = any(button.verb == "approve" for row in message.buttons for button in row)
        is_loud = asks or message.tone is Tone.BAD
        answer = await self.api.call(
            "chat.postMessage",
            reply_broadcast=True if is_loud and _thread(place) else None,
            channel=place.chat,
            thread_ts=_thread(place),
            text=shown.text,
            blocks=shown.blocks,
            **QUIET,
        )
        ref = str(answer["ts"])
        await self._share(place, ref, shown, ready)
        return ref

    async def edit(self, place: Place, ref: str, message: Message) -> None:
        """Replace a message. Files cannot be replaced: one with other content goes below."""
        shown = formed(message, self.language)
        await self.api.call(
            "chat.update", channel=place.chat, ts=ref, text=shown.text, blocks=shown.blocks, parse="none"
        )
        if shown.files and _mark(ref, shown) not in self._sent_files:
            ready = [await self._upload(name, content) for name, content in shown.files]
            await self._share(place, ref, shown, ready)

    def stream(self, place: Place, *, asked_by: str = "") -> SlackStream:
        """Begin an answer; in a channel Slack wants to know for whom."""
        return SlackStream(self, self.api, place, asked_by, self.team)

    async def check(self) -> str:
        """The bot's name and its workspace."""
        answer = await self.api.call("auth.test")
        self._team = str(answer.get("team_id", ""))
        return f"@{answer.get('user', '?')} in {answer.get('team', '?')}"

    async def team(self) -> str:
        """The id of the workspace that the token belongs to."""
        if not self._team:
            await self.check()
        return self._team

    async def close(self) -> None:
        """Give the connections back."""
        await self.api.close()

    async def _upload(self, name: str, content: str) -> dict[str, str]:
        body = content.encode()
        answer = await self.api.call("files.getUploadURLExternal", filename=name, length=len(body))
        await self.api.upload(str(answer["upload_url"]), body)
        return {"id": str(answer["file_id"]), "title": name}

    async def _share(self, place: Place, ref: str, shown: Formed, ready: list[dict[str, str]]) -> None:
        """The third step. The message stands already, so a failure must not make it be sent again: it is only told."""
        if not ready:
            return
        thread = _thread(place) or ref
        for attempt in range(1, SHARE_TRIES + 1):
            try:
                await self.api.call(
                    "files.completeUploadExternal", files=ready, channel_id=place.chat, thread_ts=thread
                )
                break
            except NightshiftError as error:
                if not error.retryable or attempt == SHARE_TRIES:
                    log.warning("slack.file_not_shared", chat=place.chat, ref=ref, error=error.detail)
                    return
        self._sent_files[_mark(ref, shown)] = None
        while len(self._sent_files) > FILES_REMEMBERED_MAX:
            self._sent_files.popitem(last=False)


def _thread(place: Place) -> str | None:
    return place.root or place.thread or None


def _mark(ref: str, shown: Formed) -> str:
    return hashlib.sha256(repr((ref, shown.files)).encode()).hexdigest()
