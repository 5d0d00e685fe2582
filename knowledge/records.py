"""Track records: how often each playbook helped on this kind of trouble."""

from collections import defaultdict
from collections.abc import Iterable

from core.rates import Outcome, TrackRecord, track_record
from store import executions
from store.pool import Connection


async def track_records(conn: Connection, signature: str, playbook_ids: Iterable[str]) -> dict[str, TrackRecord]:
    """The record of each playbook on a signature; one that was never tried has an empty record."""
    wanted = list(playbook_ids)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    for row in await executions.outcomes(conn, signature, wanted):
        outcomes[row["playbook_id"]].append(Outcome(row["outcome"]))
    return {playbook_id: track_record(outcomes[playbook_id]) for playbook_id in wanted}
