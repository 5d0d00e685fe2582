"""The approval card in a chat: everything that a person needs to decide, and every button."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.catalogue import Language, say
from core.desk import Verb
from core.message import Message, Tone
from core.phrases_cards import PHRASES
from core.resource import target_words
from core.written_decision import HASH_CHARS
from tools.notify.buttons import Layout, buttons, offered
from tools.notify.page_message import alert_words, incident_title, labelled, moment_words, shortened
from tools.notify.record_words import record_notes, record_words

UNKNOWNS_MAX = 3
"""On a card; the finding above it names more."""
LAYOUT: Layout = (
    (Verb.APPROVE, Verb.REJECT),
    (Verb.ASK, Verb.EDIT),
    (Verb.ACKNOWLEDGE, Verb.TAKE_OVER),
    (Verb.SILENCE_1H, Verb.ESCALATE, Verb.STOP),
)


@dataclass(frozen=True)
class CardFacts:
    """What a card shows: the incident, the card as it was built, the approval (needed, role, expires_at), the votes
    with names, what fires now by name and service, and whether STOP is on."""

    incident: Mapping[str, Any]
    card: Mapping[str, Any]
    needed: int
    role: str
    expires_at: datetime
    votes: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()
    is_stopped: bool = False


def card_layout(incident: Mapping[str, Any]) -> Layout:
    """Every button that can do something as the incident stands."""
    return offered(LAYOUT, incident["state"])


def card_message(facts: CardFacts, language: Language, tickets: Mapping[Verb, str]) -> Message:
    """The card of an action that waits for people."""
    card = facts.card
    rows = [
        ("but", say(PHRASES, "card.stopped", language) if facts.is_stopped else ""),
        *deed_rows(card),
        ("why", card["why"] if card["confirmed"] else say(PHRASES, "card.unconfirmed", language, text=card["why"])),
        *[("evidence", text) for text in card["evidence"] if text not in card["why"]],
        *[("unknown", text) for text in shortened(card["not_known"], UNKNOWNS_MAX, language)],
        ("but", card["disagreement"]),
        ("users_now", _now(facts.alerts, language)),
        ("reach", _plain(card["blast_radius"], card)),
        *[("others", text) for text in card.get("others", ())],
        ("if_nothing", _if_nothing(facts.alerts, language)),
        *helped_rows(card, language),
        *[("instead", text) for text in card["alternatives"]],
        ("way_back", card["undo"]),
        ("expires", moment_words(facts.expires_at)),
        ("who", say(PHRASES, "card.who", language, count=facts.needed, role=facts.role)),
        ("votes", _votes(facts.votes, facts.needed, language)),
    ]
    return Message(
        say(PHRASES, "card.title", language, title=card["title"]),
        Tone.WAITING,
        (("", incident_title(facts.incident)), *labelled(rows, language)),
        code=call_of(card),
        footer=bound_words(card["intent_hash"], language),
        buttons=buttons(card_layout(facts.incident), tickets, language),
    )


def deed_rows(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is done, to what, by which playbook; the title says which fix it is."""
    return [
        ("does", _plain(card.get("does", ""), card)),
        ("target", target_words(card["target"])),
        ("playbook", card["playbook"]),
    ]


def _plain(text: str, card: Mapping[str, Any]) -> str:
    """The target as people call it; its id stays in the call, which is shown as it is."""
    return text.replace(card["target"], target_words(card["target"]))


def call_of(card: Mapping[str, Any]) -> str:
    """The action with its exact arguments, as it is bound."""
    inside = ", ".join(f"{name}={value}" for name, value in card["arguments"].items())
    return f"{card['action']}({inside})"


def bound_words(intent_hash: str, language: Language) -> str:
    """Which action exactly it is, as every card and every decision that is written name it."""
    return say(PHRASES, "card.bound", language, hash=intent_hash[:HASH_CHARS])


def helped_rows(card: Mapping[str, Any], language: Language) -> list[tuple[str, str]]:
    """How often it helped; cards of before counts were kept have only words."""
    counts = card.get("record")
    if counts is None:
        return [("helped", card["track_record"]), *[("", text) for text in card.get("beside_record", ())]]
    return [("helped", record_words(counts, language)), *[("", text) for text in record_notes(counts, language)]]


def _votes(votes: Sequence[Mapping[str, Any]], needed: int, language: Language) -> str:
    """`1/2: early`; empty where one person decides."""
    if needed < 2:
        return ""
    names = [vote["name"] for vote in votes if vote["verdict"] == "approve"]
    return say(PHRASES, "card.votes", language, have=len(names), need=needed, names=", ".join(names) or "-")


def _now(alerts: Sequence[Mapping[str, Any]], language: Language) -> str:
    firing = [row for row in alerts if row["firing"]][:2]
    if not firing:
        return say(PHRASES, "card.over", language)
    return ", ".join(alert_words(row, language) for row in firing)


def _if_nothing(alerts: Sequence[Mapping[str, Any]], language: Language) -> str:
    firing = sum(row["firing"] for row in alerts)
    services = sorted({row["service"] for row in alerts if row["firing"]})
    return say(PHRASES, "card.keeps", language, alerts=firing, services=", ".join(services)) if firing else ""
