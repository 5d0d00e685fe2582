"""Several processes behind one port: the kernel deals connections out to them, a parent looks after them.

One process uses one core, and a storm of alerts can use more. Each process is a whole `serve` over the same database,
as on several machines. The parent holds the port, so that nobody else takes it, and starts again what died.
"""

import gc
import importlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, NoReturn

import structlog
from prometheus_client import values

log = structlog.get_logger(__name__)

AGAIN_S = 1.0  # before a process that died is started again
HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
FAULT = 70  # the exit code of a process that ended by an exception nobody expected
FIGURES = "PROMETHEUS_MULTIPROC_DIR"  # where processes add up what they count, so that any of them can tell all


class Life(NamedTuple):
    """What a process is told of its own: whether it is the first, what to call once it serves, and a descriptor that
    can be read once there is no parent any more."""

    is_first: bool
    ready: Callable[[], object]
    orphaned: int


Serve = Callable[[Life], int]


def run(number: int, serve: Serve) -> int:
    """`serve` in so many processes until a signal; the exit code. A first one that cannot start ends everything."""
    with tempfile.TemporaryDirectory(prefix="nightshift-figures-") as folder:
        os.environ[FIGURES] = folder
        # It was chosen when it was imported, before there was a folder.
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
        importlib.import_module("api.app")  # what is loaded before the fork is there once for all of them
        gc.freeze()
        return _Parent(serve).run(number)


class _Parent:
    """Starts, watches and ends the processes. Signals wait until it has time for them, so none comes between."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._children: set[int] = set()
        self._orphaned, self._held = os.pipe()  # nothing is ever written: the held end closes with this process

    def run(self, number: int) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        try:
            if not self._start(is_first=True):
                [(_, code)] = self._ended(wait=True)
                return code
            for _ in range(number - 1):
                self._start()
            log.info("processes.serve", number=number)
            self._watch()
            return 0
        finally:
            for pid in self._children:
                os.kill(pid, signal.SIGTERM)
            self._ended(wait=True)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)

    def _start(self, *, is_first: bool = False) -> bool:
        """Start one, and wait until it serves or has ended: is it ready?"""
        said, says = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._be_child(Life(is_first, partial(os.write, says, b"."), self._orphaned))
        self._children.add(pid)
        os.close(says)
        with os.fdopen(said, "rb") as answer:
            return answer.read(1) != b""

    def _be_child(self, life: Life) -> NoReturn:
        code = FAULT
        try:
            os.close(self._held)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
            code = self._serve(life)
        except BaseException:
            log.exception("process.broke")
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _watch(self) -> None:
        """Until a signal says stop."""
        while signal.sigwait(HEARD) == signal.SIGCHLD:
            for pid, code in self._ended():
                log.warning("process.died", pid=pid, code=code)
                time.sleep(AGAIN_S)
                self._start()

    def _ended(self, *, wait: bool = False) -> list[tuple[int, int]]:
        """The processes that ended since the last look, with their exit codes; that of a signal is negative."""
        found = [os.waitpid(pid, 0 if wait else os.WNOHANG) for pid in self._children]
        ended = [(pid, os.waitstatus_to_exitcode(status)) for pid, status in found if pid]
        self._children -= {pid for pid, _ in ended}
        return ended
