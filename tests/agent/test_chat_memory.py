"""What a chat remembers, and what it lets a model say aloud: both have fixed bounds."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.budget import count_tokens
from agent.speech import SPEECH_CHARS_MAX, Speech
from agent.talk_memory import LINE_CHARS_MAX, MESSAGE_CHARS_MAX, MESSAGES_MAX, remember

TALK = tuple(("person" if n % 2 == 0 else "assistant", f"message {n} " + "word " * 40) for n in range(40))
SAYINGS = st.lists(st.tuples(st.sampled_from(["person", "assistant"]), st.text(max_size=300)), max_size=30)


def test_a_short_talk_is_remembered_whole() -> None:
    known = remember(TALK[:6])

    assert (known.messages, known.summary) == (TALK[:6], "")


def test_of_a_long_talk_the_newest_stays_whole_and_the_rest_becomes_a_line_each() -> None:
    known = remember(TALK, tokens_max=500, summary_tokens_max=300)

    assert known.messages == TALK[-len(known.messages) :]
    lines = known.summary.split("\n")
    left = 40 - len(known.messages) - (len(lines) - 1)
    assert lines[0] == f"({left} before)"
    assert lines[-1].startswith("you: message " if len(known.messages) % 2 == 0 else "person: message ")
    assert all(len(line) <= LINE_CHARS_MAX + len("person: ") for line in lines)


def test_one_huge_message_is_shortened_and_one_beyond_the_budget_is_only_summarised() -> None:
    known = remember([("person", "x" * 100_000), ("assistant", "short")])
    nothing = remember([("person", "word " * 500)], tokens_max=10)

    assert len(known.messages[0][1]) == MESSAGE_CHARS_MAX
    assert nothing.messages == ()
    assert nothing.summary.startswith("person: word word")


def test_a_talk_of_years_is_no_longer_to_read() -> None:
    known = remember([("person", f"n{n}") for n in range(10_000)], tokens_max=10, summary_tokens_max=50)

    assert known.messages[-1] == ("person", "n9999")
    shown = len(known.summary.split("\n")) - 1
    assert known.summary.startswith(f"({10_000 - len(known.messages) - shown} before)\n")
    assert shown < MESSAGES_MAX


@given(SAYINGS, st.integers(0, 400), st.integers(0, 200))
def test_memory_keeps_to_its_budgets_whatever_was_said(
    history: Sequence[tuple[str, str]], tokens_max: int, summary_tokens_max: int
) -> None:
    known = remember(history, tokens_max=tokens_max, summary_tokens_max=summary_tokens_max)

    assert sum(count_tokens(text) for _, text in known.messages) <= tokens_max
    note = count_tokens("(10000 before)") + len(known.summary.split("\n"))
    assert count_tokens(known.summary) <= summary_tokens_max + note


class Heard:
    """Who hears what is said."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    async def emit(self, kind: str, body: Mapping[str, Any]) -> None:
        """Keep a piece."""
        assert kind == "token"
        self.pieces.append(body["text"])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_no_link_in_an_answer_works_however_it_is_cut_in_pieces(size: int) -> None:
    text = "Approve at https://evil.example/x or [here](http://evil.example): \u202etxet\x1b[2J done:"
    heard = Heard()
    speech = Speech(heard.emit, "(cut)")
    for at in range(0, len(text), size):
        await speech.take(text[at : at + size])
    await speech.end()

    assert "".join(heard.pieces) == speech.text
    assert "://e" not in speech.text
    assert "](" not in speech.text
    assert "\u202e" not in speech.text
    assert "\x1b" not in speech.text
    assert speech.text.endswith(" done:")


async def test_what_is_said_in_two_steps_is_said_apart_and_too_much_is_cut_once() -> None:
    heard = Heard()
    speech = Speech(heard.emit, "(cut)")
    await speech.pause()
    await speech.take("I look.")
    await speech.pause()
    await speech.take("\nIt is back.")
    await speech.pause()
    assert speech.text == "I look.\n\nIt is back."
    for _ in range(10):
        await speech.take("x" * 1000)
    await speech.end()

    assert speech.text.endswith("x\n(cut)")
    assert len(speech.text) <= SPEECH_CHARS_MAX + len("\n(cut)")
    assert speech.text.count("(cut)") == 1
    assert "".join(heard.pieces) == speech.text
