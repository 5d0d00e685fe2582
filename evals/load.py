"""A load generator for the webhook: bodies made before the clock starts, one request in flight a connection."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

ALERTS_DISTINCT = 10_000


@dataclass(frozen=True)
class Load:
    """The result: alerts per second that were answered with 2xx, and latencies in milliseconds."""

    batch: int
    connections: int
    alerts_per_s: float
    p50_ms: float
    p99_ms: float
    refused: int


def bodies(batch: int, number: int, first: int = 0) -> list[bytes]:
    """Alertmanager v4 webhooks of `batch` alerts each, over a fixed set of distinct alerts."""
    started = datetime.now(UTC).isoformat()
    made = []
    for index in range(number):
        alerts = [_alert(first + (index * batch + n) % ALERTS_DISTINCT, started) for n in range(batch)]
        body = {"version": "4", "groupKey": "load", "status": "firing", "receiver": "load", "alerts": alerts}
        made.append(json.dumps(body).encode())
    return made


def _alert(index: int, started: str) -> dict[str, object]:
    labels = {
        "alertname": f"HighErrorRate{index % 50:02d}",
        "severity": ("critical", "warning", "info")[index % 3],
        "environment": "bench",
        "cluster": f"c{index % 4}",
        "service": f"service-{index % 200:03d}",
        "instance": f"node-{index:06d}:9100",
    }
    annotations = {
        "summary": f"more than 5 % of requests to node-{index:06d} fail",
        "runbook_url": "https://example.com",
    }
    return {"status": "firing", "labels": labels, "annotations": annotations, "startsAt": started}


async def run(host: str, port: int, key: str, batch: int, connections: int, seconds: float) -> Load:
    """Send for `seconds`; every answer is read whole before the next request leaves."""
    payloads = bodies(batch, max(ALERTS_DISTINCT // batch, 1))
    head = f"POST /api/v1/webhooks/alertmanager HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
    requests = [
        f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for body in payloads
    ]
    latencies: list[float] = []
    refused = 0
    end = perf_counter() + seconds

    async def one(offset: int) -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection(host, port)
        number = offset
        while perf_counter() < end:
            started = perf_counter()
            writer.write(requests[number % len(requests)])
            number += connections
            if await _status(reader) // 100 == 2:
                latencies.append(perf_counter() - started)
            else:
                refused += 1
        writer.close()

    began = perf_counter()
    await asyncio.gather(*(one(n) for n in range(connections)))
    wall = perf_counter() - began
    latencies.sort()
    return Load(
        batch,
        connections,
        round(len(latencies) * batch / wall, 1),
        round(latencies[len(latencies) // 2] * 1000, 2) if latencies else 0.0,
        round(latencies[int(len(latencies) * 0.99)] * 1000, 2) if latencies else 0.0,
        refused,
    )


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head[9:12])
