"""What was found: cause, evidence, what nobody knows, similar incidents, and what helped before."""

from collections.abc import Mapping
from typing import Any

from core.catalogue import Language, say
from core.diagnosis import THE_CAUSE, Cause
from core.evidence import EvidenceKind
from core.message import Message, Tone
from core.phrases_cards import PHRASES
from tools.notify.page_message import labelled, shortened
from tools.notify.record_words import record_words

EVIDENCE_MAX = 6
UNKNOWNS_MAX = 6
SIMILAR_MAX = 3
HELPED_MAX = 3


def finding_message(
    diagnosis: Mapping[str, Any], recalled: Mapping[str, Any], attempt: int, language: Language
) -> Message:
    """One diagnosis with what was remembered beside it."""
    cause = str(diagnosis.get("cause", Cause.UNKNOWN))
    suspect = say(PHRASES, f"cause.{cause}", language, service=diagnosis.get("service"))
    if cause != Cause.UNKNOWN and not diagnosis.get("confirmed"):
        suspect = say(PHRASES, "card.unconfirmed", language, text=suspect)
    shown = [one for one in diagnosis.get("evidence", ()) if one.get("kind") != EvidenceKind.PAST_INCIDENT]
    unknown = [text for text in diagnosis.get("unknowns", ()) if text != THE_CAUSE]  # the first row says so
    rows = [
        ("cause", suspect),
        ("why", str(diagnosis.get("summary", ""))),
        *[("evidence", _statement(one, language)) for one in shown[:EVIDENCE_MAX]],
        *[("unknown", text) for text in shortened(unknown, UNKNOWNS_MAX, language)],
        *[
            ("similar", say(PHRASES, "finding.past", language, **_past(one)))
            for one in recalled.get("similar", ())[:SIMILAR_MAX]
        ],
        *[("helped", _helped(one, language)) for one in recalled.get("helped", ())[:HELPED_MAX]],
    ]
    key = "finding.title" if attempt < 2 else "finding.again"
    return Message(
        say(PHRASES, key, language, attempt=attempt),
        Tone.NEUTRAL,
        labelled(rows, language),
        footer=_by(diagnosis, language),
    )


def _statement(evidence: Mapping[str, Any], language: Language) -> str:
    text = str(evidence["statement"])
    return say(PHRASES, "finding.outsider", language, text=text) if evidence.get("outsider") else text


def _past(one: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(one.get(name) or "-") for name in ("incident", "action", "result")}


def _helped(one: Mapping[str, Any], language: Language) -> str:
    record = record_words(one["counts"], language) if one.get("counts") else str(one.get("record", ""))
    return say(PHRASES, "finding.record", language, playbook=one.get("playbook", ""), record=record)


def _by(diagnosis: Mapping[str, Any], language: Language) -> str:
    by = str(diagnosis.get("by", "rules"))
    said = say(PHRASES, "finding.by_rules" if by == "rules" else "finding.by_model", language, by=by)
    if degraded := diagnosis.get("degraded"):
        said = f"{said}; {say(PHRASES, 'finding.degraded', language, reason=degraded)}"
    return said
