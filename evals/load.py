"""A load generator for alerts: `python -m evals.load --port 8080 --key KEY --batch 100 --connections 16`.

Every request is made before the clock starts, each connection has one request in flight, and one process drives all of
them over epoll. One line of JSON tells how fast it was, and how much CPU it took itself: near 1.0 means that it was
the limit, not the server. With `--server` it also tells what others used: above 0.2 the machine was not quiet.
"""

import argparse
import json
import select
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from time import perf_counter

from evals.line import Line
from evals.machine import busy_s, cpu_s, own_cpu_s
from evals.payloads import PATHS, Form, bodies

UNANSWERED_S = 30.0  # how long after the end an answer may still come
RETRY_S = 2.0  # about what a sender is asked to wait
POLL_S = 0.2


class Kind(StrEnum):
    """What the alerts of a run are to a server that knows the earlier ones."""

    REPEATS = "repeats"  # the same, word for word
    CHANGED = "changed"  # the same, saying something else than before
    NEW = "new"


@dataclass(frozen=True)
class Plan:
    """A run. `rate` is requests a second, 0 for as many as go; with `retry_for_s` refused requests come again."""

    port: int = 8080
    key: str = ""
    form: str = Form.V2.value
    kind: str = Kind.REPEATS.value
    batch: int = 100
    connections: int = 16
    seconds: float = 10.0
    warm_up_s: float = 1.0
    alerts: int = 10_000
    first: int = 0
    rate: float = 0.0
    retry_for_s: float = 0.0
    once: int = 0  # stop when each alert was sent once
    server: list[int] = field(default_factory=list)

    def words(self) -> list[str]:
        """As arguments for the command line."""
        made = []
        for name, value in asdict(self).items():
            for one in value if isinstance(value, list) else [value]:
                made += [f"--{name.replace('_', '-')}", str(one)]
        return made


@dataclass(frozen=True)
class Load:
    """The result: alerts a second answered 2xx, latencies in milliseconds, shares of one core."""

    alerts_per_s: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    accepted: int  # alerts
    statuses: dict[str, int]  # answers; "0" is a connection that broke
    unsent: int  # requests that were never accepted
    wall_s: float
    own_cpu_share: float
    server_cpu_share: float
    other_cpu_share: float


def made(plan: Plan) -> list[bytes]:
    """The requests of a run, in the order of sending."""
    numbers = range(plan.first, plan.first + plan.alerts)
    words = {Kind.CHANGED: ("second", "first")}.get(Kind(plan.kind), ("first",))
    head = (
        f"POST {PATHS[Form(plan.form)]} HTTP/1.1\r\nHost: 127.0.0.1:{plan.port}\r\nContent-Type: application/json\r\n"
    )
    if plan.key:
        head += f"Authorization: Bearer {plan.key}\r\n"
    return [
        f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        for word in words
        for body in bodies(numbers, plan.batch, Form(plan.form), word)
    ]


class Run:
    """The connections, the requests, and what came back."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.requests = made(plan)
        self.next = 0
        self.again: deque[tuple[float, int]] = deque()
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.poll = select.epoll()
        self.lines: dict[int, Line] = {}
        for _ in range(plan.connections):
            self._open()
        self.idle = list(self.lines.values())

    def pass_over(self, first: int, number: int) -> None:
        """Send some requests once, without the clock."""
        self.next = first
        self._drive(perf_counter() + 600, first + number, 0.0, 60.0)

    def timed(self, seconds: float, *, rate: float = 0.0, retry_for_s: float = 0.0) -> tuple[float, int]:
        """Send for so long; the seconds it took, and how many requests were never accepted."""
        self.latencies.clear()
        self.statuses.clear()
        once = self.plan.once or self.plan.kind == Kind.NEW
        began = perf_counter()
        self._drive(began + seconds, len(self.requests) if once else None, rate, retry_for_s)
        return perf_counter() - began, len(self.again)

    def _drive(self, end: float, stop_at: int | None, rate: float, retry_for_s: float) -> None:
        self.again.clear()
        began, first = perf_counter(), self.next
        while True:
            now = perf_counter()
            due = end if not rate else began + (self.next - first) / rate
            self._fill(now, end, stop_at, due if rate else None, retry_for_s)
            sending = now < end and (stop_at is None or self.next < stop_at)
            retrying = bool(self.again) and now < end + retry_for_s
            busy = len(self.idle) < len(self.lines)
            if (not busy and not sending and not retrying) or now > end + retry_for_s + UNANSWERED_S:
                self.statuses["unanswered"] += len(self.lines) - len(self.idle)
                return
            wait = min(POLL_S, max(0.0, due - now)) if self.idle and rate and sending else POLL_S
            for number, events in self.poll.poll(0.01 if self.again and self.idle else wait):
                self._step(self.lines[number], events, retry_for_s)

    def _fill(self, now: float, end: float, stop_at: int | None, due: float | None, retry_for_s: float) -> None:
        """Give every idle connection a request: first what was refused, then what comes next."""
        while self.idle:
            if self.again and self.again[0][0] <= now < end + retry_for_s:
                self._send(self.again.popleft()[1], now)
            elif now < end and (stop_at is None or self.next < stop_at) and (due is None or due <= now):
                self._send(self.next % len(self.requests), now if due is None else due)
                self.next += 1
                if due is not None:
                    due += 1 / self.plan.rate
            else:
                return

    def _send(self, number: int, began: float) -> None:
        line = self.idle.pop()
        line.number = number
        if not line.send(self.requests[number], began):
            self.poll.modify(line.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _step(self, line: Line, events: int, retry_for_s: float) -> None:
        if events & select.EPOLLOUT and line.flush():
            self.poll.modify(line.fileno(), select.EPOLLIN)
        if not events & ~select.EPOLLOUT:
            return
        status = line.receive()
        if status is None:
            return
        self.statuses[str(status)] += 1
        if 200 <= status < 300:
            self.latencies.append(perf_counter() - line.began)
        elif retry_for_s:
            self.again.append((perf_counter() + RETRY_S, line.number))
        if line.is_over:
            del self.lines[line.fileno()]
            line.close()
            line = self._open()
        self.idle.append(line)

    def _open(self) -> Line:
        line = Line(self.plan.port)
        self.lines[line.fileno()] = line
        self.poll.register(line.fileno(), select.EPOLLIN)
        return line


def run(plan: Plan) -> Load:
    """Everything once in this process: requests, warm-up, the measured time."""
    going = Run(plan)
    distinct = plan.alerts // plan.batch
    if plan.kind == Kind.REPEATS and not plan.once:
        going.pass_over(0, distinct)
    if plan.kind == Kind.CHANGED:
        going.pass_over(distinct, distinct)
    going.next = 0
    if plan.warm_up_s:
        going.timed(plan.warm_up_s)
    before, own, server = busy_s(), own_cpu_s(), cpu_s(plan.server)
    wall, unsent = going.timed(plan.seconds, rate=plan.rate, retry_for_s=plan.retry_for_s)
    mine, theirs, all_of_it = own_cpu_s() - own, cpu_s(plan.server) - server, busy_s() - before
    took = sorted(going.latencies)
    accepted = len(took) * plan.batch
    return Load(
        alerts_per_s=round(accepted / wall, 1),
        p50_ms=_percentile(took, 0.5),
        p99_ms=_percentile(took, 0.99),
        worst_ms=_percentile(took, 1.0),
        accepted=accepted,
        statuses={word: number for word, number in going.statuses.items() if number},
        unsent=unsent,
        wall_s=round(wall, 2),
        own_cpu_share=round(mine / wall, 2),
        server_cpu_share=round(theirs / wall, 2),
        other_cpu_share=round(max(0.0, all_of_it - mine - theirs) / wall, 2),
    )


def run_apart(plan: Plan) -> Load:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "evals.load", *plan.words()]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Load(**json.loads(done.stdout))


def _percentile(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2) if ordered else 0.0


def main() -> None:
    """The command line: an option for each field of a plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    blank = Plan()
    for one in fields(Plan):
        default, option = getattr(blank, one.name), f"--{one.name.replace('_', '-')}"
        if isinstance(default, list):
            parser.add_argument(option, type=int, action="append", default=[])
        else:
            parser.add_argument(option, type=type(default), default=default)
    print(json.dumps(asdict(run(Plan(**vars(parser.parse_args()))))))


if __name__ == "__main__":
    main()
