"""Callbacks that must never count: forged, stale, foreign, replayed. Each by name, for a test that tries them all.

A trick is played on a `Scene`: an approver and an outsider, the card that is meant, another card, and the bot's chat.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.fakes.telegram_hand import TelegramHand
from tests.fakes.telegram_state import Message, Person, Query


@dataclass(frozen=True)
class Scene:
    """Who and what. `label` is the button that would be pressed in earnest."""

    hand: TelegramHand
    approver: Person
    outsider: Person
    card: Message
    other: Message
    label: str = "approve"

    @property
    def data(self) -> str:
        """The data of the button on the card that is meant."""
        return str(self.card.button(self.label)["callback_data"])

    def with_data(self, data: str) -> Query:
        """The approver sends other data from the card."""
        return self.hand.forge(self.approver, self.card, data)

    def verb(self, verb: str) -> str:
        """The data with another verb, if it is of the form a:verb:id."""
        first, _, rest = self.data.partition(":")
        return f"{first}:{verb}:{rest.rpartition(':')[2]}"


def _inaccessible(scene: Scene, chat_id: int = 0) -> dict[str, Any]:
    chat = {"id": chat_id or scene.card.chat, "type": "supergroup", "title": "old"}
    return {"chat": chat, "message_id": scene.card.id, "date": 0}


Trick = Callable[[Scene], Query]
# Sent from the right card by somebody who may not.
FOREIGN: Mapping[str, Trick] = {
    "outsider": lambda s: s.hand.forge(s.outsider, s.card, s.data),
    "outsider_under_the_name_of_an_approver": lambda s: s.hand.forge(
        replace(s.outsider, name=s.approver.name, username=s.approver.username), s.card, s.data
    ),
    "a_bot": lambda s: s.hand.forge(replace(s.outsider, is_bot=True), s.card, s.data),
    "a_bot_with_the_approvers_name": lambda s: s.hand.forge(
        Person(s.outsider.id, s.approver.name, s.approver.username, is_bot=True), s.card, s.data
    ),
    "outsider_in_an_inline_message": lambda s: s.hand.forge(
        s.outsider, s.card, s.data, message=None, inline_message_id="AgAAANszAQ"
    ),
    "outsider_from_private_chat": lambda s: s.hand.forge(
        s.outsider,
        s.card,
        s.data,
        message={"chat": {"id": s.outsider.id, "type": "private"}, "message_id": 1, "date": 0},
    ),
    "number_as_text": lambda s: s.hand.forge(replace(s.outsider, id=int(f"{s.approver.id}0")), s.card, s.data),
}
# Sent by the approver with data that no button has.
FORGED: Mapping[str, Trick] = {
    "truncated": lambda s: s.with_data(s.data[:-1]),
    "extended": lambda s: s.with_data(s.data + "0"),
    "one_character_changed": lambda s: s.with_data(s.data[:-1] + ("0" if s.data[-1] != "0" else "1")),
    "other_case": lambda s: s.with_data(s.data.swapcase()),
    "space_behind": lambda s: s.with_data(s.data + " "),
    "line_end_behind": lambda s: s.with_data(s.data + "\n"),
    "null_behind": lambda s: s.with_data(s.data + "\0"),
    "empty": lambda s: s.with_data(""),
    "too_long": lambda s: s.with_data(s.data + "x" * 4096),
    "only_the_prefix": lambda s: s.with_data(s.data.split(":")[0]),
    "without_id": lambda s: s.with_data(s.data.rpartition(":")[0] + ":"),
    "unknown_verb": lambda s: s.with_data(s.verb("approve_all")),
    "verb_twice": lambda s: s.with_data(s.data.replace(":", ":approve:", 1)),
    "unknown_id": lambda s: s.with_data(s.data.rpartition(":")[0] + ":" + "z" * 12),
    "wildcard": lambda s: s.with_data(s.data.rpartition(":")[0] + ":%"),
    "quote": lambda s: s.with_data(s.data.rpartition(":")[0] + ":' OR ''='"),
    "full_width_letters": lambda s: s.with_data(
        "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in s.data)
    ),
    "lone_surrogate_escaped": lambda s: s.with_data(s.data + "\ufffd"),
    "json": lambda s: s.with_data(json.dumps({"v": "approve", "id": s.data[-12:]})),
    "two_in_one": lambda s: s.with_data(s.data + "," + s.data),
    "game_instead": lambda s: s.hand.forge(s.approver, s.card, None, game_short_name="approve"),
}
# Real data, but not where the button is.
MISPLACED: Mapping[str, Trick] = {
    "data_of_another_card": lambda s: s.with_data(str(s.other.button(s.label)["callback_data"])),
    "from_another_card": lambda s: s.hand.forge(s.approver, s.other, s.data),
    "from_an_unknown_message": lambda s: s.hand.forge(s.approver, replace(s.card, id=999_999), s.data),
    "from_an_inline_message": lambda s: s.hand.forge(
        s.approver, s.card, s.data, message=None, inline_message_id="AgAAANszAQ"
    ),
    "from_another_chat": lambda s: s.hand.forge(s.approver, s.card, s.data, message=_inaccessible(s, -777)),
}


def press_on_old_message(scene: Scene) -> Query:
    """An honest press on a message that Telegram no longer shows to bots: only chat and number are told."""
    return scene.hand.forge(scene.approver, scene.card, scene.data, message=_inaccessible(scene))


def replay_query(scene: Scene, query: Query) -> None:
    """The same callback query under a new update_id."""
    scene.hand.send_query(query, scene.card, query.data)


def replay_update(scene: Scene) -> None:
    """The newest update under its old update_id."""
    scene.hand.repeat()


def forged_deliveries(secret: str, update: dict[str, Any]) -> dict[str, tuple[dict[str, str], bytes]]:
    """Posts to a webhook that did not come from Telegram: headers and body by name. None may be believed."""
    body, name = json.dumps(update).encode(), "X-Telegram-Bot-Api-Secret-Token"
    return {
        "no_secret": ({}, body),
        "empty_secret": ({name: ""}, body),
        "wrong_secret": ({name: "x" * len(secret)}, body),
        "secret_cut": ({name: secret[:-1]}, body),
        "secret_extended": ({name: secret + "0"}, body),
        "secret_in_other_case": ({name: secret.swapcase()}, body),
        "secret_in_another_header": ({"Authorization": f"Bearer {secret}"}, body),
        "secret_not_ascii": ({name: "sécret"}, body),
        "broken_json_without_secret": ({}, body[:-2]),
    }
