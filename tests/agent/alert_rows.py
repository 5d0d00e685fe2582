"""Rows of alerts as the fold writes them, from plain values."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from store import alerts
from store.pool import Connection


async def insert_alerts(conn: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """New episodes, each heard once, with no promise to be repeated."""
    ordered = sorted(rows, key=lambda row: str(row["identity"]))
    await alerts.insert(conn, [(UUID(row["incident_id"]), _texts(row)) for row in ordered], datetime.now(UTC))


def _texts(row: Mapping[str, Any]) -> list[str]:
    values = {"occurrences": 1, **row}
    fields = [values[column] for column in alerts.COLUMNS]
    return [*(json.dumps(field) if isinstance(field, dict) else str(field) for field in fields), ""]
