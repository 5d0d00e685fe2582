"""A plain text log file as services write it: one line per event, flushed, bounded."""

import json
from pathlib import Path

from evals.demo.serving import now_iso

log_bytes_max = 16 * 1024 * 1024
quoted_chars_max = 400


class LogFile:
    """Appends lines to DIR/<instance>.log and moves the file to .log.1 when it has grown too large."""

    def __init__(self, directory: Path, instance: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path, self._instance = directory / f"{instance}.log", instance
        self._open()

    def line(self, level: str, text: str) -> None:
        """Write one line: time, level, instance, text."""
        self._size += self._file.write(f"{now_iso()} {level} {self._instance} {text}\n")
        if self._size > log_bytes_max:
            self._file.close()
            self._path.replace(self._path.with_suffix(".log.1"))
            self._open()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> None:
        self._file = self._path.open("a", buffering=1, encoding="utf-8")
        self._size = self._path.stat().st_size


def quoted(text: str) -> str:
    """Foreign text for a log line: in quotes, on one line, cut; what it says stays as it came."""
    return json.dumps(text[:quoted_chars_max], ensure_ascii=False)
