"""Every phrase is there in three languages, with the same placeholders in each."""

import importlib
import pkgutil
from string import Formatter

import pytest

import core
from core.catalogue import Language, Phrase

MODULES = [
    "core.chore",
    *(f"core.{m.name}" for m in pkgutil.iter_modules(core.__path__) if m.name.startswith("phrases")),
]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", MODULES)
def test_three_languages_say_the_same(name: str) -> None:
    module = importlib.import_module(name)
    catalogues = [value for value in vars(module).values() if isinstance(value, dict)]
    phrases = [(key, value) for found in catalogues for key, value in found.items() if isinstance(value, Phrase)]
    assert phrases
    for key, phrase in phrases:
        said = {language: phrase.text(language) for language in Language}
        assert all(text.strip() for text in said.values()), key
        assert len({frozenset(placeholders(text)) for text in said.values()}) == 1, key
