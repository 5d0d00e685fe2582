"""Alerts as monitoring sends them: made by number, so that the same number is the same alert."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

SERVICES, CLUSTERS, NAMES = 200, 4, 50
SEVERITIES = ("critical", "warning", "info", "page")
FIRING_FOR = timedelta(hours=2)
BEGAN_AGO = timedelta(minutes=1)


class Form(StrEnum):
    """How the alerts of a request are wrapped."""

    V2 = "v2"
    V4 = "v4"


PATHS = {Form.V2: "/api/v2/alerts", Form.V4: "/api/v1/webhooks/alertmanager"}


def alert(number: int, now: datetime, word: str = "first") -> dict[str, Any]:
    """A firing alert of one instance; another `word` is a change of what it says."""
    node = f"node-{number:07d}"
    return {
        "labels": {
            "alertname": f"TooManyErrors{number % NAMES:02d}",
            "severity": SEVERITIES[number % len(SEVERITIES)],
            "cluster": f"zone-{number % CLUSTERS}",
            "namespace": f"group-{number % 25:02d}",
            "service": f"service-{number % SERVICES:03d}",
            "job": "node-services",
            "instance": f"{node}.example.com:9100",
        },
        "annotations": {
            "summary": f"requests to {node} fail",
            "description": f"More than one request in twenty has failed for five minutes; seen {word}.",
            "runbook_url": "https://runbooks.example.com/too-many-errors",
        },
        "startsAt": (now - BEGAN_AGO).isoformat(),
        "endsAt": (now + FIRING_FOR).isoformat(),
        "generatorURL": f"http://prometheus.example.com/graph?g0.expr=errors&g0.tab=1&node={number}",
    }


def body(alerts: Iterable[dict[str, Any]], form: Form) -> bytes:
    """One request's body."""
    if form is Form.V2:
        return orjson.dumps(list(alerts))
    told = [one | {"status": one.get("status", "firing"), "endsAt": "0001-01-01T00:00:00Z"} for one in alerts]
    return orjson.dumps(
        {"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "load", "alerts": told},
    )


def bodies(numbers: range, batch: int, form: Form, word: str = "first") -> list[bytes]:
    """Whole batches of these alerts, in order."""
    now = datetime.now(UTC)
    starts = range(numbers.start, numbers.stop - batch + 1, batch)
    return [body((alert(n, now, word) for n in range(start, start + batch)), form) for start in starts]
