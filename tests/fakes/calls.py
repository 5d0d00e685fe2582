"""What a platform was asked and what it did: the ledger in which tests count doubles and losses."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request. `error` is empty if it was accepted; `told` is False if the caller never got the answer."""

    at: float
    method: str
    arguments: Mapping[str, Any]
    error: str = ""
    result: Any = None
    told: bool = True


@dataclass
class Calls:
    """Every request in order of its end."""

    entries: list[Call] = field(default_factory=list)

    def __iter__(self) -> Iterator[Call]:
        return iter(self.entries)

    def add(self, call: Call) -> None:
        """Write one down."""
        self.entries.append(call)

    def accepted(self, method: str = "", **arguments: Any) -> list[Call]:
        """What was done, by method and by arguments that must be equal."""
        return [call for call in self.entries if not call.error and _fits(call, method, arguments)]

    def refused(self, method: str = "", **arguments: Any) -> list[Call]:
        """What was not done."""
        return [call for call in self.entries if call.error and _fits(call, method, arguments)]

    def doubles(self, method: str, key: Callable[[Call], Any]) -> dict[Any, int]:
        """Keys of accepted calls that came more than once, and how often."""
        counted = Counter(key(call) for call in self.accepted(method))
        return {one: count for one, count in counted.items() if count > 1}


def _fits(call: Call, method: str, arguments: Mapping[str, Any]) -> bool:
    same = all(str(call.arguments.get(name)) == str(value) for name, value in arguments.items())
    return same and (not method or call.method.lower() == method.lower())
