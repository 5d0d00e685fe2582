"""The small chores that chat front ends ask of any model: a title, tags, follow-up questions. Done here, without one.

Open WebUI frames a chore as `### Task:` with the conversation inside `<chat_history>`; LibreChat asks for a title of
five words. Whatever else looks like that frame gets a title too: a chore must never start an investigation.
"""

import json
import re
from enum import StrEnum

from core.catalogue import Language, Phrase, say

TITLE_WORDS_MAX = 6
TITLE_CHARS_MAX = 48
FRAME = re.compile(r"\s*### Task:.*(?:<chat_history>|<context>|<type>|### Chat History)", re.DOTALL)
TITLE_OF_FIVE = re.compile(r"(?:5-word-or-less title|title[^.\n]{0,60}5 words or less)", re.IGNORECASE)
FIRST_SAID = re.compile(r"^[ \t]*(?:USER|User|Human)\s*:\s*(.+)$", re.MULTILINE)
AGENDA = re.compile(r'"(follow_ups|tags|title|queries|text|prompt)"\s*:')
CJK = re.compile("[\u3400-\u9fff]")
PUNCTUATION = " \t\r\n\"'`*#<>.,:;!?。，：；！？"


class Chore(StrEnum):
    """Which chore it is."""

    TITLE = "title"
    TAGS = "tags"
    FOLLOW_UPS = "follow_ups"
    QUERIES = "queries"
    COMPLETION = "text"
    PICTURE = "prompt"


PHRASES = {
    "untitled": Phrase("On call", "值班", "值班"),
    "tag": Phrase("On-call", "值班", "值班"),
    "ask_status": Phrase("What is the status now?", "现在的状态如何？", "現在的狀態如何？"),
    "ask_changes": Phrase("What changed before it began?", "开始之前有什么变更？", "開始之前有什麼變更？"),
    "ask_similar": Phrase(
        "Which similar incidents were there, and what helped?",
        "以前有哪些类似的事件，什么办法有用？",
        "以前有哪些類似的事件，什麼辦法有用？",
    ),
}
FOLLOW_UPS = ("ask_status", "ask_changes", "ask_similar")


def chore_of(text: str) -> Chore | None:
    """The chore that a message is; None for what a person wrote."""
    if FRAME.match(text):
        asked = AGENDA.search(text.partition("<chat_history>")[0])
        return Chore(asked.group(1)) if asked else Chore.TITLE
    return Chore.TITLE if TITLE_OF_FIVE.search(text) and "conversation" in text.lower() else None


def do_chore(chore: Chore, text: str, *, as_json: bool = False) -> str:
    """The answer in the form that the front end asked for; `as_json` where the request itself asks for JSON."""
    said = _first_said(text)
    language = Language.ZH_HANS if CJK.search(said) else Language.EN
    if chore is Chore.TITLE:
        title = _title(said) or say(PHRASES, "untitled", language)
        as_json = as_json or '"title"' in text.partition("<chat_history>")[0]
        return json.dumps({"title": title}, ensure_ascii=False) if as_json else title
    done: dict[Chore, object] = {
        Chore.TAGS: [say(PHRASES, "tag", language)],
        Chore.FOLLOW_UPS: [say(PHRASES, key, language) for key in FOLLOW_UPS],
        Chore.QUERIES: [],  # nothing on the web knows this house
        Chore.COMPLETION: "",
        Chore.PICTURE: "",
    }
    return json.dumps({str(chore): done[chore]}, ensure_ascii=False)


def _first_said(text: str) -> str:
    """What the person said first, inside the conversation that the chore quotes."""
    quoted = text.rpartition("<chat_history>")[2] if "<chat_history>" in text else text.rpartition("onversation:")[2]
    found = FIRST_SAID.search(quoted)
    return found.group(1) if found else ""


def _title(said: str) -> str:
    words = said.split()[:TITLE_WORDS_MAX]
    return " ".join(words)[:TITLE_CHARS_MAX].strip(PUNCTUATION)
