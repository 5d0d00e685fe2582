"""The kill switch, switched on by whoever is on call: from then on no action starts, and everybody is told."""

from collections.abc import Iterable

from core.catalogue import Language, say
from core.message import Message, Tone
from core.phrases_desk import PHRASES
from core.plain_text import cut, visible
from core.site import Channel, Site
from engine.approving import Person
from engine.outbox import tell
from store import jobs
from store import site as sites
from store.ids import new_id
from store.pool import Connection

KILL = "kill"
REASON_CHARS_MAX = 300


async def stop_actions(conn: Connection, site: Site, person: Person, *, reason: str = "", told_in: str = "") -> bool:
    """Nothing acts after this commit; False where it was so before. Letting actions run again is an operator's word.

    `told_in`: the channel in which it is told already.
    """
    if await sites.switch_is_on(conn, KILL):
        return False
    await turn_kill(conn, True, by=person.actor, reason=reason or f"STOP in {person.via}")
    await tell_stop(conn, (one for one in site.channels if one.id != told_in), by=person.name, reason=reason)
    return True


async def turn_kill(conn: Connection, is_on: bool, *, by: str, reason: str) -> None:
    """Turn the switch. Every card that waits says so soon after: nothing that is locked may keep people from STOP."""
    await sites.set_switch(conn, KILL, is_on, by=by, reason=reason)
    await jobs.defer(conn, "follow_cards")


async def tell_stop(conn: Connection, channels: Iterable[Channel], *, by: str, reason: str) -> None:
    """Say over every channel that somebody stopped all actions."""
    subject = f"stop:{new_id()}"
    body = {"title": PHRASES["told.stop"].en, "by": by, "reason": cut(visible(reason), REASON_CHARS_MAX)}
    await tell(conn, channels, None, "stop", body, key=subject, subject=subject)


def told_of_stop(language: Language, name: str, reason: str) -> Message:
    """What everybody reads when somebody has stopped all actions."""
    rows = [(say(PHRASES, "row.by", language), name)]
    if reason:
        rows.append((say(PHRASES, "row.reason", language), cut(visible(reason), REASON_CHARS_MAX)))
    rows.append((say(PHRASES, "row.off", language), "nightshift kill off"))
    return Message(say(PHRASES, "told.stop", language), Tone.BAD, rows)
