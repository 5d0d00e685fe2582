"""Metric questions to the built-in collector and to Prometheus get the same kind of answer, or say why not."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from core.errors import BadInput, Unavailable
from core.series import MetricQuery, QueryKind, Series
from store.bus import open_bus
from store.pool import open_store
from store.samples import SeriesIndex
from tools.read import metrics
from tools.read.metrics import CollectorMetrics, FirstThatKnows, PrometheusMetrics, ask, ask_range, selector

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
REQUESTS = MetricQuery(QueryKind.RATE, "shop_requests_total", {"service": "shop"}, window_s=30.0)
Answer = tuple[int, bytes]
QUERY = re.compile(r'(?P<metric>[a-z_:]+)\{(?P<labels>(?:[a-z_]+="(?:\\.|[^"\\])*",?)*)\}\[(?P<span>\d+)ms\]')


def matrix(metric: str, values: list[tuple[float, str]], **labels: str) -> bytes:
    result = [{"metric": {"__name__": metric, **labels}, "values": [[at, text] for at, text in values]}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


@contextlib.asynccontextmanager
async def prometheus(answer: Callable[[str, dict[str, str]], Answer], *, slow_s: float = 0.0) -> AsyncIterator[str]:
    """A server that only understands one instant query over a range selector, and refuses all else with 400."""

    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        method, target, _ = (await reader.readline()).decode().split()
        while (await reader.readline()).strip():
            pass
        url = urlsplit(target)
        params = {name: values[0] for name, values in parse_qs(url.query, strict_parsing=True).items()}
        known = method == "GET" and url.path == "/api/v1/query" and set(params) == {"query", "time", "timeout"}
        asked = QUERY.fullmatch(params.get("query", "")) if known else None
        status, body = (
            answer(asked["metric"], params) if asked else (400, b'{"error": "bad_data: I do not understand"}')
        )
        await asyncio.sleep(slow_s)
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(body)) + body)
        with contextlib.suppress(OSError):  # a client that read enough goes away
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.wait_for(asyncio.gather(*filter(None, serving)), 5)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def test_the_collector_answers_from_its_samples(database: Any) -> None:
    bus = await open_bus(database.url)
    async with open_store(database.url, bus, connections_max=4) as store:
        index = SeriesIndex()
        async with store.begin() as conn:
            for second in range(0, 61, 10):
                at, labels = NOW - timedelta(seconds=60 - second), {"service": "shop", "instance": "shop-1"}
                await index.insert(conn, at, [("shop_requests_total", labels, 5.0 * second)])
                await index.insert(conn, at, [("shop_requests_total", {"service": "other"}, 900.0 * second)])
        source = CollectorMetrics(store)

        [reading] = await ask(source, REQUESTS, NOW)
        assert reading.value == pytest.approx(5.0)
        [points] = (await ask_range(source, REQUESTS, NOW - timedelta(seconds=20), NOW, 10.0)).values()
        assert [value for _, value in points] == pytest.approx([5.0, 5.0, 5.0])
        assert await ask(source, REQUESTS, NOW + timedelta(hours=1)) == []
    await bus.close()


async def test_prometheus_is_asked_for_raw_samples_with_escaped_labels(client: httpx.AsyncClient) -> None:
    asked: list[dict[str, str]] = []

    def answer(metric: str, params: dict[str, str]) -> Answer:
        asked.append(params)
        start = NOW.timestamp() - 30
        return 200, matrix(metric, [(start + 10 * n, str(40.0 * n)) for n in range(4)], instance="shop-1")

    async with prometheus(answer) as url:
        query = MetricQuery(QueryKind.RATE, "shop_requests_total", {"route": 'a"b\\c\n'}, ("instance",), window_s=30.0)
        [reading] = await ask(PrometheusMetrics(url, client), query, NOW)

    assert reading.value == pytest.approx(4.0)
    assert reading.labels == {"instance": "shop-1"}
    [params] = asked
    assert params["query"] == 'shop_requests_total{route="a\\"b\\\\c\\n"}[30001ms]'
    assert float(params["time"]) == NOW.timestamp()


async def test_numbers_that_are_none_are_not_answers(client: httpx.AsyncClient) -> None:
    """A rule that compares with NaN is false, which would look like health."""
    async with prometheus(lambda metric, _: (200, matrix(metric, [(NOW.timestamp() - 1, "NaN")]))) as url:
        query = MetricQuery(QueryKind.VALUE, "shop_age")
        assert await ask(PrometheusMetrics(url, client), query, NOW) == []


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, b'{"status":"error","error":"query timed out"}', "503: query timed out"),
        (502, b"<html>", "502: no reason given"),
        (200, b"<html>", "did not answer like Prometheus"),
        (200, b'{"data": {"result": [{"metric": {}, "values": [[1, "many"]]}]}}', "did not answer like Prometheus"),
        (200, b" " * (metrics.ANSWER_BYTES_MAX + 1), "more than 16 MiB"),
    ],
)
async def test_a_prometheus_in_trouble_is_unavailable_and_says_what_to_do(
    client: httpx.AsyncClient, status: int, body: bytes, said: str
) -> None:
    async with prometheus(lambda *_: (status, body)) as url:
        with pytest.raises(Unavailable, match=re.escape(said)):
            await ask(PrometheusMetrics(url, client), REQUESTS, NOW)


async def test_a_prometheus_that_hangs_or_is_gone_is_unavailable(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "ANSWER_WAIT_S", 0.2)
    async with prometheus(lambda *_: (200, b""), slow_s=0.5) as url:
        with pytest.raises(Unavailable, match="did not answer within"):
            await ask(PrometheusMetrics(url, client), REQUESTS, NOW)
    with pytest.raises(Unavailable, match="check prometheus_url"):
        await ask(PrometheusMetrics(url, client), REQUESTS, NOW)


def test_a_name_that_cannot_exist_is_refused() -> None:
    for metric, matchers in (("up} or vector(1", {}), ("up", {"a=~": "x"})):
        with pytest.raises(BadInput):
            selector(metric, matchers)


class Fixed:
    """A source that knows what it is given, or fails."""

    def __init__(self, known: list[Series] | Unavailable) -> None:
        self.known, self.asked = known, 0

    async def series(self, *_: object) -> list[Series]:
        self.asked += 1
        if isinstance(self.known, Unavailable):
            raise self.known
        return self.known


async def test_the_first_source_that_knows_answers_and_a_failure_is_never_an_empty_answer() -> None:
    empty, broken, known = Fixed([]), Fixed(Unavailable("away")), Fixed([Series("up", {}, [(1.0, 1.0)])])
    last = Fixed([])

    assert await FirstThatKnows([empty, broken, known, last]).series(["up"], {}, NOW, NOW) == known.known
    assert last.asked == 0
    assert await FirstThatKnows([empty]).series(["up"], {}, NOW, NOW) == []
    with pytest.raises(Unavailable, match="away"):
        await FirstThatKnows([empty, broken]).series(["up"], {}, NOW, NOW)
