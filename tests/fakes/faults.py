"""What can go wrong on the way to a platform, by name. Both fakes play the same faults."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tests.fakes.clock import Clock


class Fault(StrEnum):
    """A failure as the caller sees it, and whether the platform did the work before it."""

    RATE_LIMITED = "rate_limited"  # 429 with the seconds to wait; not done
    SERVER_ERROR = "server_error"  # 500 in the platform's own form; not done
    BAD_GATEWAY = "bad_gateway"  # 502 with a page of HTML from something in between; not done
    UNAVAILABLE = "unavailable"  # 503 with an empty body; not done
    HANG = "hang"  # the request is read and never answered; not done
    SLOW = "slow"  # done, and answered only after a while
    CUT_BEFORE = "cut_before"  # the connection is reset; not done
    CUT_AFTER = "cut_after"  # done, then the connection is reset without an answer
    HALF_ANSWER = "half_answer"  # done, then the connection is reset in the middle of the answer
    GARBAGE = "garbage"  # 200 with something that is not JSON; not done
    UNAUTHORIZED = "unauthorized"  # the token is refused; not done
    FORBIDDEN = "forbidden"  # the token is good, this place is not; not done


# The work was done although the caller got no answer: asking again makes a double.
DONE_BUT_UNTOLD = frozenset({Fault.CUT_AFTER, Fault.HALF_ANSWER})
DONE = DONE_BUT_UNTOLD | {Fault.SLOW}


@dataclass(frozen=True)
class Armed:
    """A fault that waits for its request. `methods` empty means any, `place` empty means any chat."""

    fault: Fault
    methods: frozenset[str] = frozenset()
    place: str = ""
    times: int = 1
    seconds: float = 1.0  # how long to be slow, or how long the caller is told to wait
    until: float | None = None  # instead of `times`: every request before this moment

    def meets(self, method: str, place: str) -> bool:
        """Whether it is meant for this request."""
        return (not self.methods or method.lower() in self.methods) and (not self.place or self.place == place)


class Faults:
    """The faults that are armed, first come first played."""

    def __init__(self, clock: Clock, *quiet: str) -> None:
        self._clock = clock
        self._quiet = frozenset(quiet)  # methods that meet a fault only if it names them
        self._armed: list[Armed] = []

    def arm(
        self, fault: Fault, *methods: str, place: object = "", times: int = 1, seconds: float = 1.0, for_s: float = 0.0
    ) -> None:
        """Play a fault `times` times, or with `for_s` on every request of the next seconds."""
        until = self._clock.now() + for_s if for_s else None
        named = frozenset(method.lower() for method in methods)
        self._armed.append(Armed(fault, named, str(place), times, for_s or seconds, until))

    def clear(self) -> None:
        """All well again."""
        self._armed.clear()

    def take(self, method: str, arguments: Mapping[str, Any]) -> Armed | None:
        """The fault for this request, if any; used up when it has been played often enough."""
        now = self._clock.now()
        self._armed = [one for one in self._armed if one.until is None or one.until > now]
        place = str(arguments.get("chat_id") or arguments.get("channel") or "")
        for index, one in enumerate(self._armed):
            if one.meets(method, place) and (one.methods or method.lower() not in self._quiet):
                if one.until is not None:
                    return replace(one, seconds=one.until - now)
                self._armed[index : index + 1] = [replace(one, times=one.times - 1)] if one.times > 1 else []
                return one
        return None
