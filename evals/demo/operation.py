"""What the deploy tool can be asked to do, what it refuses, and what it remembers of each request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evals.demo.catalogue import PRICING_INSTANCE, RELEASES

slow_s_max = 60.0
Args = dict[str, Any]

# Each POST path and its operation. The paths under /-/ belong to the demo, not to a deploy tool.
OPERATIONS: Mapping[str, str] = {
    "/deploy": "deploy",
    "/rollback": "rollback",
    "/restart": "restart",
    "/drop-database": "drop-database",
    "/-/slow": "slow",
    "/-/crash": "crash",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One accepted request. state: running, done, failed; unknown when a deployer ended in the middle of it."""

    key: str
    op: str
    args: Args
    at: str
    state: str = "running"
    outcome: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return 200 if self.state == "done" else 502

    @property
    def body(self) -> dict[str, Any]:
        """The answer, the same for the first caller, for a repeat and for GET /operations."""
        known = {"key": self.key, "state": self.state, "op": self.op, "args": self.args, "at": self.at}
        return {**known, **self.outcome}


def version_of(args: Args) -> str:
    """The release that a deploy or a rollback leads to."""
    return str(args.get("version") or args.get("to_version"))


def fault_of(op: str, args: Args) -> str | None:
    """Why an operation is refused and what to send instead, or None when it is fine."""
    return _FAULTS[op](args)


def _release(args: Args, name: str) -> str | None:
    if args.get("service") != "shop":
        return "Unknown service: only 'shop' has releases."
    if args.get(name) not in RELEASES:
        return f"Unknown release: send {name} with one of {', '.join(RELEASES)}."
    return None


def _restart(args: Args) -> str | None:
    if (args.get("service"), args.get("instance")) == ("pricing", PRICING_INSTANCE):
        return None
    return f"Unknown instance: send service 'pricing' with instance '{PRICING_INSTANCE}'."


def _crash(args: Args) -> str | None:
    return None if args.get("service") == "pricing" else "Unknown service: only 'pricing' can be crashed."


def _slow(args: Args) -> str | None:
    seconds = args.get("seconds")
    if isinstance(seconds, int | float) and 0 <= seconds <= slow_s_max:
        return None
    return f"Send seconds between 0 and {slow_s_max:g}."


_FAULTS: Mapping[str, Callable[[Args], str | None]] = {
    "deploy": lambda args: _release(args, "version"),
    "rollback": lambda args: _release(args, "to_version"),
    "restart": _restart,
    "drop-database": lambda args: None,
    "slow": _slow,
    "crash": _crash,
}
