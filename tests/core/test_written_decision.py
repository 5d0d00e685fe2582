"""Only a message that is exactly a decision decides, and a card's text says exactly which."""

import time
from typing import Any

import pytest

from core.card_text import card_text, card_to_decide, decided_words
from core.catalogue import Language
from core.written_decision import read_decision

ID, HASH = "0199c2e4-9b20-7c3a-9a51-0d8b8c0f2f13", "5f2c91aa03d4e7b1" * 4
CARD: dict[str, Any] = {
    "action": "http", "playbook": "poke v1", "does": "pokes", "target": "service:test/shop",
    "arguments": {"service": "shop"}, "why": "it hangs", "confirmed": True,
    "evidence": ["the log says ```` and ![x](http://outside.example/?leak)"], "not_known": [], "disagreement": "",
    "impact_now": "", "blast_radius": "shop", "if_nothing": "it goes on", "track_record": "7 of 8",
    "alternatives": [], "undo": "", "expires_at": "2026-03-01T10:14:00Z", "who": "1 x approver", "policy": "",
    "intent_hash": HASH, "basis": "signature",
}  # fmt: skip


def test_lines_that_the_card_offers_are_read_as_decisions() -> None:
    shown = card_to_decide({"approval_id": ID, "intent_hash": HASH, "card": CARD}, Language.EN)
    approve, reject = shown.splitlines()[-3:-1]
    written = read_decision(f"  {approve}\n")
    assert written is not None
    assert (written.verdict, written.reason) == ("approve", "")
    assert ID.startswith(written.approval)
    assert HASH.startswith(written.intent_hash)
    rejected = read_decision(reject.replace("<the reason>", "not\nthe release"))
    assert rejected is not None
    assert (rejected.verdict, rejected.reason) == ("reject", "not the release")
    assert "role approver" in shown


@pytest.mark.parametrize(
    "text",
    [
        "approve", "approve it", "yes", f"please approve {ID} {HASH}", f"approve {ID}", f"approve {HASH}",
        f"approve {ID[:17]} {HASH}", f"approve {ID} {HASH[:15]}", f"approved {ID} {HASH}",
        f"> approve {ID} {HASH}", f"approve {ID} {HASH}extra", f"`approve {ID} {HASH}`",
        f"what does approve {ID} {HASH} do?",
    ],
)  # fmt: skip
def test_nothing_near_a_decision_is_one(text: str) -> None:
    assert read_decision(text) is None


def test_the_longest_body_is_read_in_no_time() -> None:
    """Whoever has any key can send megabytes, and one process answers everybody."""
    gaps = " " * 2_000_000
    began = time.process_time()
    written = read_decision(f"approve {ID} {HASH} a{gaps}b{gaps}c{gaps}")
    assert time.process_time() - began < 2.0
    assert written is not None
    assert written.reason == "a b c"


def test_no_line_of_a_card_can_end_its_block() -> None:
    lines = card_text(CARD).splitlines()
    assert lines[0] == "Action        http (poke v1)"
    assert not [line for line in lines if line.startswith("`")]
    assert any("````" in line for line in lines)


def test_what_a_decision_came_to_is_said_in_three_languages() -> None:
    assert decided_words("approve", CARD, 0, Language.EN).startswith("Approved: poke v1 on service:test/shop.")
    assert "1" in decided_words("approve", CARD, 1, Language.ZH_HANS)
    assert decided_words("reject", CARD, 0, Language.ZH_HANT).startswith("已拒絕")
