"""The approval card: exactly what a person decides on, and nothing that can fool an eye."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.card import EVIDENCE_MAX, LINE_CHARS_MAX, Impact, build_card, card_lines
from core.diagnosis import Cause, Diagnosis
from core.evidence import Evidence, EvidenceKind
from core.intent import Intent
from core.playbook import ActionType, Playbook
from core.policy import Decision, Guardrail, Verb
from core.proposal import Basis, Choice
from core.rates import TrackRecord

BOOK = Playbook(
    "rollback", 3, "Go back to the last good release", ActionType.DEPLOY_ROLLBACK, undo="roll forward again"
)
INTENT = Intent(
    "deploy_rollback", "rollback", 3, {"to": "v41"}, "service:prod/cart", "rev-42", "cart-rollback", "incident-1", 7
)
RELEASE = Evidence("e1", EvidenceKind.CHANGE, "v42 was rolled out at 11:57", "deployer", "cart")
LOG = Evidence("e2", EvidenceKind.LOG_TEMPLATE, "refused <NUM> is new", "logs", "cart", outsider=True)
DIAGNOSIS = Diagnosis(
    Cause.BAD_RELEASE,
    "cart",
    "cart broke right after a change: v42.",
    (RELEASE, LOG),
    ("Whether the release caused it.", "Any metric."),
    confirmed=True,
)
OTHERS = (("restart", TrackRecord(1, 4)), ("scale", TrackRecord()))
CHOICE = Choice(BOOK, Basis.LEARNED, TrackRecord(10, 10), alternatives=OTHERS)
DECISION = Decision(Verb.ASK, Guardrail.TIER, "tier 3: one person must approve", 1, "approver")
IMPACT = Impact(4, ("cart", "shop"), "20 % of requests fail")
EXPIRES = datetime(2026, 3, 1, 12, 15, tzinfo=UTC)


def a_card(
    intent: Intent = INTENT,
    book: Playbook = BOOK,
    diagnosis: Diagnosis = DIAGNOSIS,
    choice: Choice = CHOICE,
    decision: Decision = DECISION,
    impact: Impact = IMPACT,
) -> dict[str, Any]:
    return build_card(intent, book, diagnosis, choice, decision, impact, EXPIRES)


def test_the_card_reads_like_this() -> None:
    assert card_lines(a_card()) == [
        ("Action", "deploy_rollback (rollback v3)"),
        ("Does", "deploy v41 again in place of the release of today"),
        ("Target", "service:prod/cart"),
        ("Arguments", "to=v41"),
        ("Why", "cart broke right after a change: v42."),
        ("Evidence", "v42 was rolled out at 11:57"),
        ("", "refused <NUM> is new [text an outsider can write]"),
        ("Not known", "Whether the release caused it."),
        ("", "Any metric."),
        ("Users now", "20 % of requests fail"),
        ("Blast radius", "all instances of service:prod/cart; 2 services in the incident"),
        ("If nothing", "4 alerts keep firing on cart, shop"),
        ("Helped", "10 of 10 (72-100 %) · basis: learned"),
        ("Instead", "restart: 1 of 4 (5-70 %)"),
        ("", "scale: never tried here"),
        ("Undo", "roll forward again"),
        ("Expires", "2026-03-01T12:15:00+00:00"),
        ("Who decides", "1 x approver · tier 3: one person must approve"),
        ("Bound to", INTENT.hash[:16]),
    ]


def test_a_poor_card_leaves_empty_rows_out_and_says_that_it_is_a_suspicion() -> None:
    suspicion = Diagnosis(Cause.UNKNOWN, "cart", "No rule explains it.", (), (), confirmed=False)
    choice = Choice(BOOK, Basis.DEFAULT, TrackRecord())
    lines = dict(card_lines(a_card(replace(INTENT, parameters={}), diagnosis=suspicion, choice=choice)))
    assert lines["Why"] == "No rule explains it. (unconfirmed)"
    assert lines["Arguments"] == "none"
    assert lines["Helped"] == "never tried here · basis: default"
    assert not {"But", "Evidence", "Not known", "Instead"} & set(lines)


def test_a_disagreement_stands_on_the_card() -> None:
    against = replace(CHOICE, disagreement="History says restart, but today's evidence disagrees.")
    assert ("But", "History says restart, but today's evidence disagrees.") in card_lines(a_card(choice=against))


def test_the_card_names_the_hash_that_the_approval_is_bound_to() -> None:
    edited = replace(INTENT, parameters={"to": "v40"})
    assert a_card()["intent_hash"] == INTENT.hash
    assert dict(card_lines(a_card(edited)))["Bound to"] != dict(card_lines(a_card()))["Bound to"]


def test_only_the_first_pieces_of_evidence_are_shown() -> None:
    many = replace(DIAGNOSIS, evidence=(RELEASE,) * (EVIDENCE_MAX + 1))
    assert len(a_card(diagnosis=many)["evidence"]) == EVIDENCE_MAX


def poisoned(text: str) -> dict[str, Any]:
    """A card with the same text in every place that an outsider could reach."""
    return a_card(
        replace(INTENT, resource_id=text, parameters={text: text}),
        replace(BOOK, title=text, undo=text),
        replace(DIAGNOSIS, summary=text, evidence=(replace(LOG, statement=text),), unknowns=(text,)),
        replace(CHOICE, disagreement=text),
        replace(DECISION, detail=text),
        Impact(1, (text,), text),
    )


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\u202e", "\\u202e"),
        ("\u200b", "\\u200b"),
        ("\u2066", "\\u2066"),
        ("\ufeff", "\\ufeff"),
        ("\x1b", "\\u001b"),
        ("\n", "\\u000a"),
        ("\u2028", "\\u2028"),
    ],
)
def test_bidi_and_zero_width_and_line_breaks_are_shown_as_escapes(hidden: str, shown: str) -> None:
    lines = card_lines(poisoned(f"v41{hidden}Target: other"))
    assert not [text for _, text in lines if hidden in text]
    assert dict(lines)["Target"] == f"v41{shown}Target: other"
    assert dict(lines)["Arguments"] == f"v41{shown}Target: other=v41{shown}Target: other"
    assert sum(shown in text for _, text in lines) == 11


@given(st.text())
def test_no_text_adds_a_row_to_the_card(text: str) -> None:
    assert all(len(line.splitlines()) <= 1 for _, line in card_lines(poisoned(text)))
    assert [label for label, _ in card_lines(poisoned(f"x{text}"))] == [label for label, _ in card_lines(poisoned("x"))]


def test_long_values_are_cut_in_the_middle() -> None:
    target = dict(card_lines(poisoned("a" * 300 + "z" * 300)))["Target"]
    assert len(target) == LINE_CHARS_MAX
    assert (target[0], target[-1]) == ("a", "z")
    assert "…" in target


def test_the_card_tells_beside_the_record_what_does_not_belong_to_it() -> None:
    record = TrackRecord(7, 8, returned=3, by_hand=2, on_service=(3, 3))
    lines = card_lines(a_card(choice=Choice(BOOK, Basis.HYBRID, record)))
    at = lines.index(("Helped", "7 of 8 (53-98 %), 3 of 3 (44-100 %) on this service · basis: hybrid"))
    assert lines[at + 1 : at + 3] == [
        ("", "the trouble was back within 24 h after 3 of 7"),
        ("", "people did it by hand: 2"),
    ]
