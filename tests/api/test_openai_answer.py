"""Rows of a thread as OpenAI's chunks: nothing lost, faults as faults, and what cannot be taken back is said."""

from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from api.openai_answer import Answer
from tests.api.test_ag_ui import ASKED


def told(*rows: tuple[str, dict[str, Any]], **how: Any) -> tuple[Answer, list[dict[str, Any]]]:
    """The answer of these rows, and its chunks, each checked against the client's own models."""
    answer = Answer("1", 0, asked_chars=40, **how)
    chunks = [answer.opening()]
    for seq, (kind, body) in enumerate(rows, 1):
        chunks += answer.take({"seq": seq, "kind": kind, "body": body})
    chunks += answer.ending()
    for chunk in chunks:
        if "error" not in chunk:
            ChatCompletionChunk.model_validate(chunk)
    ChatCompletion.model_validate(answer.whole())
    return answer, chunks


def content(chunks: list[dict[str, Any]]) -> str:
    return "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c.get("choices"))


def test_answer_streams_with_what_is_looked_at_as_thinking_and_the_usage_at_its_end() -> None:
    answer, chunks = told(
        ("run.started", {"attempt": 1}), ("token", {"text": "I look. "}), ("tool.started", {"tool": "changes"}),
        ("tool.finished", {"tool": "changes", "lines": ["x"]}), ("token", {"text": "v42."}),
        ("run.model", {"tokens_in": 90, "tokens_out": 7}), ("run.finished", {"text": "I look. v42."}),
        wants_usage=True,
    )  # fmt: skip
    assert answer.is_over
    assert content(chunks) == answer.text == "I look. v42."
    thinking = [c["choices"][0]["delta"]["reasoning_content"] for c in chunks if "reasoning_content" in str(c)]
    assert thinking == ["changes\n"]
    assert chunks[-1]["usage"] == {"prompt_tokens": 90, "completion_tokens": 7, "total_tokens": 97}
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("end", ["run.finished", "run.paused"])
def test_answer_without_tokens_is_the_text_of_its_end_and_its_usage_an_estimate(end: str) -> None:
    answer, chunks = told((end, {"text": "It is v42."}))
    assert content(chunks) == "It is v42."
    assert answer.usage() == {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}


def test_card_comes_as_text_with_the_lines_that_decide() -> None:
    answer, _ = told(
        ("token", {"text": "I propose."}), ("approval.requested", ASKED), ("run.paused", {"text": "I propose."})
    )
    assert answer.text.startswith("I propose.\n\n````\nAction ")
    assert (
        "\napprove 0199c2e4-9b20-7c3a 5f2c5f2c5f2c5f2c\nreject 0199c2e4-9b20-7c3a 5f2c5f2c5f2c5f2c <the reason>\n"
        in (answer.text)
    )


def test_a_cut_attempt_is_said_and_a_fault_is_a_fault() -> None:
    again, _ = told(
        ("token", {"text": "half an "}), ("run.restarted", {"attempt": 2}), ("token", {"text": "It is v42."}),
        ("run.finished", {"text": "It is v42."}),
    )  # fmt: skip
    assert again.text == "half an \n\n(The answer was cut and begins again.)\n\nIt is v42."
    broken, chunks = told(
        ("token", {"text": "ha"}), ("error", {"reason": "took_too_long", "text": "No answer in time."})
    )
    assert broken.fault == ("took_too_long", "No answer in time.")
    assert chunks[-1]["error"]["code"] == "took_too_long"
    assert "stop" not in str(chunks)
