"""The inside of the fake that every method works on: world, updates, limits, and what the bot has used up of them."""

from dataclasses import dataclass, field

from tests.fakes.calls import Calls
from tests.fakes.clock import Clock
from tests.fakes.faults import Faults
from tests.fakes.flood import Windows, whole_seconds
from tests.fakes.telegram_rules import TelegramLimits, too_many
from tests.fakes.telegram_state import Chat, World
from tests.fakes.telegram_updates import Updates


@dataclass
class Server:
    """State that outlives the HTTP server, so that Telegram can go away and come back."""

    clock: Clock
    limits: TelegramLimits
    updates: Updates
    faults: Faults
    world: World = field(default_factory=World)
    calls: Calls = field(default_factory=Calls)
    windows: Windows = field(default_factory=Windows)
    privacy: bool = True  # in groups only commands, replies and mentions are told, unless the bot is administrator
    knows_rich: bool = False  # self-hosted servers lag behind
    impatient: int = 0  # requests that came before the wait they were told was over
    told_to_wait: dict[int, float] = field(default_factory=dict)  # by chat: until when

    def spend(self, chat: Chat) -> None:
        """One more message or edit in a chat, or the refusal with the seconds to wait."""
        now, limits = self.clock.now(), self.limits
        if now < self.told_to_wait.get(chat.id, 0.0):
            self.impatient += 1
            raise too_many(whole_seconds(self.told_to_wait[chat.id] - now))
        waits = [self.windows.wait_s(chat.id, limits.per_chat, now), self.windows.wait_s("all", limits.overall, now)]
        if chat.is_group:
            waits.append(self.windows.wait_s(("group", chat.id), limits.per_group, now))
        if (wait := max(waits)) > 0:
            seconds = whole_seconds(wait)
            self.told_to_wait[chat.id] = now + seconds - 0.05  # a client's timer may be a little early
            raise too_many(seconds)
        for key in (chat.id, "all", ("group", chat.id)):
            self.windows.note(key, now)

    def spend_overall(self) -> None:
        """One more request that counts for the bot as a whole only."""
        now = self.clock.now()
        if (wait := self.windows.wait_s("all", self.limits.overall, now)) > 0:
            raise too_many(whole_seconds(wait))
        self.windows.note("all", now)
