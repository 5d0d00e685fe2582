"""Changes of services as evidence: what was deployed, rolled back, restarted or configured, and when."""

from collections.abc import Sequence
from datetime import datetime

from core.evidence import Evidence, EvidenceKind
from core.plain_text import cut, visible
from store import changes
from store.pool import Connection, Row

STATEMENT_CHARS_MAX = 240
# Repairs: they put back what ran before, so they are shown but never taken for the change that broke something.
REPAIRS = frozenset({"rollback", "restart"})


async def read(
    conn: Connection, environment: str, services: Sequence[str], start: datetime, end: datetime, first_alert: datetime
) -> list[Evidence]:
    """The changes of some services in a range of time, newest first; `source` is `<kind>:<who told us>`."""
    rows = await changes.between(conn, environment, services, start, end)
    return [_evidence(row, first_alert) for row in rows]


def may_have_broken(evidence: Sequence[Evidence], first_alert: datetime) -> list[Evidence]:
    """The changes that can be a cause: no repairs, and nothing that was rolled back before the trouble began."""
    undone: dict[str, datetime] = {}
    for change in evidence:
        if change.source.startswith("rollback:") and change.at and change.at < first_alert:
            undone[change.service] = max(change.at, undone.get(change.service, change.at))
    return [
        change
        for change in evidence
        if change.source.partition(":")[0] not in REPAIRS
        and not (change.at and change.service in undone and change.at <= undone[change.service])
    ]


def relative_to(at: datetime, first_alert: datetime) -> str:
    """`12 s before the first alert`, `4 min after the first alert`."""
    seconds = (at - first_alert).total_seconds()
    if abs(seconds) < 0.5:
        return "at the same time as the first alert"
    size = f"{abs(seconds):.0f} s" if abs(seconds) < 120 else f"{abs(seconds) / 60:.0f} min"
    return f"{size} {'before' if seconds < 0 else 'after'} the first alert"


def _evidence(row: Row, first_alert: datetime) -> Evidence:
    versions = f"{row['previous_version']} -> {row['version']}" if row["previous_version"] else row["version"]
    # A restart leaves the version as it is; then the sender's own words say more.
    told = row["version"] and row["version"] != row["previous_version"]
    what = f"{row['kind']} {row['service']} {versions}" if told else f"{row['kind']} {row['service']}: {row['summary']}"
    by = f" by {row['author']}" if row["author"] else ""
    return Evidence(
        id=f"change:{row['id']}",
        kind=EvidenceKind.CHANGE,
        statement=f"{cut(visible(what + by), STATEMENT_CHARS_MAX)}, {relative_to(row['at'], first_alert)}",
        source=f"{row['kind']}:{row['source']}",
        service=row["service"],
        at=row["at"],
        strength=1.0 / (1.0 + abs((row["at"] - first_alert).total_seconds()) / 60.0),
    )
