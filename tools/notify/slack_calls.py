"""Slack's Web API: one call at a time, and what each refusal means for us."""

import asyncio
import io
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from core.errors import NightshiftError, Unavailable
from tools.notify.voice import Gone, Undeliverable, Wait

TIMEOUT_S = 10.0
IDLE_CONNECTION_S = 15.0
WAIT_S_MAX = 3600.0
WAIT_S_UNTOLD = 30.0

GONE = frozenset({
    "message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed", "cannot_reply_to_message",
    "message_not_owned_by_app", "message_not_in_streaming_state",
})  # fmt: skip
# What only a person can change, and how; what they all share with our own faults is that asking again is of no use.
FOREVER: Mapping[str, str] = {
    "channel_not_found": "Write the channel's id (C...) into the site, and invite the bot there.",
    "not_in_channel": "Invite the bot into the channel: /invite @nightshift",
    "is_archived": "The channel is archived: choose another one in the site.",
    "user_not_found": "There is no such account in this workspace.",
    "user_not_in_channel": "This account is not in the channel.",
    "missing_scope": "Install the app again with the scopes of docs/slack-manifest.yaml.",
    "restricted_action": "The workspace does not let the bot write there: ask its admin.",
    "ekm_access_denied": "The workspace does not let the bot write there: ask its admin.",
    "no_permission": "The bot's token may not do this: install the app again.",
    "access_denied": "The bot's token may not do this: install the app again.",
    "not_allowed_token_type": "The bot needs a bot token (xoxb-...), Socket Mode an app token (xapp-...).",
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "org_login_required"),
        "Slack does not know this bot token (any more): put the current one into the environment.",
    ),
    **dict.fromkeys(
        ("invalid_blocks", "invalid_blocks_format", "invalid_arguments", "msg_too_long", "msg_blocks_too_long",
         "no_text", "invalid_arg_name", "invalid_charset", "too_many_attachments", "unknown_method"),
        "Slack does not take this message as it is.",
    ),
}  # fmt: skip


class SlackRefusal(Undeliverable):
    """Slack says no for good; `word` is its own."""

    def __init__(self, method: str, word: str) -> None:
        super().__init__(f"Slack answers {word} to {method}. {FOREVER.get(word, '')}".strip())
        self.word = word


class SlackApi:
    """Calls with one bot token over connections that are kept. Raises as a Voice does.

    The library's own retries are off: they would send a message again whose answer was lost, and the outbox counts.
    """

    def __init__(self, token: str, base_url: str = "") -> None:
        at = base_url or AsyncWebClient.BASE_URL
        self.client = AsyncWebClient(token=token, base_url=at, timeout=int(TIMEOUT_S), retry_handlers=[])

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """The answer to a method."""
        self._connect()
        try:
            given = {name: value for name, value in arguments.items() if value is not None}
            answer = await self.client.api_call(method, json=given)
        except Exception as error:  # the library raises something else for each way in which an answer can be broken
            raise fault_of(method, error) from error
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def upload(self, url: str, content: bytes) -> None:
        """The second of the three steps of a file: its bytes."""
        status = await self._post(url, "the upload of a file", data=io.BytesIO(content))
        if status >= 500 or status == 429:
            raise Unavailable(f"Slack answers {status} to the upload of a file.")
        if status != 200:
            raise Undeliverable(f"Slack answers {status} to the upload of a file.")

    async def respond(self, url: str, body: Mapping[str, Any]) -> None:
        """Answer at the address that came with a click or a command."""
        status = await self._post(url, "a response_url", json=dict(body))
        if status == 429:
            raise Wait(1.0)
        if status != 200:
            raise Undeliverable(f"Slack answers {status} to a response_url.")

    async def close(self) -> None:
        """Close the connections."""
        session, self.client.session = self.client.session, None
        if session is not None:
            await session.close()
            await asyncio.sleep(0)

    async def _post(self, url: str, what: str, **content: Any) -> int:
        try:
            async with self._connect().post(url, **content) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise fault_of(what, error) from error

    def _connect(self) -> aiohttp.ClientSession:
        if self.client.session is None or self.client.session.closed:
            # Made at first use, since it belongs to the loop that runs then. The library's timeout is not for this.
            self.client.session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_CONNECTION_S),
            )
        return self.client.session


def fault_of(method: str, error: Exception) -> NightshiftError:
    """What a failed call means: too fast, gone, no use in trying again, or try again later."""
    if isinstance(error, NightshiftError):
        return error
    if not isinstance(error, SlackApiError):
        return Unavailable(f"Slack did not answer {method}: {str(error)[:120] or type(error).__name__}")
    answer: Any = error.response
    status = getattr(answer, "status_code", None) or getattr(answer, "status", 0)
    data = getattr(answer, "data", None)
    word = str(data.get("error") or "") if isinstance(data, dict) else ""
    if status == 429 or word in ("ratelimited", "rate_limited"):
        return Wait(_seconds(getattr(answer, "headers", None) or {}))
    if word in GONE:
        return Gone(f"Slack answers {word} to {method}.")
    if word in FOREVER or word.startswith(("restricted_action", "missing_", "invalid_")):
        return SlackRefusal(method, word)
    return Unavailable(f"Slack answers {word or status} to {method}.")


def _seconds(headers: Mapping[str, str]) -> float:
    told = str(headers.get("Retry-After") or headers.get("retry-after") or "")
    return min(max(float(told), 1.0), WAIT_S_MAX) if told.isascii() and told.isdigit() else WAIT_S_UNTOLD
