"""Where metric series come from, and how a question is put to them: fetch raw series, compute in the core."""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import httpx
import msgspec

from core.errors import BadInput, Unavailable
from core.series import Group, MetricQuery, Point, Reading, Series, read_at, read_range
from store import samples
from store.pool import Store

ANSWER_BYTES_MAX = 16 * 1024 * 1024
ANSWER_WAIT_S = 10.0
STEPS_MAX = 500
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class MetricsSource(Protocol):
    """Raw series by metric name and exact labels."""

    async def series(
        self, metrics: Sequence[str], matchers: Mapping[str, str], start: datetime, end: datetime
    ) -> list[Series]:
        """The series with their points in a range of time. Raises Unavailable where the source does not answer."""
        ...


class CollectorMetrics:
    """The samples of the built-in collector."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def series(
        self, metrics: Sequence[str], matchers: Mapping[str, str], start: datetime, end: datetime
    ) -> list[Series]:
        """Read them in a unit of work of their own."""
        async with self._store.begin() as conn:
            return await samples.read(conn, metrics, matchers, start, end)


class PrometheusMetrics:
    """Raw samples of a Prometheus (or anything with its query API), by an instant query over a range selector."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self._url, self._client = url.rstrip("/"), client

    async def series(
        self, metrics: Sequence[str], matchers: Mapping[str, str], start: datetime, end: datetime
    ) -> list[Series]:
        """Ask once a metric."""
        return [one for metric in metrics for one in await self._metric(metric, matchers, start, end)]

    async def _metric(self, metric: str, matchers: Mapping[str, str], start: datetime, end: datetime) -> list[Series]:
        # The selector is open on the left in Prometheus 3; the extra millisecond keeps a sample at `start`.
        span_ms = math.ceil((end - start).total_seconds() * 1000) + 1
        params = {
            "query": f"{selector(metric, matchers)}[{span_ms}ms]",
            "time": f"{end.timestamp():.3f}",
            "timeout": f"{ANSWER_WAIT_S:.0f}s",
        }
        return _read_matrix(await self._get(params), metric, self._url)

    async def _get(self, params: Mapping[str, str]) -> bytes:
        body = bytearray()
        try:
            async with (
                asyncio.timeout(ANSWER_WAIT_S),
                self._client.stream("GET", f"{self._url}/api/v1/query", params=dict(params)) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        raise Unavailable(f"Prometheus at {self._url} answered with more than 16 MiB; ask for less.")
        except TimeoutError as error:
            raise Unavailable(
                f"Prometheus at {self._url} did not answer within {ANSWER_WAIT_S:.0f} s; see whether it is overloaded."
            ) from error
        except httpx.HTTPError as error:
            raise Unavailable(
                f"Prometheus at {self._url} cannot be reached ({type(error).__name__}); check prometheus_url."
            ) from error
        if answer.status_code != httpx.codes.OK:
            raise Unavailable(
                f"Prometheus at {self._url} answered {answer.status_code}: {_error_of(bytes(body))}; check its log."
            )
        return bytes(body)


class FirstThatKnows:
    """Several sources, asked in order until one has series. A source that fails is only forgiven if another knows."""

    def __init__(self, sources: Sequence[MetricsSource]) -> None:
        self._sources = tuple(sources)

    async def series(
        self, metrics: Sequence[str], matchers: Mapping[str, str], start: datetime, end: datetime
    ) -> list[Series]:
        """The series of the first source that has any."""
        failed: Unavailable | None = None
        for source in self._sources:
            try:
                if found := await source.series(metrics, matchers, start, end):
                    return found
            except Unavailable as error:
                failed = failed or error
        if failed:
            raise failed
        return []


def selector(metric: str, matchers: Mapping[str, str]) -> str:
    """`metric{label="value"}` with everything checked or escaped. Raises BadInput for names that cannot exist."""
    wrong = [name for name in matchers if not _LABEL.fullmatch(name)]
    if wrong or not _METRIC.fullmatch(metric):
        raise BadInput(f"{(wrong or [metric])[0]!r} is no name of a metric or label.")
    parts = [f'{name}="{_escaped(value)}"' for name, value in sorted(matchers.items())]
    return f"{metric}{{{','.join(parts)}}}"


async def ask(source: MetricsSource, query: MetricQuery, at: datetime) -> list[Reading]:
    """Answer a question for the window that ends at `at`. An answer that is no number is no answer."""
    series = await source.series(query.metrics, query.matchers, at - timedelta(seconds=query.window_s), at)
    return [reading for reading in read_at(query, series, at.timestamp()) if not math.isnan(reading.value)]


async def ask_range(
    source: MetricsSource, query: MetricQuery, start: datetime, end: datetime, step_s: float
) -> dict[Group, list[Point]]:
    """Answer a question at each step of a range, from one fetch; at most 500 steps, else they are made longer."""
    series = await source.series(query.metrics, query.matchers, start - timedelta(seconds=query.window_s), end)
    step_s = max(step_s, (end - start).total_seconds() / STEPS_MAX)
    answers = await asyncio.to_thread(read_range, query, series, start.timestamp(), end.timestamp(), step_s)
    return {group: [p for p in points if not math.isnan(p[1])] for group, points in answers.items()}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class _Result(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Data(msgspec.Struct):
    result: list[_Result]


class _Answer(msgspec.Struct):
    data: _Data


def _read_matrix(body: bytes, metric: str, url: str) -> list[Series]:
    try:
        results = msgspec.json.decode(body, type=_Answer).data.result
        return [
            Series(
                metric,
                {name: value for name, value in one.metric.items() if name != "__name__"},
                [(at, float(text)) for at, text in one.values],
            )
            for one in results
        ]
    except (msgspec.DecodeError, ValueError) as error:
        raise Unavailable(f"{url} did not answer like Prometheus ({error}); check prometheus_url.") from error


def _error_of(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["error"])[:200]
    except (msgspec.DecodeError, KeyError, TypeError):
        return "no reason given"
