"""The kill switch, switched on by whoever is on call: from then on no action starts."""

from engine.approving import Person
from store import site as sites
from store.pool import Connection

KILL = "kill"


async def stop_actions(conn: Connection, person: Person, *, reason: str = "") -> bool:
    """Nothing acts after this commit; False where it was so before. Letting actions run again is an operator's word."""
    if await sites.switch_is_on(conn, KILL):
        return False
    await sites.set_switch(conn, KILL, True, by=person.actor, reason=reason or f"STOP in {person.via}")
    return True
