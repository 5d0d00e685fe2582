"""What is kept for a while only: bodies in quarantine, idempotency keys, claims of ended incidents, learned edges,
sessions, what was delivered and shown in chats, conversations."""

from engine.house import House
from store import (
    conversations,
    dependencies,
    heard_updates,
    idempotency,
    quarantine,
    regrouping,
    sessions,
    threads,
    tickets,
)

CLAIMS_KEPT_S = 86_400.0
TALK_KEPT_S = 90 * 86_400.0
"""Conversations about an incident are kept with it."""


async def forget_old(house: House) -> None:
    """Each in a transaction of its own, so that none waits for another."""
    site = await house.site()
    async with house.store.begin() as conn:
        await quarantine.forget(conn, older_than_s=site.timings.quarantine_keep_s)
    async with house.store.begin() as conn:
        await idempotency.forget(conn, older_than_s=site.timings.idempotency_keep_s)
    async with house.store.begin() as conn:
        await regrouping.forget_claims(conn, older_than_s=CLAIMS_KEPT_S)
    async with house.store.begin() as conn:
        await dependencies.forget(conn, older_than_s=site.learning.keep_s)
    async with house.store.begin() as conn:
        await sessions.forget(conn)
    async with house.store.begin() as conn:
        await conversations.forget_old(conn)
        await tickets.forget(conn)
        await heard_updates.forget(conn)
    async with house.store.begin() as conn:
        forgotten = await threads.forget(conn, older_than_s=TALK_KEPT_S)
    for thread_id in forgotten:
        await (await house.chats()).forget(str(thread_id))
