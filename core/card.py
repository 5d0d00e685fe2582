"""The approval card: what a person needs to decide, built by code from the action itself, never by a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.deed import deed_of
from core.diagnosis import Diagnosis
from core.intent import Intent
from core.plain_text import cut, visible
from core.playbook import Playbook
from core.policy import Decision
from core.proposal import Choice

LINE_CHARS_MAX = 240
EVIDENCE_MAX = 5


@dataclass(frozen=True, slots=True)
class Impact:
    """What the trouble does now: how many alerts fire, where, and the worst reading in words."""

    alerts: int
    services: tuple[str, ...]
    users: str


def build_card(
    intent: Intent,
    playbook: Playbook,
    diagnosis: Diagnosis,
    choice: Choice,
    decision: Decision,
    impact: Impact,
    expires_at: datetime,
) -> dict[str, Any]:
    """Collect the card's fields as plain JSON; every surface renders these and nothing else."""
    shown, deed = diagnosis.evidence[:EVIDENCE_MAX], deed_of(intent)
    return {
        "action": intent.action,
        "playbook": f"{intent.playbook_id} v{intent.playbook_version}",
        "title": _line(playbook.title),
        "does": _line(deed.does),
        "target": _line(intent.resource_id),
        "arguments": {_line(k): _line(str(v)) for k, v in intent.parameters.items()},
        "why": _line(diagnosis.summary),
        "confirmed": diagnosis.confirmed,
        "evidence": [_line(e.statement) + (" [text an outsider can write]" if e.outsider else "") for e in shown],
        "not_known": [_line(text) for text in diagnosis.unknowns],
        "disagreement": _line(choice.disagreement),
        "impact_now": _line(impact.users),
        "blast_radius": f"{_line(deed.reach)}; {_counted(len(impact.services))} in the incident",
        "others": [_line(str(name)) for name in _owners(intent)],
        "if_nothing": f"{impact.alerts} alerts keep firing on {', '.join(map(_line, impact.services))}",
        "track_record": choice.record.words(),
        "beside_record": list(choice.record.notes()),
        "record": choice.record.counts,
        "basis": str(choice.basis),
        "alternatives": [f"{name}: {record.words()}" for name, record in choice.alternatives],
        "undo": _line(playbook.undo),
        "expires_at": expires_at.isoformat(),
        "who": f"{decision.approvers} x {decision.role}",
        "policy": _line(decision.detail),
        "intent_hash": intent.hash,
    }


def _counted(services: int) -> str:
    return f"{services} service{'' if services == 1 else 's'}"


def _owners(intent: Intent) -> list[object]:
    """Who else changes the target and may take the change back, as it was seen."""
    seen = intent.observed.get("seen")
    owners = seen.get("owners") if isinstance(seen, Mapping) else None
    return owners if isinstance(owners, list) else []


def _line(text: str) -> str:
    # A line break inside a value could pass for another row of the card.
    return cut(visible(text).replace("\n", "\\u000a"), LINE_CHARS_MAX)


def card_lines(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The card as label and text, in the order in which a person reads it."""
    arguments = ", ".join(f"{k}={v}" for k, v in card["arguments"].items()) or "none"
    rows = [
        ("Action", f"{card['action']} ({card['playbook']})"),
        ("Does", card.get("does", "")),
        ("Target", card["target"]),
        ("Arguments", arguments),
        ("Why", card["why"] + ("" if card["confirmed"] else " (unconfirmed)")),
        *[("Evidence" if n == 0 else "", text) for n, text in enumerate(card["evidence"])],
        *[("Not known" if n == 0 else "", text) for n, text in enumerate(card["not_known"])],
        ("But", card["disagreement"]),
        ("Users now", card["impact_now"]),
        ("Blast radius", card["blast_radius"]),
        *[("May undo it" if n == 0 else "", text) for n, text in enumerate(card.get("others", ()))],
        ("If nothing", card["if_nothing"]),
        ("Helped", f"{card['track_record']} · basis: {card['basis']}"),
        *[("", text) for text in card.get("beside_record", ())],
        *[("Instead" if n == 0 else "", text) for n, text in enumerate(card["alternatives"])],
        ("Undo", card["undo"]),
        ("Expires", card["expires_at"]),
        ("Who decides", f"{card['who']} · {card['policy']}"),
        ("Bound to", card["intent_hash"][:16]),
    ]
    return [(label, text) for label, text in rows if text]
