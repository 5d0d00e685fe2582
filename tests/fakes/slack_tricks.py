"""Clicks and posts that must never count: forged, foreign, misplaced, unsigned. Each by name, for a test of them all.

A trick is played on a `SlackScene`: an approver and an outsider, the card that is meant, another card, and its button.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.fakes.slack_delivery import Delivered
from tests.fakes.slack_hand import SlackHand
from tests.fakes.slack_http import signed
from tests.fakes.slack_state import SIGNING_SECRET, Member, Post


@dataclass(frozen=True)
class SlackScene:
    """Who and what. `name` is the action_id or label of the button that would be clicked in earnest."""

    hand: SlackHand
    approver: Member
    outsider: Member
    card: Post
    other: Post
    name: str = "approve"

    @property
    def value(self) -> str:
        """The value of the button on the card that is meant."""
        return str(self.card.element(self.name)[1]["value"])

    def with_value(self, value: Any) -> Delivered:
        """The approver sends another value from the card."""
        return self.hand.forge(self.approver, self.card, self.name, {"value": value})


SlackTrick = Callable[[SlackScene], Delivered]
# Sent from the right card by somebody who may not.
FOREIGN: Mapping[str, SlackTrick] = {
    "outsider": lambda s: s.hand.click(s.outsider, s.card, s.name),
    "outsider_under_the_name_of_an_approver": lambda s: s.hand.click(
        replace(s.outsider, name=s.approver.name, email=s.approver.email), s.card, s.name
    ),
    "the_same_id_in_another_workspace": lambda s: s.hand.forge(
        replace(s.approver, team="T0ELSEWHERE"), s.card, s.name, team={"id": "T0ELSEWHERE", "domain": "elsewhere"}
    ),
    "the_id_in_other_case": lambda s: s.hand.click(replace(s.approver, id=s.approver.id.lower()), s.card, s.name),
    "the_id_extended": lambda s: s.hand.click(replace(s.approver, id=s.approver.id + "0"), s.card, s.name),
    "nobody": lambda s: s.hand.forge(s.approver, s.card, s.name, user={}),
}
# Sent by the approver with a value that no button has.
FORGED: Mapping[str, SlackTrick] = {
    "truncated": lambda s: s.with_value(s.value[:-1]),
    "extended": lambda s: s.with_value(s.value + "0"),
    "one_character_changed": lambda s: s.with_value(s.value[:-1] + ("0" if s.value[-1] != "0" else "1")),
    "other_case": lambda s: s.with_value(s.value.swapcase()),
    "space_behind": lambda s: s.with_value(s.value + " "),
    "line_end_behind": lambda s: s.with_value(s.value + "\n"),
    "null_behind": lambda s: s.with_value(s.value + "\0"),
    "empty": lambda s: s.with_value(""),
    "missing": lambda s: s.with_value(None),
    "a_number": lambda s: s.with_value(12),
    "a_list": lambda s: s.with_value([s.value]),
    "too_long": lambda s: s.with_value(s.value + "x" * 5000),
    "wildcard": lambda s: s.with_value("%"),
    "quote": lambda s: s.with_value(s.value + "' OR ''='"),
    "full_width_letters": lambda s: s.with_value(
        "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in s.value)
    ),
    "json": lambda s: s.with_value(json.dumps({"id": s.value})),
    "two_in_one": lambda s: s.with_value(f"{s.value},{s.value}"),
}
# A real value, but not where the button is.
MISPLACED: Mapping[str, SlackTrick] = {
    "value_of_another_card": lambda s: s.with_value(s.other.element(s.name)[1]["value"]),
    "from_another_card": lambda s: s.hand.forge(s.approver, s.other, s.name, {"value": s.value}),
    "from_an_unknown_message": lambda s: s.hand.forge(s.approver, replace(s.card, ts="1.000001"), s.name),
    "from_another_channel": lambda s: s.hand.forge(
        s.approver,
        s.card,
        s.name,
        channel={"id": "C0ELSEWHERE", "name": "elsewhere"},
        container={"type": "message", "message_ts": s.card.ts, "channel_id": "C0ELSEWHERE"},
    ),
    "without_a_message": lambda s: s.hand.forge(s.approver, s.card, s.name, message=None, channel=None, container={}),
    "for_another_app": lambda s: s.hand.forge(s.approver, s.card, s.name, api_app_id="A0ELSEWHERE"),
}


def forged_posts(body: bytes, content_type: str) -> dict[str, tuple[dict[str, str], bytes]]:
    """Posts to the app that Slack did not sign, or not now: headers and body by name. None may be believed.

    Each must be answered with 401, without a traceback, however broken it is.
    """
    now, kind = time.time(), {"Content-Type": content_type}
    good = signed(body)
    stamp, signature = good["X-Slack-Request-Timestamp"], good["X-Slack-Signature"]

    def headers(stamp: str | None, signature: str | None) -> dict[str, str]:
        given = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
        return kind | {name: value for name, value in given.items() if value is not None}

    return {
        "nothing_signed": (kind, body),
        "no_signature": (headers(stamp, None), body),
        "no_timestamp": (headers(None, signature), body),
        "empty_signature": (headers(stamp, ""), body),
        "wrong_signature": (headers(stamp, "v0=" + "0" * 64), body),
        "signature_cut": (headers(stamp, signature[:-1]), body),
        "signature_without_version": (headers(stamp, signature.removeprefix("v0=")), body),
        "signature_of_another_version": (headers(stamp, signature.replace("v0=", "v1=")), body),
        "signature_not_ascii": (headers(stamp, "v0=é" + "0" * 63), body),
        "signed_with_another_secret": (kind | signed(body, secret=SIGNING_SECRET[::-1]), body),
        "signed_another_body": (kind | signed(body + b" "), body),
        "timestamp_changed": (headers(str(int(stamp) + 1), signature), body),
        "timestamp_not_a_number": (headers("now", signature), body),
        "timestamp_of_301_seconds_ago": (kind | signed(body, at=now - 301), body),
        "timestamp_of_302_seconds_ahead": (kind | signed(body, at=now + 302), body),
        "timestamp_endless": (headers("9" * 400, signature), body),
        "timestamp_negative": (kind | signed(body, at=-1), body),
        "broken_json_unsigned": ({"Content-Type": "application/json"}, b'{"type":'),
        "broken_form_unsigned": (kind, b"payload=%7B"),
        "not_utf8_unsigned": (kind, b"payload=\xff\xfe"),
    }
