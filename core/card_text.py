"""The approval card as plain text, for doors that know no cards and read Markdown."""

from collections.abc import Mapping
from typing import Any

from core.card import card_lines
from core.catalogue import Language, say
from core.phrases_compat import PHRASES
from core.written_decision import decision_key

LABEL_CHARS = 13
FENCE = "````"


def card_text(card: Mapping[str, Any]) -> str:
    """One line for each row. No line begins with text from outside, so none can end the block that it stands in."""
    return "\n".join(f"{label or ' ':<{LABEL_CHARS}} {text}" for label, text in card_lines(card))


def card_to_decide(body: Mapping[str, Any], language: Language) -> str:
    """The card of an `approval.requested` row as Markdown, and what to write to decide on it."""
    card = body["card"]
    key = decision_key(str(body["approval_id"]), str(body["intent_hash"]))
    role = str(card.get("who", "")).rpartition(" ")[2] or "approver"
    reason = say(PHRASES, "reason_goes_here", language)
    lines = f"approve {key}\nreject {key} <{reason}>"
    asked = say(PHRASES, "approve_with", language, role=role)
    return f"{FENCE}\n{card_text(card)}\n{FENCE}\n\n{asked}\n\n{FENCE}\n{lines}\n{FENCE}"


def decided_words(verdict: str, card: Mapping[str, Any], missing: int, language: Language) -> str:
    """What a decision came to; `missing` is how many more must agree."""
    phrase = "rejected" if verdict == "reject" else "votes_missing" if missing else "approved"
    return say(PHRASES, phrase, language, playbook=card["playbook"], target=card["target"], missing=missing)
