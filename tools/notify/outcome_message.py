"""What became of an action: takes the place of its card, and is edited until the last word is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.catalogue import Language, say
from core.desk import Verb
from core.execution import Reason, State
from core.message import Message, Tone
from core.phrases_outcome import PHRASES
from tools.notify.buttons import Layout, buttons
from tools.notify.card_message import bound_words, call_of, deed_rows
from tools.notify.page_message import incident_title, labelled
from tools.notify.record_words import record_words

GOOD = frozenset({State.VERIFIED, State.STABLE})
BAD = frozenset({State.FAILED, State.INEFFECTIVE, State.REGRESSED, State.NEEDS_HUMAN, State.UNKNOWN, State.INVALIDATED})
OVER_UNBEGUN = frozenset({State.REJECTED, State.EXPIRED, State.SUPERSEDED, State.DENIED})
UNDOABLE = frozenset(
    {State.SUCCEEDED, State.VERIFYING, State.VERIFIED, State.INEFFECTIVE, State.INCONCLUSIVE, State.STABLE,
     State.REGRESSED}
)  # fmt: skip
"""It happened, so there is something to undo."""
DETAILS = {
    "fault": "reason",
    "answer": "answer",
    "probe": "answer",
    "logbook": "answer",
    "checked": "reason",
    "cascade": "reason",
}
"""What the row of an execution may say about its end, in the order of time."""


@dataclass(frozen=True)
class OutcomeFacts:
    """What an outcome shows: the incident, the execution, why it is where it is, votes with names, whether the glass
    was broken (`glass`: by whom and why), the newest `verdict`, what was `learned` in counts, and whether there is a
    way back on record."""

    incident: Mapping[str, Any]
    execution: Mapping[str, Any]
    reason: str = ""
    actor: str = ""
    votes: Sequence[Mapping[str, Any]] = ()
    glass: tuple[str, str] | None = None
    verdict: Mapping[str, Any] = field(default_factory=dict)
    verdict_reason: str = ""
    learned: Mapping[str, Any] = field(default_factory=dict)
    has_way_back: bool = False


def outcome_layout(facts: OutcomeFacts) -> Layout:
    """Undo, where something happened and there is a way back; looking into what nobody knows is no button's work."""
    state = State(facts.execution["state"])
    return ((Verb.UNDO,),) if facts.has_way_back and state in UNDOABLE else ()


def outcome_message(facts: OutcomeFacts, language: Language, tickets: Mapping[Verb, str]) -> Message:
    """The outcome as far as it is known."""
    execution, state = facts.execution, State(facts.execution["state"])
    card, result = execution["card"], execution["result"]
    rows = [
        ("state", _state(facts, language)),
        *deed_rows(card),
        *[("decided", text) for text in _deciders(facts, language)],
        *[(label, str(result[name])) for name, label in DETAILS.items() if result.get(name)],
        ("verdict", _verdict(facts, language)),
        ("learned", record_words(facts.learned, language) if facts.learned else ""),
        ("way_back", card["undo"] if state in UNDOABLE or state is State.NEEDS_HUMAN else ""),
    ]
    return Message(
        card["title"],
        _tone(state),
        (("", incident_title(facts.incident)), *labelled(rows, language)),
        code=call_of(card),
        footer=bound_words(execution["intent_hash"], language),
        buttons=buttons(outcome_layout(facts), tickets, language),
    )


def _tone(state: State) -> Tone:
    if state in OVER_UNBEGUN:
        return Tone.NEUTRAL
    return Tone.GOOD if state in GOOD else Tone.BAD if state in BAD else Tone.WAITING


def _state(facts: OutcomeFacts, language: Language) -> str:
    said = say(PHRASES, str(facts.execution["state"]), language)
    if facts.execution["state"] == State.SUPERSEDED and facts.reason in PHRASES:
        return say(PHRASES, facts.reason, language, who=facts.actor.removeprefix("person:"))
    return said


def _deciders(facts: OutcomeFacts, language: Language) -> list[str]:
    if facts.glass:
        return [say(PHRASES, "vote.glass", language, who=facts.glass[0], reason=facts.glass[1])]
    said = [_vote(vote, language) for vote in facts.votes]
    return said or ([say(PHRASES, "vote.nobody", language)] if facts.execution["state"] == State.EXPIRED else [])


def _vote(vote: Mapping[str, Any], language: Language) -> str:
    if str(vote["via"]).startswith("standing"):
        return say(PHRASES, "vote.standing", language, who=vote["name"])
    return say(
        PHRASES, f"vote.{vote['verdict']}", language, who=vote["name"], via=vote["via"], reason=vote["reason"] or "-"
    )


def _verdict(facts: OutcomeFacts, language: Language) -> str:
    """What the signals showed; the state has said what it comes to."""
    said = ""
    if facts.execution["result"].get("recovered_alone"):
        said = say(PHRASES, "recovered_alone", language)
    elif facts.verdict_reason == Reason.CASCADE:
        said = say(PHRASES, "cascade", language)
    return " · ".join(filter(None, (said, str(facts.verdict.get("signals", "")))))
