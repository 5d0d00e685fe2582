"""Speaking in chats: one message after the other for each channel, at least once, and as things stand at that moment.

What a platform answered is kept in the row before the next message begins. A message whose answer was lost is sent
again, so a fault costs one double at most.
"""

import dataclasses
from dataclasses import dataclass
from uuid import UUID

import structlog

from core.canonical import sha256
from core.errors import NightshiftError, NotFound, Unavailable
from core.site import Channel
from engine.house import House
from engine.showing import Screen, Shown, show
from store import conversations, jobs, notifications, tickets, timeline
from store.conversations import Posted
from store.pool import Connection, Row
from tools.notify.voice import Gone, Place, Undeliverable, Voice, Wait

log = structlog.get_logger(__name__)

TOGETHER_MAX = 100
"""Messages of one chat in one job."""
PAUSE_S = 1.0
PAUSE_S_MAX = 15.0
"""Between two tries while a platform does not answer; a page must not wait long once it does."""
UNDELIVERABLE_S = 5.0
UNDELIVERABLE_S_MAX = 60.0
ATTEMPTS_MAX = 400
"""More than an hour and a half of silence."""
WAIT_S_MAX = 900.0
ERROR_CHARS_MAX = 300


@dataclass(frozen=True)
class Speech:
    """One row of the outbox, what it shows, where it goes, and the message that shows it already."""

    row: Row
    shown: Shown
    place: Place | None
    post: Row | None

    @property
    def hash(self) -> str:
        """Names what the message shows."""
        return sha256(dataclasses.asdict(self.shown.message))


async def speak(house: House, channel: str) -> None:
    """Say what waits for a chat, what is new and urgent first; jobs of one channel never overlap.

    While a platform wants us to wait, or does not answer, nothing goes there, and other chats do not notice.
    """
    for _ in range(TOGETHER_MAX):
        described = await _described(house, channel)
        async with house.store.begin() as conn:
            pause_s = (await conversations.waits(conn, channel, described.chat))[0] if described else 0.0
            row = None if pause_s else await notifications.next_to_say(conn, channel)
            if row is None:
                await _again(conn, channel, pause_s)
                return
        await _say(house, described, row)
    async with house.store.begin() as conn:
        await _again(conn, channel, 0.0)


async def sweep_chats(house: House) -> None:
    """Wake chats for which something waits that nobody is about to send: its job is lost."""
    chats = [channel.id for channel in (await house.site()).channels if channel.is_chat]
    if chats:
        async with house.store.begin() as conn:
            for channel in await notifications.chats_with_news(conn, chats):
                log.warning("voice.forgotten", channel=channel)
                await notifications.wake(conn, channel)


async def _again(conn: Connection, channel: str, pause_s: float) -> None:
    """What waits is said later, if anything does."""
    next_s = await notifications.next_in_s(conn, channel)
    if next_s is not None:
        await jobs.at(conn, "speak", channel, delay_s=max(next_s, pause_s), channel=channel)


async def _described(house: House, channel: str) -> Channel | None:
    found = (await house.site()).channel(channel)
    return found if found and found.is_chat else None


async def _say(house: House, channel: Channel | None, row: Row) -> None:
    """Send one message and keep what came of it."""
    if channel is None:
        async with house.store.begin() as conn:
            await notifications.unsaid(conn, row, "this channel is not described any more", pause_s=0, attempts_max=1)
        return
    try:
        speech = await _prepare(house, channel, row)
        if speech is not None:
            await _deliver(house, channel, speech)
        async with house.store.begin() as conn:
            await conversations.heard(conn, channel.id, channel.chat)
            await notifications.said(conn, row)
    except Wait as wait:
        await _hold(house, channel, min(wait.seconds, WAIT_S_MAX), wait.detail, failed=False)
    except Gone as error:
        await _lost(house, channel, row, error.detail)
    except Undeliverable as error:
        await _failed(house, row, error.detail)
    except Unavailable as error:
        await _silent(house, channel, row, error.detail)
    except NotFound as error:
        await _failed(house, row, error.detail, attempts_max=1)
    except NightshiftError as error:
        await _failed(house, row, error.detail)
    except Exception as error:  # whatever is wrong with one message, those behind it are said
        log.exception("voice.broken", channel=channel.id, subject=row["subject"])
        await _failed(house, row, repr(error))


async def _prepare(house: House, channel: Channel, row: Row) -> Speech | None:
    """What it shows now, and where; None where there is nothing to say. Tickets are kept before anybody can press."""
    site = await house.site()
    async with house.store.begin() as conn:
        shown = await show(Screen(conn, site, channel), row)
        if shown is None:
            return None
        place: Place | None = Place(channel.chat)
        if shown.incident_id is not None:
            known = await conversations.get(conn, channel.id, shown.incident_id, channel.chat)
            place = Place(known["chat"], known["thread"], known["root"]) if known else None
        post = await conversations.post_of(conn, channel.id, row["subject"])
        if post is not None and post["chat"] != channel.chat:
            post = None  # the channel has moved to another chat
        return Speech(row, shown, place, post)


async def _deliver(house: House, channel: Channel, speech: Speech) -> None:
    if speech.post is not None and speech.post["shown"] == speech.hash:
        return
    voice = await house.voices.of(channel)
    place = speech.place
    if place is None:
        place = await _open(house, channel, voice, speech)
        if speech.row["subject"] == _page_of(speech.shown.incident_id):
            return
    if speech.post is None:
        ref = await voice.post(place, speech.shown.message)
    else:
        ref = speech.post["ref"]
        place = Place(speech.post["chat"], speech.post["thread"], speech.post["root"])
        await voice.edit(place, ref, speech.shown.message)
    house.crashpoints.reach("spoken")
    async with house.store.begin() as conn:
        await _keep(conn, channel, speech, place, ref)


async def _open(house: House, channel: Channel, voice: Voice, speech: Speech) -> Place:
    """The incident's thread begins with its page, whatever is to be said in it."""
    incident_id = speech.shown.incident_id
    assert incident_id is not None, "only what belongs to an incident has a thread"
    first = speech
    if speech.row["subject"] != _page_of(incident_id):
        async with house.store.begin() as conn:
            row = {**speech.row, "subject": _page_of(incident_id), "kind": "page"}
            page = await show(Screen(conn, await house.site(), channel), row)
        assert page is not None, "an incident always has a page"
        first = Speech(row, page, None, None)
    place = await voice.open_thread(channel.chat, speech.shown.title, first.shown.message)
    house.crashpoints.reach("thread_opened")
    async with house.store.begin() as conn:
        # After those who write the timeline of this incident now: whoever comes later sees that it is followed.
        await conversations.open_thread(
            conn, channel.id, incident_id, chat=place.chat, thread=place.thread, root=place.root
        )
        await _keep(conn, channel, first, place, place.root)
        await jobs.at(conn, "follow_incident", str(incident_id), delay_s=0.0, incident_id=str(incident_id))
    return place


async def _keep(conn: Connection, channel: Channel, speech: Speech, place: Place, ref: str) -> None:
    row, incident_id = speech.row, speech.shown.incident_id
    await conversations.posted(
        conn,
        Posted(channel.id, row["subject"], incident_id, place.chat, place.thread, place.root, ref, speech.hash),
    )
    for ticket in speech.shown.tickets:
        await tickets.shown(conn, ticket, place.chat, ref)
    if speech.post is None and row["incident_id"]:
        told = {"channel": channel.id, "kind": row["kind"]}
        await timeline.append(conn, row["incident_id"], "page.sent", reason=row["kind"], body=told)


async def _hold(house: House, channel: Channel, seconds: float, reason: str, *, failed: bool) -> None:
    """Nothing to this chat for a while, by the platform's word or because it does not answer."""
    async with house.store.begin() as conn:
        await conversations.wait(conn, channel.id, channel.chat, seconds=seconds, reason=reason, failed=failed)


async def _silent(house: House, channel: Channel, row: Row, error: str) -> None:
    async with house.store.begin() as conn:
        failures = (await conversations.waits(conn, channel.id, channel.chat))[1]
    pause_s = min(PAUSE_S * 2 ** min(failures, 10), PAUSE_S_MAX)
    log.warning("voice.silent", channel=channel.id, error=error, again_s=pause_s)
    await _hold(house, channel, pause_s, error[:ERROR_CHARS_MAX], failed=True)
    async with house.store.begin() as conn:
        await notifications.unsaid(conn, row, error[:ERROR_CHARS_MAX], pause_s=0.0, attempts_max=ATTEMPTS_MAX)


async def _failed(house: House, row: Row, error: str, *, attempts_max: int = ATTEMPTS_MAX) -> None:
    """This message cannot arrive as it is; others may, and somebody may change what is wrong."""
    log.warning("voice.undeliverable", channel=row["channel"], subject=row["subject"], error=error)
    pause_s = min(UNDELIVERABLE_S * 2 ** min(row["attempts"], 10), UNDELIVERABLE_S_MAX)
    async with house.store.begin() as conn:
        await notifications.unsaid(conn, row, error[:ERROR_CHARS_MAX], pause_s=pause_s, attempts_max=attempts_max)


async def _lost(house: House, channel: Channel, row: Row, error: str) -> None:
    """The message that was edited, or the thread, is not there any more: it is posted anew."""
    log.info("voice.gone", channel=channel.id, subject=row["subject"], error=error)
    async with house.store.begin() as conn:
        if await conversations.post_of(conn, channel.id, row["subject"]):
            await conversations.forget_post(conn, channel.id, row["subject"])
        elif row["incident_id"] and not row["subject"].startswith("storm:"):
            await conversations.forget(conn, channel.id, row["incident_id"])
        pause_s = PAUSE_S_MAX if row["attempts"] else 0.0
        await notifications.unsaid(conn, row, error[:ERROR_CHARS_MAX], pause_s=pause_s, attempts_max=ATTEMPTS_MAX)


def _page_of(incident_id: UUID | None) -> str:
    return f"page:{incident_id}"
