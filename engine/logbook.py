"""Our own record of begun actions, beside the data: what was about to be sent, and what the target answered.

The database may be lost, or replaced by an older copy of itself. Then these lines are the only trace of actions that
were sent after it. One JSON object a line, signed with a key of this directory, on disk before the first byte leaves.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.canonical import canonical

FILE_BYTES_MAX = 4 * 1024 * 1024
FILES_KEPT = 4
LINE_BYTES_MAX = 64 * 1024
NAME = "logbook.jsonl"


@dataclass
class Logbook:
    """The files in one directory; several processes of one machine write to them."""

    directory: Path
    file_bytes_max: int = FILE_BYTES_MAX
    _key: bytes = field(default=b"", repr=False)

    def write(self, kind: str, **values: Any) -> None:
        """Append a line and return when it is on disk. Raises OSError where it cannot be kept."""
        with self._locked():
            line = self._signed({"kind": kind, **values})
            if len(line) > LINE_BYTES_MAX:
                raise OSError(f"a line of the logbook has at most {LINE_BYTES_MAX} bytes, this one {len(line)}")
            self._rotate(len(line))
            is_new = not self._file().exists()
            descriptor = os.open(self._file(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                # A line that was cut by a crash must not swallow this one.
                if os.fstat(descriptor).st_size and not self._ends_whole():
                    os.write(descriptor, b"\n")
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if is_new:
                self._sync_directory()

    def read(self) -> Iterator[dict[str, Any]]:
        """Every whole line that this directory's key has signed, oldest first."""
        for number in range(FILES_KEPT, -1, -1):
            try:
                lines = self._file(number).read_bytes().splitlines()
            except FileNotFoundError:
                continue
            for line in lines:
                if values := self._verified(line):
                    yield values

    def answer(self, execution_id: str) -> dict[str, Any] | None:
        """What the target answered to an execution, if this machine got an answer."""
        try:
            found = [one for one in self.read() if one["kind"] == "answer" and one.get("execution_id") == execution_id]
        except OSError:
            return None
        return found[-1] if found else None

    def _signed(self, values: Mapping[str, Any]) -> bytes:
        body = canonical(values)
        return b'{"line":' + body + b',"mark":"' + self._mark(body).encode() + b'"}\n'

    def _verified(self, line: bytes) -> dict[str, Any] | None:
        try:
            outer = json.loads(line)
            values, mark = outer["line"], str(outer["mark"])
            good = hmac.compare_digest(self._mark(canonical(values)).encode(), mark.encode())
            return values if good and isinstance(values["kind"], str) else None
        except (ValueError, KeyError, TypeError):
            return None

    def _mark(self, body: bytes) -> str:
        return hmac.new(self._secret(), body, hashlib.sha256).hexdigest()

    def _secret(self) -> bytes:
        """The key of this directory, made at the first line; callers that write hold the lock."""
        file = self.directory / "logbook.key"
        if not self._key and not file.exists():
            # In one step, so that a reader never sees half a key.
            fresh = file.with_suffix(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as made:
                made.write(secrets.token_hex(32).encode())
                made.flush()
                os.fsync(made.fileno())
            fresh.replace(file)
        self._key = self._key or file.read_bytes()
        return self._key

    def _rotate(self, more: int) -> None:
        try:
            if self._file().stat().st_size + more <= self.file_bytes_max:
                return
        except FileNotFoundError:
            return
        for number in range(FILES_KEPT - 1, -1, -1):
            if self._file(number).exists():
                self._file(number).replace(self._file(number + 1))
        self._sync_directory()

    def _ends_whole(self) -> bool:
        with self._file().open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _sync_directory(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _file(self, number: int = 0) -> Path:
        return self.directory / (f"{NAME}.{number}" if number else NAME)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.directory / "logbook.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
