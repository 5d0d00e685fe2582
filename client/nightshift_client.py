"""Tells Nightshift about exceptions of jobs. One file, standard library only; never raises, never waits for long."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
import socket
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

__all__ = ["Nightshift"]

TIMEOUT_S = 2.0
HANGING_MAX = 4  # deliveries that did not end in time and are left behind; while so many hang, nothing is sent
CAUSES_MAX = 8
MESSAGE_CHARS_MAX = 2_000
TRACE_CHARS_MAX = 6_000
TRACE_FRAMES_MAX = 40
POLL_S = 0.02
F = TypeVar("F", bound=Callable[..., Any])


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key to another host."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Nowhere."""


class Nightshift:
    """Where to tell, and about which service. Thread-safe; one for a whole program is enough."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        service: str | None = None,
        environment: str | None = None,
        release: str = "",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.url = (_given(url, "NIGHTSHIFT_URL")).rstrip("/")
        self._key = _given(key, "NIGHTSHIFT_KEY")
        self.service = _given(service, "NIGHTSHIFT_SERVICE") or "unknown"
        self.environment = _given(environment, "NIGHTSHIFT_ENVIRONMENT")
        self.release = release
        self.timeout_s = timeout_s
        self.last_fault = ""
        self._room = threading.BoundedSemaphore(HANGING_MAX)

    def report(self, error: BaseException, job: str = "", *, severity: str = "warning") -> bool:
        """Tell about an exception; was it taken? Waits at most `timeout_s` seconds."""
        return self._tell(lambda: self._described(error, job, severity))

    def resolved(self, job: str = "") -> bool:
        """Tell that a job works again; was it taken?"""
        return self._tell(lambda: self._about(job, status="resolved"))

    def watch(self, job: str = "", *, resolve: bool = False, severity: str = "warning") -> Watch:
        """A decorator and context manager that reports exceptions and lets them pass. `resolve`: also successes."""
        return Watch(self, job, resolve, severity)

    def _tell(self, describe: Callable[[], dict[str, Any]]) -> bool:
        telling = self._start(describe)
        if telling is None:
            return False
        telling.join()
        return telling.is_taken

    async def _tell_async(self, describe: Callable[[], dict[str, Any]]) -> bool:
        telling = self._start(describe)
        if telling is None:
            return False
        # A thread cannot set an event of a loop that may be closed by then.
        while not telling.is_over():  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        return telling.is_taken

    def _start(self, describe: Callable[[], dict[str, Any]]) -> _Telling | None:
        try:
            if not self.url.startswith(("http://", "https://")) or not self._key:
                self.last_fault = "no address or key"
                return None
            if not self._room.acquire(blocking=False):
                self.last_fault = "too many deliveries hang"
                return None
            try:
                return _Telling(self, describe)
            except BaseException:
                self._room.release()
                raise
        except Exception as fault:
            self.last_fault = _text(fault)
            return None

    def _about(self, job: str, **more: Any) -> dict[str, Any]:
        return {
            "service": self.service,
            "environment": self.environment,
            "job": job,
            "release": self.release,
            "host": socket.gethostname(),
            "at": time.time(),
            **more,
        }

    def _described(self, error: BaseException, job: str, severity: str) -> dict[str, Any]:
        causes, cause = [], error.__cause__ or error.__context__
        while cause is not None and len(causes) < CAUSES_MAX:
            causes.append(_kind(cause))
            cause = cause.__cause__ or cause.__context__
        frames = traceback.format_tb(error.__traceback__, -TRACE_FRAMES_MAX)
        return self._about(
            job,
            type=_kind(error),
            message=_text(error),
            causes=causes,
            traceback="".join(frames)[-TRACE_CHARS_MAX:],
            severity=severity,
        )

    def _send(self, body: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            f"{self.url}/api/v1/exceptions",
            data=json.dumps(body, default=str).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            method="POST",
        )
        opener = urllib.request.build_opener(_NoRedirects)
        with opener.open(request, timeout=self.timeout_s) as answer:
            answer.read(1024)


class _Telling:
    """One delivery in a thread of its own: neither a name server nor a server can hold the caller up."""

    def __init__(self, nightshift: Nightshift, describe: Callable[[], dict[str, Any]]) -> None:
        self.is_taken = False
        self._until = time.monotonic() + nightshift.timeout_s
        self._nightshift = nightshift
        self._thread = threading.Thread(target=self._run, args=(describe,), name="nightshift-client", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, or until there is no time left."""
        self._thread.join(max(0.0, self._until - time.monotonic()))
        self.is_over()

    def is_over(self) -> bool:
        """Did it end, or is there no time left?"""
        if self._thread.is_alive() and time.monotonic() < self._until:
            return False
        if self._thread.is_alive():
            self._nightshift.last_fault = f"no answer within {self._nightshift.timeout_s} s"
        return True

    def _run(self, describe: Callable[[], dict[str, Any]]) -> None:
        try:
            self._nightshift._send(describe())
            self.is_taken = True
        except BaseException as fault:
            self._nightshift.last_fault = _text(fault)
        finally:
            self._nightshift._room.release()


class Watch:
    """What `Nightshift.watch` gives."""

    def __init__(self, nightshift: Nightshift, job: str, resolve: bool, severity: str) -> None:
        self._nightshift, self._job, self._resolve, self._severity = nightshift, job, resolve, severity

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        """Report, and let the exception pass."""
        if isinstance(error, Exception):
            self._nightshift.report(error, self._job, severity=self._severity)
        elif error is None and self._resolve:
            self._nightshift.resolved(self._job)

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        """The same, without blocking the event loop."""
        if isinstance(error, Exception):
            described = functools.partial(self._nightshift._described, error, self._job, self._severity)
            await self._nightshift._tell_async(described)
        elif error is None and self._resolve:
            await self._nightshift._tell_async(lambda: self._nightshift._about(self._job, status="resolved"))

    def __call__(self, function: F) -> F:
        """Watch every call of a function, also of an async one."""
        watch = Watch(self._nightshift, self._job or getattr(function, "__name__", ""), self._resolve, self._severity)
        wrapped: Any
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapped(*args: Any, **kwargs: Any) -> Any:
                async with watch:
                    return await function(*args, **kwargs)

        else:

            @functools.wraps(function)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                with watch:
                    return function(*args, **kwargs)

        return wrapped  # type: ignore[no-any-return]


def _given(value: str | None, variable: str) -> str:
    return value if value is not None else os.environ.get(variable, "")


def _kind(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _text(error: BaseException) -> str:
    """The message; an exception may even fail at telling it."""
    try:
        return str(error)[:MESSAGE_CHARS_MAX]
    except Exception:
        return "(its message cannot be read)"
