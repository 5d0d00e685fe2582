"""What tells a repeat from a change, and repeats that are recognised by their bytes."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alert import Alert, AlertStatus
from ingest import alertmanager
from ingest.heard import content_hash, hear
from ingest.recognise import Recogniser

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST = Alert("am", "any:1", {"alertname": "CartDown"}, AlertStatus.FIRING, NOON)


def test_a_repeat_has_the_same_content_and_any_shown_change_another() -> None:
    first = FIRST
    repeat = replace(first, ends_at=NOON + timedelta(hours=1))  # moved by every repeat
    assert content_hash(repeat) == content_hash(first)
    arrived_later = replace(first, starts_at=NOON + timedelta(seconds=30))  # from a sender that gives no start
    assert content_hash(arrived_later) == content_hash(first)
    changed = [
        replace(first, labels={"alertname": "CartDown", "severity": "critical"}),
        replace(first, annotations={"summary": "worse"}),
        replace(first, status=AlertStatus.RESOLVED),
        replace(first, generator_url="http://rules/1"),
    ]
    assert len({content_hash(alert) for alert in [first, *changed]}) == 1 + len(changed)


def said(**more: Any) -> dict[str, Any]:
    return {
        "labels": {"alertname": "CartDown", "instance": "a:1"},
        "annotations": {"summary": "down"},
        "startsAt": "2026-03-01T11:59:00.000Z",
        "endsAt": "2026-03-01T12:04:00Z",
        "generatorURL": "http://prometheus/graph",
        **more,
    }


def v2(*items: Any) -> bytes:
    return orjson.dumps(list(items))


def v4(*items: Any, **more: Any) -> bytes:
    return orjson.dumps({"version": "4", "alerts": [{"status": "firing", **item} for item in items], **more})


def test_a_repeat_is_recognised_through_either_door_and_read_only_when_asked() -> None:
    known = Recogniser()
    first = known.read_v2(v2(said()), "am", NOON)
    later = NOON + timedelta(minutes=1)
    second = known.read_webhook(v4(said(endsAt="0001-01-01T00:00:00Z")), "other", later)
    assert first
    assert second
    assert (second.heard[0].identity, second.heard[0].content) == (first.heard[0].identity, first.heard[0].content)
    assert second.heard[0]._alert is None, "not read"
    assert second.heard[0].alert == replace(first.heard[0].alert, source="other", ends_at=None)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[", b"null", b"{}", b'"text"', b"[1]", b"[[]]", b"[{}]", b"\xff", b"[" * 3000,
        v2(said(labels={"alertname": 1})), v2(said(labels={})), v2(said(startsAt="yesterday")), v2(said(endsAt=5)),
        v2(said(status="firing")), v2(said(labels=None)), v2(said(annotations={"a": 1})), v2(said(), {"labels": []}),
        json.dumps([said(annotations={"summary": "half \ud83d"})]).encode(),
        v2(said()).replace(b"down", b"\xff\xfe"), v2(said(labels={"alertname": "nul\x00"})),
        v2(said(labels={f"l{n}": "x" for n in range(100)})),
    ],
)  # fmt: skip
def test_whatever_is_not_plainly_in_order_goes_the_long_way(body: bytes) -> None:
    assert Recogniser().read_v2(body, "am", NOON) is None
    known = Recogniser()
    assert known.read_v2(v2(said()), "am", NOON), "also where its neighbours are known"
    assert known.read_v2(body, "am", NOON) is None


def test_a_webhook_without_a_status_or_with_an_odd_count_goes_the_long_way() -> None:
    known = Recogniser()
    assert known.read_webhook(orjson.dumps({"alerts": [said()]}), "am", NOON) is None
    assert known.read_webhook(v4(said(), truncatedAlerts="many"), "am", NOON) is None
    assert known.read_webhook(v4(said(status="odd")), "am", NOON) is None
    counted = known.read_webhook(v4(said(), truncatedAlerts=3), "am", NOON)
    assert counted
    assert counted.truncated == 3


TIMES = st.sampled_from(
    ["", "0001-01-01T00:00:00Z", "2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T13:00:00+02:00",
     "2999-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "1900-01-01T00:00:00Z", "soon"]
)  # fmt: skip
SAID = st.fixed_dictionaries(
    {
        "labels": st.dictionaries(st.sampled_from(["alertname", "a", "b", ""]), st.sampled_from(["", "x", "é", "y"])),
        "annotations": st.dictionaries(st.sampled_from(["s", "t"]), st.sampled_from(["", "x", "1"])),
        "startsAt": TIMES,
        "endsAt": TIMES,
    },
    optional={"status": st.sampled_from(["firing", "resolved", "Firing", ""]), "generatorURL": st.just("u")},
)


@given(st.lists(st.lists(SAID, min_size=1, max_size=4), min_size=1, max_size=5))
def test_both_ways_hear_the_same(bodies: list[list[dict[str, Any]]]) -> None:
    known = Recogniser()
    for items in bodies:
        for short, long, body in (
            (known.read_v2, alertmanager.parse_v2, items),
            (known.read_webhook, alertmanager.parse_webhook, {"alerts": items}),
        ):
            quick = short(orjson.dumps(body), "am", NOON)
            if quick is None:
                continue
            slow = long(body, "am", NOON)  # type: ignore[operator]
            heard = [hear(alert) for alert in slow.alerts]
            assert not slow.rejected
            assert not slow.flagged
            assert [(h.identity, h.content, h.is_firing, h.alert) for h in quick.heard] == [
                (h.identity, h.content, h.is_firing, h.alert) for h in heard
            ]
