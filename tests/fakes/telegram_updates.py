"""What the bot is told: the queue of updates, taken by one poller or delivered to one webhook, at least once."""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.fakes.clock import Clock
from tests.fakes.telegram_rules import Refused, TelegramLimits

Update = dict[str, Any]
OPTIONAL_KINDS = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
CONFLICT_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
CONFLICT_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
REMEMBERED = 200


@dataclass
class Webhook:
    """Where updates are delivered."""

    url: str = ""
    secret: str = ""
    last_error: str = ""
    last_error_at: int = 0


@dataclass
class Updates:
    """The queue. `attempts` counts deliveries by update_id, so that a test sees who was told what how often."""

    clock: Clock
    limits: TelegramLimits
    webhook: Webhook = field(default_factory=Webhook)
    pending: list[tuple[float, Update]] = field(default_factory=list)
    repeats: list[Update] = field(default_factory=list)  # handed out once whatever the offset
    confirmed: deque[Update] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    attempts: dict[int, int] = field(default_factory=dict)
    allowed: frozenset[str] | None = None
    last_id: int = 700_000_000
    _poller: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, kind: str, payload: Any) -> Update | None:
        """Something happened; None if the bot does not want to hear of its kind."""
        wanted = kind not in OPTIONAL_KINDS if self.allowed is None else kind in self.allowed
        if not wanted:
            return None
        self.last_id += 1
        update = {"update_id": self.last_id, kind: payload}
        self.pending.append((self.clock.now(), update))
        self.wake()
        return update

    def again(self, update: Update) -> None:
        """Deliver an update once more although it was confirmed: at least once is all that is promised."""
        if self.webhook.url:
            self.pending.append((self.clock.now(), update))
        else:
            self.repeats.append(update)
        self.wake()

    def listen(self, kinds: list[str]) -> None:
        """From now on only these kinds; an empty list means the usual ones."""
        self.allowed = frozenset(kinds) or None

    async def poll(
        self, offset: int, limit: int, timeout_s: float, gone: Callable[[], Awaitable[bool]]
    ) -> list[Update]:
        """Long polling. A newer poller ends an older one with a conflict."""
        if self.webhook.url:
            raise Refused(409, CONFLICT_WEBHOOK)
        self._poller += 1
        me = self._poller
        self.wake()
        self._confirm(offset)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            if me != self._poller or self.webhook.url:
                raise Refused(409, CONFLICT_POLLER if me != self._poller else CONFLICT_WEBHOOK)
            self._forget_old()
            if self.pending or self.repeats or loop.time() >= deadline or await gone():
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(0.2, deadline - loop.time()))
        taken = [*self.repeats, *(update for _, update in self.pending)][:limit]
        self.repeats = self.repeats[limit:]
        for update in taken:
            self.attempts[update["update_id"]] = self.attempts.get(update["update_id"], 0) + 1
        return taken

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            keep = self.pending[offset:]
            done = self.pending[:offset]
        else:
            keep = [one for one in self.pending if one[1]["update_id"] >= offset]
            done = [one for one in self.pending if one[1]["update_id"] < offset]
        self.confirmed.extend(update for _, update in done)
        self.pending = keep

    def _forget_old(self) -> None:
        oldest = self.clock.now() - self.limits.update_kept_s
        self.pending = [one for one in self.pending if one[0] > oldest]

    def wake(self) -> None:
        """Let the poller and the webhook look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def deliver(self, run_reply: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """Post updates to the webhook in order; one that is not answered with 2xx is posted again before the next."""
        failures = 0
        async with httpx.AsyncClient(timeout=self.limits.webhook_answer_s, verify=_no_certificates()) as client:
            while True:
                self._forget_old()
                if not self.webhook.url or not self.pending:
                    await self._changed.wait()
                    continue
                if await self._post(client, self.pending[0][1], run_reply):
                    failures = 0
                    continue
                waits = self.limits.webhook_retry_s
                await asyncio.sleep(waits[min(failures, len(waits) - 1)])
                failures += 1

    async def _post(
        self, client: httpx.AsyncClient, update: Update, run_reply: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook.secret} if self.webhook.secret else {}
        number = update["update_id"]
        self.attempts[number] = self.attempts.get(number, 0) + 1
        try:
            answer = await client.post(self.webhook.url, json=update, headers=headers)
        except httpx.HTTPError as error:
            self._failed(f"Connection failed: {type(error).__name__}")
            return False
        if not answer.is_success:
            self._failed(f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}")
            return False
        self.pending = [one for one in self.pending if one[1] is not update]
        self.confirmed.append(update)
        with contextlib.suppress(ValueError):
            if answer.content and "method" in (reply := answer.json()):
                await run_reply(reply)  # a call of a method may stand in the answer
        return True

    def _failed(self, sentence: str) -> None:
        self.webhook.last_error, self.webhook.last_error_at = sentence, int(self.clock.now())


def _no_certificates() -> Any:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading them takes longer than a request
