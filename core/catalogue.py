"""Every sentence that we say to people in chats, in three languages; one phrase beside its translations.

Ids, commands and names of metrics are never translated: they come in through the placeholders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """English, Chinese in simplified and in traditional characters."""

    EN = "en"
    ZH_HANS = "zh-Hans"
    ZH_HANT = "zh-Hant"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One sentence or label; placeholders are `{name}`, the same ones in each language."""

    en: str
    zh_hans: str
    zh_hant: str

    def text(self, language: Language) -> str:
        """The sentence in a language."""
        if language is Language.ZH_HANS:
            return self.zh_hans
        return self.zh_hant if language is Language.ZH_HANT else self.en


def say(phrases: Mapping[str, Phrase], key: str, language: Language | str, **values: object) -> str:
    """A phrase with its values put in, which are never read as placeholders themselves. Raises KeyError."""
    return phrases[key].text(language_of(language)).format_map({name: str(value) for name, value in values.items()})


def language_of(text: str) -> Language:
    """The nearest language that we speak: `zh-TW`, `zh-HK` and `zh-Hant-...` are traditional, other `zh` simplified."""
    word = text.replace("_", "-").lower()
    if not word.startswith("zh"):
        return Language.EN
    traditional = word.startswith("zh-hant") or word.split("-")[-1] in ("tw", "hk", "mo")
    return Language.ZH_HANT if traditional else Language.ZH_HANS
