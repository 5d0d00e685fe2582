"""The deploy tool's diary: every operation it was asked for and what became of it, one JSON line each."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from evals.demo.serving import now_iso


class Event(StrEnum):
    """What a line of the diary says about an operation."""

    RECEIVED = "received"
    DONE = "done"
    FAILED = "failed"
    REPEAT = "repeat"
    REFUSED = "refused"


class Calls:
    """Append-only calls.jsonl; each line is flushed before the next step is taken."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._path = state_dir / "calls.jsonl"
        self._file = self._path.open("a", buffering=1, encoding="utf-8")

    def add(self, event: Event, key: str, op: str, args: dict[str, Any], **more: Any) -> str:
        """Write one line and return its time."""
        at = now_iso()
        line = {"at": at, "event": event, "key": key, "op": op, "args": args, **more}
        self._file.write(json.dumps(line) + "\n")
        return at

    def lines(self) -> list[dict[str, Any]]:
        """All lines, oldest first."""
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]
