"""A setting takes a registered value in place of the one that was shown, once, and the old value is kept."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from core.intent import Intent
from core.playbook import ActionType
from core.setting import Setting, SettingKind
from core.site import Service, Site
from tests.tools.far_side import FarSide, Knob
from tools.act import hands
from tools.act.actuator import Effect, Order, Probe
from tools.act.sight import before, look_for, target_fault

HAND = "setting:limit"
NUMBER = (SettingKind.INTEGER, {"minimum": 1, "maximum": 100})
CHOICE = (SettingKind.CHOICE, {"choices": ("low", "high")})
FLAG: tuple[SettingKind, dict[str, Any]] = (SettingKind.BOOLEAN, {})


@dataclass
class Room:
    """A setting, its server, and the site that knows it."""

    side: FarSide
    knob: Knob

    def site(self, kind: SettingKind = SettingKind.INTEGER, **more: Any) -> Site:
        """The site with the setting as it is registered."""
        values = {"minimum": 1, "maximum": 100} if kind is SettingKind.INTEGER else {}
        setting = Setting(
            "limit", "shop", f"{self.side.url}/settings/limit", kind, **{**values, **more}, allow_private=True
        )
        return Site(environment="prod", services={"shop": Service("shop")}, settings=(setting,))

    def order(self, value: Any, seen: Any = 10, site: Site | None = None) -> Order:
        """Set it to a value."""
        intent = Intent(
            ActionType.CONFIG_CHANGE, "book", 1, {"setting": "limit", "value": value}, "setting:prod/limit",
            "setting:prod/limit", HAND, "i", 1, {"seen": {"value": seen}},
        )  # fmt: skip
        return Order(site or self.site(), intent, "key-1", timeout_s=3.0)


@pytest.fixture
def room() -> Iterator[Room]:
    knob = Knob()
    with FarSide(knob.answer) as side:
        yield Room(side, knob)


async def test_it_is_set_once_and_knows_the_way_back(room: Room) -> None:
    order = room.order(20)
    sights = await look_for(order.site, order.intent)
    assert target_fault(order.site, order.intent, sights) == ""
    assert before(ActionType.CONFIG_CHANGE, order.intent.parameters, sights[HAND]) == {"value": 10}
    assert (await hands.probe(order))[0] is Probe.NO_EFFECT

    assert (await hands.act(order)).effect is Effect.DONE
    assert room.knob.effects == [(20, "key-1")]
    assert (await hands.probe(order))[0] is Probe.SAW_EFFECT
    assert (await hands.act(room.order(10, seen=20))).effect is Effect.DONE
    assert room.knob.value == 10


@pytest.mark.parametrize("value", [0, 101, -1, True, "20", 20.0, None, [], {}, 2**70, "20; drop", "\u0662\u0660"])
async def test_only_values_of_its_type_are_sent(room: Room, value: Any) -> None:
    assert (await hands.act(room.order(value))).effect is Effect.REFUSED
    assert room.side.writes == []


@pytest.mark.parametrize(
    ("registered", "now", "given", "sent"),
    [(FLAG, False, "true", True), (FLAG, True, False, False), (CHOICE, "low", "high", "high"), (NUMBER, 1, 2, 2)],
)
async def test_each_type_is_sent_as_itself(
    room: Room, registered: tuple[SettingKind, dict[str, Any]], now: Any, given: Any, sent: Any
) -> None:
    kind, more = registered
    room.knob.value = now
    site = room.site(kind, **more)
    order = room.order(given, now, site)
    sights = await look_for(site, order.intent)
    way_back = before(ActionType.CONFIG_CHANGE, order.intent.parameters, sights[HAND])
    assert (await hands.act(order)).effect is Effect.DONE
    assert room.knob.value is sent or room.knob.value == sent
    if now:
        assert (await hands.act(room.order(way_back["value"], sent, site))).effect is Effect.DONE
        assert room.knob.value == now


async def test_a_value_that_somebody_else_changed_is_left_alone(room: Room) -> None:
    order = room.order(20)
    room.knob.value = 15
    answer = await hands.act(order)
    assert (answer.effect, "15 by now" in answer.detail) == (Effect.REFUSED, True)
    assert "value of setting:limit is 15 by now" in target_fault(
        order.site, order.intent, await look_for(order.site, order.intent)
    )
    assert (await hands.probe(order))[0] is Probe.CANNOT_TELL
    same = room.order(15, seen=15)
    assert "already" in (await hands.act(same)).detail
    assert "already" in target_fault(same.site, same.intent, await look_for(same.site, same.intent))
    assert room.side.writes == []


@pytest.mark.parametrize(("fault", "seen"), [("cut_before", Probe.NO_EFFECT), ("cut_after", Probe.SAW_EFFECT)])
async def test_a_cut_answer_is_unknown_until_it_is_read_again(room: Room, fault: str, seen: Probe) -> None:
    room.side.fault = fault
    assert (await hands.act(room.order(20))).effect is Effect.UNKNOWN
    assert len(room.side.writes) == 1
    assert (await hands.probe(room.order(20)))[0] is seen


@pytest.mark.parametrize("odd", ["10", None, [10], 1000, True, 10.5])
async def test_a_value_that_is_none_of_its_type_cannot_be_changed(room: Room, odd: Any) -> None:
    room.knob.value = odd
    assert (await hands.act(room.order(20, seen=odd))).effect is Effect.REFUSED
    order = room.order(20)
    assert target_fault(order.site, order.intent, await look_for(order.site, order.intent))
    assert room.side.writes == []


async def test_its_token_comes_from_the_environment(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.knob.token = "word-of-the-knob"
    site = room.site(token_env="KNOB_TOKEN")
    answer = await hands.act(room.order(20, site=site))
    assert answer.effect is Effect.REFUSED
    monkeypatch.setenv("KNOB_TOKEN", "word-of-the-knob")
    assert (await hands.act(room.order(20, site=site))).effect is Effect.DONE
    gone = replace(site, settings=())
    assert (await hands.act(room.order(30, seen=20, site=gone))).effect is Effect.REFUSED
