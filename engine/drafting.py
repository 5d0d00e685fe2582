"""Playbooks that experience wrote: always a draft, which a person publishes."""

import re
from collections.abc import Mapping
from glob import escape
from typing import Any

import structlog

from core.canonical import sha256
from core.diagnosis import Cause
from core.errors import BadConfiguration
from core.incident import signature_class, signature_family
from core.plain_text import cut
from core.playbook import ActionType
from core.playbook_form import read_playbook
from store import learning, playbooks
from store.pool import Connection, Row

log = structlog.get_logger(__name__)

SOURCE = "learned"
BY_HAND = "by-hand"
ID_CHARS_MAX = 120
TITLE_CHARS_MAX = 120


def learned_id(playbook_id: str, signature: str) -> str:
    """The id of what was learned of a playbook in one kind of trouble."""
    words = re.sub(r"[^a-z0-9]+", "-", signature.lower()).strip("-")
    whole = f"learned-{playbook_id}-{words}"
    return whole if len(whole) <= ID_CHARS_MAX else f"{whole[: ID_CHARS_MAX - 9]}-{sha256(whole)[:8]}"


def narrowed(of: Mapping[str, Any], signature: str, cause: str) -> dict[str, Any]:
    """A playbook's body, narrowed to one kind of trouble and its root cause."""
    said = f" ({signature_family(signature)}: {cause.replace('_', ' ')})"
    return {
        **of,
        **_fitting(signature, cause),
        "id": learned_id(of["id"], signature),
        "title": cut(of["title"], max(20, TITLE_CHARS_MAX - len(said))) + said,
    }


def by_hand(words: str, signature: str, cause: str) -> dict[str, Any]:
    """What people do by hand, as a playbook that only tells it; making it act is a person's work."""
    return {
        "id": learned_id(BY_HAND, signature),
        "title": cut(f"What people do about {signature_family(signature)}: {words}", TITLE_CHARS_MAX),
        "action": ActionType.ALERT_ONLY.value,
        "tier": 4,
        "advice": f"People fixed this by hand: {words}",
        **_fitting(signature, cause),
    }


def _fitting(signature: str, cause: str) -> dict[str, Any]:
    """One kind of trouble; without a known cause, whatever its cause."""
    causes = {} if cause == Cause.UNKNOWN else {"causes": [cause]}
    names = [f"{escape(signature_family(signature))}*"]
    return {"classes": [signature_class(signature).value], "alert_names": names, **causes}


async def draft_from_actions(conn: Connection, playbook_id: str, signature: str, cause: str) -> str | None:
    """Draft what a playbook's outcomes earned; the draft's id where there is something new to look at."""
    of = await _published(conn, playbook_id)
    if of is None or of["source"] == SOURCE or cause == Cause.UNKNOWN:
        return None
    return await _draft(conn, narrowed(of["body"], signature, cause))


async def draft_from_people(
    conn: Connection, playbook_id: str | None, words: str, signature: str, cause: str
) -> str | None:
    """Draft what people did by hand again and again; the draft's id where there is something new to look at."""
    if playbook_id is None:
        return await _draft(conn, by_hand(words, signature, cause))
    return await draft_from_actions(conn, playbook_id, signature, cause)


async def _published(conn: Connection, playbook_id: str) -> Row | None:
    return next((row for row in await playbooks.newest(conn) if row["id"] == playbook_id), None)


async def _draft(conn: Connection, body: dict[str, Any]) -> str | None:
    """Nothing is written where any version said the same: what a person published, changed or withdrew rests."""
    name = str(body["id"])
    try:
        read_playbook(body, 1, f"playbook {name}")
    except BadConfiguration as error:  # learning goes on without a draft
        log.warning("playbook.not_drafted", playbook=name, fault=error.detail)
        return None
    await learning.lock_draft(conn, name)
    if any(row["body"] == body for row in await playbooks.versions(conn, name)):
        return None
    await playbooks.put(conn, name, body, source=SOURCE, by="nightshift", status="draft")
    return name
