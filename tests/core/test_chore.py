"""Chores of chat front ends are told from questions of people, and done without a model."""

import json
import time

import pytest

from core.chore import Chore, chore_of, do_chore

CHAT = "<chat_history>\nUSER: what changed on checkout?\nASSISTANT: v42 was deployed.\n</chat_history>"


def framed(task: str, form: str, chat: str = CHAT) -> str:
    """A chore as Open WebUI frames it, in other words."""
    return (
        f"### Task:\n{task}\n### Guidelines:\n- Be brief.\n### Output:\nJSON format: {form}\n### Chat History:\n{chat}"
    )


@pytest.mark.parametrize(
    ("chore", "form", "done"),
    [
        (Chore.TITLE, '{ "title": "some words" }', {"title": "what changed on checkout"}),
        (Chore.TAGS, '{ "tags": ["one", "two"] }', {"tags": ["On-call"]}),
        (Chore.QUERIES, '{ "queries": ["one"] }', {"queries": []}),
        (Chore.COMPLETION, '{ "text": "the rest" }', {"text": ""}),
        (Chore.PICTURE, '{ "prompt": "a picture of" }', {"prompt": ""}),
    ],
)
def test_framed_chores_are_answered_in_the_form_they_ask_for(chore: Chore, form: str, done: object) -> None:
    text = framed("Do this for the chat.", form)
    assert chore_of(text) is chore
    assert json.loads(do_chore(chore, text)) == done


def test_follow_ups_are_questions_that_are_understood_and_in_the_language_of_the_chat() -> None:
    form = '{ "follow_ups": ["one?"] }'
    english = json.loads(do_chore(Chore.FOLLOW_UPS, framed("Suggest.", form)))["follow_ups"]
    assert len(english) == 3
    assert all(question.endswith("?") for question in english)
    chinese = framed("Suggest.", form, "<chat_history>\nUSER: 结账服务有什么变更？\n</chat_history>")
    assert json.loads(do_chore(Chore.FOLLOW_UPS, chinese))["follow_ups"][0] == "现在的状态如何？"


def test_title_of_five_words_is_plain_text() -> None:
    asked = (
        "Give a concise, 5-word-or-less title for the conversation. Only the title.\n\n"
        "Conversation:\nUser: is the payment service down again tonight, and why?\nAI: yes"
    )
    assert chore_of(asked) is Chore.TITLE
    assert do_chore(Chore.TITLE, asked) == "is the payment service down again"
    assert json.loads(do_chore(Chore.TITLE, asked, as_json=True))["title"].startswith("is the")
    assert do_chore(Chore.TITLE, "a 5-word-or-less title for the conversation") == "On call"


def test_a_frame_of_an_unknown_chore_gets_a_title_and_never_an_investigation() -> None:
    asked = f"### Task:\nPick an emoji for the chat.\n{CHAT}"
    assert chore_of(asked) is Chore.TITLE
    assert do_chore(Chore.TITLE, asked) == "what changed on checkout"


@pytest.mark.parametrize(
    "text",
    [
        "what changed on checkout?",
        'the alert says "title": missing, why?',
        "### Task:\nrestart the checkout",
        "is this conversation recorded? what is its title",
        "who wrote <chat_history> into our logs?",
    ],
)
def test_what_people_ask_is_no_chore(text: str) -> None:
    assert chore_of(text) is None


def test_the_longest_body_is_told_apart_in_no_time() -> None:
    """Whoever has any key can send megabytes, and one process answers everybody."""
    gaps = " \n" * 1_000_000
    for text in (gaps, f"### Task:{gaps}", f"### Task:\na title <chat_history>{gaps}", "title " * 400_000):
        began = time.process_time()
        if chore := chore_of(text):
            assert do_chore(chore, text) == "On call"
        assert time.process_time() - began < 2.0, text[:30]
