"""What a message in a chat shows, made from the rows as they are at this moment; `subject` says which message it is.

`page:INCIDENT`, `finding:INCIDENT:ATTEMPT`, `card:EXECUTION`, `fix:INCIDENT`, `storm:STORM`, and `stop:ID` and
`news:KEY` for what is said once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agent.redaction import Redactor
from core.catalogue import Language, language_of, say
from core.desk import ABOUT, About, Verb
from core.diagnosis import Cause
from core.execution import State
from core.message import Message
from core.phrases_cards import PHRASES
from core.plain_text import cut, visible
from core.regrouping import OVER
from core.site import Channel, Site
from engine.news_details import news_details
from engine.stopping import KILL, told_of_stop
from engine.telling import frequency_of
from store import (
    aggregates,
    alerts,
    approvals,
    diagnoses,
    executions,
    flaps,
    incidents,
    learning,
    staleness,
    storms,
    tickets,
    timeline,
)
from store import site as sites
from store.pool import Connection, Row
from tools.act.proposals import current_playbooks
from tools.notify.buttons import Layout
from tools.notify.card_message import CardFacts, card_layout, card_message
from tools.notify.deed_words import deed_words
from tools.notify.finding_message import finding_message
from tools.notify.fix_message import LAYOUT as FIX_LAYOUT
from tools.notify.fix_message import fix_message
from tools.notify.news_message import news_message
from tools.notify.outcome_message import OutcomeFacts, outcome_layout, outcome_message
from tools.notify.page_message import PageFacts, incident_title, page_layout, page_message
from tools.notify.storm_message import SHOWN_MAX, storm_layout, storm_message

FLAPPING_MAX = AGGREGATES_MAX = 5
SUMMARY_CHARS_MAX = 160


@dataclass(frozen=True)
class Shown:
    """A message, the incident whose thread it belongs to (None: the chat itself), that thread's title, and the tickets
    of its buttons."""

    message: Message
    incident_id: UUID | None
    title: str = ""
    tickets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screen:
    """Where it is shown, and by which site."""

    conn: Connection
    site: Site
    channel: Channel

    @property
    def language(self) -> Language:
        """The language of the chat."""
        return language_of(self.channel.language)


async def show(screen: Screen, row: Row) -> Shown | None:
    """The message that a row of the outbox stands for; None where there is nothing to show (any more)."""
    kind, _, rest = str(row["subject"]).partition(":")
    match kind:
        case "page":
            return await _page(screen, UUID(rest))
        case "finding":
            incident_id, _, attempt = rest.partition(":")
            return await _finding(screen, UUID(incident_id), int(attempt))
        case "card":
            return await _card(screen, UUID(rest))
        case "fix":
            return await _fix(screen, UUID(rest))
        case "storm":
            return await _storm(screen, UUID(rest))
        case "stop":
            return Shown(told_of_stop(screen.language, row["body"]["by"], row["body"]["reason"]), None)
    return await _news(screen, row)


async def _page(screen: Screen, incident_id: UUID) -> Shown:
    conn = screen.conn
    incident = await incidents.get(conn, incident_id)
    known = await diagnoses.last(conn, incident_id)
    flapping = sorted({row["name"] for row in await flaps.of_incident(conn, incident_id)})[:FLAPPING_MAX]
    facts = PageFacts(
        incident,
        await alerts.summary(conn, incident_id),
        sum((await staleness.counts(conn, incident_id)).values()),
        await frequency_of(conn, incident),
        found=known["body"].get("summary", "") if known else "",
        is_confirmed=known is None or _is_sure(known),
        flapping=flapping,
        aggregates=await aggregates.of_incident(conn, incident_id, rows_max=AGGREGATES_MAX),
        storm=incident["storm"],
        summaries={key: _said_of(text) for key, text in (await alerts.summaries(conn, incident_id)).items()},
    )
    minted = await _mint(screen, page_layout(incident), incident_id)
    return _shown(page_message(facts, screen.language, minted), incident, minted)


async def _finding(screen: Screen, incident_id: UUID, attempt: int) -> Shown | None:
    diagnosis = await diagnoses.get(screen.conn, incident_id, attempt)
    if diagnosis is None:
        return None
    incident = await incidents.get(screen.conn, incident_id)
    recalled = await timeline.recalled(screen.conn, incident_id, attempt)
    return _shown(finding_message(diagnosis, recalled, attempt, screen.language), incident, {})


async def _card(screen: Screen, execution_id: UUID) -> Shown | None:
    """The card while people can decide, and from then on what became of it."""
    conn = screen.conn
    execution = await executions.get(conn, execution_id)
    approval = await approvals.of_execution(conn, execution_id)
    if approval is None or execution["card"] is None:
        return None
    incident = await incidents.get(conn, execution["incident_id"])
    votes = await approvals.votes(conn, approval["id"])
    execution = {**execution, "card": {**execution["card"], **deed_words(execution, screen.language)}}
    if execution["state"] != State.AWAITING_APPROVAL or approval["state"] != "pending":
        return await _outcome(screen, incident, execution, approval, votes)
    facts = CardFacts(
        incident, execution["card"], approval["needed"], approval["role"], approval["expires_at"],
        votes, await alerts.summary(conn, incident["id"]), is_stopped=await sites.switch_is_on(conn, KILL),
    )  # fmt: skip
    ids = {About.APPROVAL: str(approval["id"])}
    minted = await _mint(screen, card_layout(incident), incident["id"], ids, approval["intent_hash"])
    return _shown(card_message(facts, screen.language, minted), incident, minted)


async def _outcome(screen: Screen, incident: Row, execution: Row, approval: Row, votes: list[Row]) -> Shown:
    conn = screen.conn
    told = await timeline.last_words(conn, incident["id"], execution["id"])
    nothing: Mapping[str, Any] = {"body": {}, "reason": "", "actor": ""}
    verdict, learned, moved = (told.get(kind, nothing) for kind in ("verdict", "learned", "execution.changed"))
    book = (await current_playbooks(conn, screen.site)).get(execution["playbook_id"])
    facts = OutcomeFacts(
        incident, execution, reason=moved["reason"], actor=moved["actor"], votes=votes,
        glass=(approval["granted_by"], approval["reason"]) if approval["kind"] == "break_glass" else None,
        verdict=verdict["body"], verdict_reason=verdict["reason"], learned=learned["body"].get("counts") or {},
        has_way_back=bool(book and book.reversible and execution["observed"].get("before")),
    )  # fmt: skip
    ids = {About.EXECUTION: str(execution["id"])}
    minted = await _mint(screen, outcome_layout(facts), incident["id"], ids)
    return _shown(outcome_message(facts, screen.language, minted), incident, minted)


async def _fix(screen: Screen, incident_id: UUID) -> Shown | None:
    incident = await incidents.get(screen.conn, incident_id)
    told = await learning.human_fix(screen.conn, incident_id)
    if told is None and incident["state"] not in OVER:
        return None
    minted = {} if told else await _mint(screen, FIX_LAYOUT, incident_id)
    return _shown(fix_message(incident, told, screen.language, minted), incident, minted)


def _is_sure(known: Row) -> bool:
    """Nothing is claimed that could be wrong: it is confirmed, or says that the cause is not known."""
    return bool(known["body"].get("confirmed") or known["body"].get("cause") == Cause.UNKNOWN)


def _said_of(text: str) -> str:
    """What an alert says of itself, as part of a line in a chat of another company: redacted, and one line."""
    try:
        return cut(visible(" ".join(Redactor().redact(text).split())), SUMMARY_CHARS_MAX)
    except Exception:  # whatever went wrong, unredacted text must not leave
        return ""


async def _news(screen: Screen, row: Row) -> Shown:
    incident = await incidents.get(screen.conn, row["incident_id"])
    news = str(row["body"].get("news") or row["kind"])
    known = await diagnoses.last(screen.conn, incident["id"])
    body = {**row["body"], **await news_details(screen.conn, incident["id"], news, screen.language)}
    if body.get("found") and known and not _is_sure(known):
        body["found"] = say(PHRASES, "finding.unconfirmed", screen.language, text=body["found"])
    return _shown(news_message(incident, news, body, screen.language), incident, {})


async def _storm(screen: Screen, storm_id: UUID) -> Shown:
    storm = await storms.get(screen.conn, storm_id)
    members = await storms.members(screen.conn, storm_id, rows_max=SHOWN_MAX)
    minted = await _mint(screen, storm_layout(storm), None)
    message = storm_message(storm, members, screen.language, minted)
    return Shown(message, None, tickets=tuple(minted.values()))


async def _mint(
    screen: Screen, layout: Layout, incident_id: UUID | None, ids: Mapping[About, str] | None = None, bound: str = ""
) -> dict[Verb, str]:
    """A ticket for each button; those about an approval are bound to the action that the person sees."""
    ids = ids or {}
    return {
        verb: await tickets.mint(
            screen.conn, channel=screen.channel.id, verb=verb, incident_id=incident_id,
            subject=ids.get(ABOUT[verb], ""), bound=bound if ABOUT[verb] is About.APPROVAL else "",
        )
        for row in layout
        for verb in row
    }  # fmt: skip


def _shown(message: Message, incident: Row, minted: Mapping[Verb, str]) -> Shown:
    return Shown(message, incident["id"], incident_title(incident), tuple(minted.values()))
