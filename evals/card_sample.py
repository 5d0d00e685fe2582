"""The page and the card of one night, for pictures in the documentation: real messages over made-up facts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from core.catalogue import Language
from core.desk import Verb
from core.frequency import Frequency
from core.message import Message
from tools.notify.card_message import CardFacts, card_message
from tools.notify.page_message import PageFacts, page_message

AT = datetime(2026, 3, 1, 2, 14, tzinfo=UTC)
TICKETS = {verb: f"{number:012d}" for number, verb in enumerate(Verb)}
INCIDENT: dict[str, Any] = {
    "number": 31, "priority": "P1", "title": "HighErrorRate on checkout", "service": "checkout", "state": "open",
    "environment": "production", "opened_at": AT, "acknowledged_by": "", "resolved_by": "", "assignee": "",
}  # fmt: skip
ALERTS = (
    {"name": "HighErrorRate", "service": "checkout", "firing": 4, "alerts": 4},
    {"name": "SlowCheckout", "service": "shop", "firing": 2, "alerts": 2},
)
CARD: dict[str, Any] = {
    "action": "deploy_rollback",
    "playbook": "rollback-bad-release v3",
    "title": "Roll back the last release",
    "does": "puts version 41 of checkout back in place of 42",
    "target": "service:production/checkout",
    "arguments": {"service": "checkout", "to_version": "41"},
    "why": "errors began 2 min after release 42 of checkout",
    "confirmed": True,
    "evidence": ["errors 0.1 % → 14.2 % since 02:12", "release 42 went out at 02:10", "payments is healthy"],
    "not_known": [],
    "disagreement": "",
    "impact_now": "14 % of checkouts fail",
    "blast_radius": "all 6 instances of checkout, one by one; 2 services in the incident",
    "others": [],
    "if_nothing": "",
    "track_record": "7 of 8",
    "record": {"helped": 7, "tried": 8, "on_service": (3, 3)},
    "beside_record": [],
    "basis": "signature",
    "alternatives": ["Restart: 1 of 6 (3-56 %)"],
    "undo": "deploy 42 again",
    "intent_hash": "9f2c4e71d0ab3358",
}


def sample_page(language: Language) -> Message:
    """What comes first."""
    often = Frequency(hour=1, day=1, week=2, month=3)
    said = {("HighErrorRate", "checkout"): "14 % of the requests fail"}
    return page_message(PageFacts(INCIDENT, ALERTS, silent=0, often=often, summaries=said), language, TICKETS)


def sample_card(language: Language) -> Message:
    """What waits for a person."""
    facts = CardFacts(
        INCIDENT, CARD, needed=1, role="approver", expires_at=AT + timedelta(minutes=16), alerts=ALERTS,
    )  # fmt: skip
    return card_message(facts, language, TICKETS)
