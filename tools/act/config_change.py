"""The actuator of settings: reads the value that is there, sees that it is the one that was shown, and sets another."""

from collections.abc import Mapping
from typing import Any

import httpx

from core.errors import BadInput, Refused
from core.hand import Hand, hand_by_id
from core.playbook import ActionType
from core.setting import Setting, SettingValue
from core.site import Endpoint, Site
from tools.act import http
from tools.act.actuator import Answer, Effect, Order, Probe, refused, shown


async def act(order: Order) -> Answer:
    """Set the value once, if the old one is still there."""
    try:
        setting = _setting(order)
        wanted = setting.value(order.intent.parameters.get("value"))
        current = await read_value(setting)
        if current != order.seen.get("value"):
            return refused(f"{setting.id} is {current!r} by now, not {order.seen.get('value')!r} as it was shown")
        if current == wanted:
            return refused(f"{setting.id} is {current!r} already")
        url, body = setting.url, {"value": wanted}
        reply = await http.send(_endpoint(setting), setting.method, url, body, key=order.key, timeout_s=order.timeout_s)
    except (Refused, BadInput) as error:
        return refused(error.detail)
    except (httpx.HTTPError, TimeoutError) as error:
        return Answer(Effect.UNKNOWN, f"no whole answer: {shown(error)}")
    return http.judged(reply)


async def probe(order: Order) -> tuple[Probe, str]:
    """The new value is there, or still the old one; any third was set by somebody else."""
    try:
        setting = _setting(order)
        wanted = setting.value(order.intent.parameters.get("value"))
        current = await read_value(setting)
    except (Refused, BadInput) as error:
        return Probe.CANNOT_TELL, error.detail
    said = f"{setting.id} is {current!r}"
    if current == wanted:
        return Probe.SAW_EFFECT, said
    return (Probe.NO_EFFECT if current == order.seen.get("value") else Probe.CANNOT_TELL), said


async def read_value(setting: Setting) -> SettingValue:
    """The value that is set now. Raises Refused where there is none of the setting's type."""
    try:
        reply = await http.send(_endpoint(setting), "GET", setting.url, None, key="", timeout_s=http.PROBE_S)
    except (httpx.HTTPError, TimeoutError) as error:
        raise Refused(f"{setting.id} cannot be read: {shown(error)}", "not_reached") from error
    body: Any = reply.json() if reply.status == 200 else None
    if not isinstance(body, Mapping) or "value" not in body:
        raise Refused(f"{setting.id} cannot be read: {reply.said}", "not_understood")
    try:
        return setting.value(body["value"])
    except BadInput as error:
        raise Refused(error.detail, "not_understood") from error


def _endpoint(setting: Setting) -> Endpoint:
    return Endpoint(
        setting.id, ActionType.CONFIG_CHANGE, setting.service, setting.url, setting.method,
        token_env=setting.token_env, allow_private=setting.allow_private, networks=setting.networks,
    )  # fmt: skip


def _setting(order: Order) -> Setting:
    hand = hand_by_id(order.site, order.intent.action, order.intent.endpoint_id)
    if hand is None:
        raise Refused(f"{order.intent.endpoint_id} is not registered any more", "not_registered")
    return setting_of(order.site, hand)


def setting_of(site: Site, hand: Hand) -> Setting:
    """The setting that a hand is. Raises Refused where it is gone."""
    setting = next((s for s in site.settings if s.id == hand.name), None)
    if setting is None:
        raise Refused(f"{hand.id} is not registered any more", "not_registered")
    return setting
