"""The phrases of answers: said in Chinese where they are words, and a word for everything that is enumerated."""

import re
from collections.abc import Mapping

import pytest

from core.catalogue import Language, Phrase
from core.decision import Decision, Guardrail, Verb, decision_of
from core.execution import State
from core.incident import IncidentState
from core.phrases_answers import ANSWERS, STATES
from core.phrases_gate import GUARDRAILS, VERBS, gate_words
from core.rates import Outcome
from core.rota import RotaReason

EVERY: list[tuple[str, Phrase]] = [
    (f"{name}.{key}", phrase)
    for name, phrases in {"answers": ANSWERS, "states": STATES, "gate": GUARDRAILS, "verbs": VERBS}.items()
    for key, phrase in phrases.items()
]


def test_no_phrase_is_empty_or_left_untranslated() -> None:
    chinese = re.compile("[\u3400-\u9fff]")
    bare = [
        key
        for key, phrase in EVERY
        if not all(chinese.search(re.sub(r"\{\w+\}", "", text)) for text in (phrase.zh_hans, phrase.zh_hant))
    ]

    # These are nothing but placeholders with marks between them.
    assert bare == ["answers.action", "answers.gate_says"]


@pytest.mark.parametrize(
    ("phrases", "words"),
    [
        (STATES, {*State, *IncidentState, *RotaReason, "merged", "pending", "consumed"}),
        (STATES, {Outcome.STABLE, Outcome.INEFFECTIVE, Outcome.REGRESSED, Outcome.FAILED, Outcome.INCONCLUSIVE}),
        (STATES, {Outcome.UNKNOWN, Outcome.RECOVERED_ALONE}),
        (GUARDRAILS, set(Guardrail)),
        (VERBS, set(Verb)),
    ],
)
def test_everything_enumerated_has_a_word(phrases: Mapping[str, Phrase], words: set[str]) -> None:
    assert {str(word) for word in words} <= {str(key) for key in phrases}


def test_a_decision_is_told_with_its_reason_and_its_own_detail() -> None:
    refused = Decision(Verb.REFUSE, Guardrail.COOLDOWN, "may run again in 40 s")

    assert gate_words(refused, "en") == "refused (cooldown: tried a moment ago) may run again in 40 s"
    assert gate_words(refused, Language.ZH_HANT) == "拒絕（cooldown：剛剛嘗試過） may run again in 40 s"


def test_a_stored_decision_is_read_again() -> None:
    stored = {
        "verb": "ask",
        "guardrail": "tier",
        "detail": "two",
        "approvers": 2,
        "role": "operator",
        "standing_id": "",
    }

    assert decision_of(stored) == Decision(Verb.ASK, Guardrail.TIER, "two", 2, "operator")
