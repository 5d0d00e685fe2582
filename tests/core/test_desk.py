"""The desk's verbs and words: each has a role, each answer a sentence in each language, and places have a name."""

from string import Formatter

import pytest

from core.catalogue import Language
from core.chat_key import ChatKey
from core.desk import ABOUT, COMMAND_NEEDS, NEEDS, Command, Done, Refusal, Verb
from core.errors import BadInput
from core.phrases_desk import PHRASES
from core.role import LADDER, Role


def test_every_button_and_command_needs_a_role_and_nothing_that_acts_is_for_viewers() -> None:
    assert set(NEEDS) == set(ABOUT) == set(Verb)
    assert {verb for verb, role in NEEDS.items() if Role.VIEWER.covers(role)} == {Verb.ASK}
    open_to_all = {Command.LINK, Command.HELP}
    assert set(COMMAND_NEEDS) == set(Command) - open_to_all
    reading = {Command.INCIDENTS, Command.ONCALL, Command.ASK}
    assert {name for name, role in COMMAND_NEEDS.items() if Role.VIEWER.covers(role)} == reading
    assert not any(Role.MACHINE.covers(role) for role in LADDER)


def test_every_answer_has_words_in_three_languages_with_the_same_facts() -> None:
    reasons = [f"done.{what}" for what in Done] + [f"no.{why}" for why in Refusal]
    assert [key for key in reasons if key not in PHRASES] == []
    for key, phrase in PHRASES.items():
        texts = [phrase.text(language) for language in Language]
        assert all(texts), key
        facts = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in texts]
        assert facts[0] == facts[1] == facts[2], key


def test_a_place_in_a_chat_has_a_name_that_says_it_all() -> None:
    for key in (ChatKey("tg", "-100"), ChatKey("tg", "-100", "7"), ChatKey("sl", "C07:x|y", "1700.01")):
        assert ChatKey.read(str(key)) == key
    assert str(ChatKey("a", "bc", "d")) != str(ChatKey("ab", "c", "d"))
    for wrong in ("", "tg", "tg\x1f-100", "a\x1fb\x1fc\x1fd"):
        with pytest.raises(BadInput):
            ChatKey.read(wrong)
