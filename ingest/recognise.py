"""Recognising repeats in Alertmanager's bodies by their bytes: an alert that was read before is not read again.

Only what is plainly in order is taken here. A body with anything unusual in it goes the long way, that of
`ingest.alertmanager`, which knows every fault and says what to do about it.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from hashlib import blake2b

import msgspec
import orjson

from core.alert import Alert, AlertStatus
from ingest.alertmanager import read_v2_alert, read_webhook_alert
from ingest.heard import Heard, hear
from ingest.parsed import ALERTS_MAX, EARLIEST, FLAGS, LATEST, Parsed, Unusable, moment_of

KNOWN_MAX = 131_072  # about 0.3 kB each
DIGEST_BYTES = 16
FIRING = AlertStatus.FIRING.value


class _Said(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One alert as it was sent, its labels and annotations not read yet."""

    labels: msgspec.Raw
    annotations: msgspec.Raw = msgspec.Raw(b"{}")
    startsAt: str = ""
    endsAt: str = ""
    generatorURL: str = ""
    status: str = ""
    fingerprint: str = ""


class _Webhook(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    alerts: list[_Said]
    truncatedAlerts: int = 0
    version: str = ""
    groupKey: str = ""
    status: str = ""
    receiver: str = ""
    externalURL: str = ""
    groupLabels: dict[str, str] = {}
    commonLabels: dict[str, str] = {}
    commonAnnotations: dict[str, str] = {}


_V2 = msgspec.json.Decoder(list[_Said])
_V4 = msgspec.json.Decoder(_Webhook)
_Read = Callable[[object, str, datetime], Alert]


class Recogniser:
    """Digests of the bytes of firing alerts that were read without a flaw, with the identity and content of each."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, str]] = {}

    def read_v2(self, body: bytes, source: str, now: datetime) -> Parsed | None:
        """The array of `POST /api/v2/alerts`; None for a body that has to go the long way."""
        try:
            said = _V2.decode(body)
            if any(one.status for one in said):  # there is no such field here, so it must not decide
                return None
            return self._heard(said, 0, read_v2_alert, source, now)
        except (msgspec.DecodeError, RecursionError, Unusable, ValueError):
            return None

    def read_webhook(self, body: bytes, source: str, now: datetime) -> Parsed | None:
        """The object of the webhook; None for a body that has to go the long way."""
        try:
            said = _V4.decode(body)
            if not all(one.status for one in said.alerts):
                return None
            return self._heard(said.alerts, max(said.truncatedAlerts, 0), read_webhook_alert, source, now)
        except (msgspec.DecodeError, RecursionError, Unusable, ValueError):
            return None

    def _heard(self, said: list[_Said], truncated: int, read: _Read, source: str, now: datetime) -> Parsed | None:
        if len(said) > ALERTS_MAX:
            return None
        known, heard = self._known, []
        for one in said:
            key = blake2b(
                b"\0".join((one.labels, one.annotations, one.generatorURL.encode())), digest_size=DIGEST_BYTES
            ).digest()
            found = known.get(key)
            if found and _fires(one, now):
                whole = partial(_read, one, read, source, now)
                heard.append(Heard(*found, is_firing=True, read=whole))
                continue
            alert = _read(one, read, source, now)
            if FLAGS in alert.annotations:
                return None
            heard.append(hear(alert))
            if alert.status is AlertStatus.FIRING and one.startsAt:
                known[key] = (heard[-1].identity, heard[-1].content)
        while len(known) > KNOWN_MAX:
            del known[next(iter(known))]
        return Parsed(truncated=truncated, heard=heard)


def _fires(said: _Said, now: datetime) -> bool:
    """Does it fire without any doubt? Raises ValueError for what is no time."""
    starts_at = moment_of(said.startsAt)
    if starts_at is None or starts_at is EARLIEST or starts_at is LATEST:
        return False
    if said.status:
        return said.status == FIRING
    ends_at = moment_of(said.endsAt)
    return ends_at is None or now < ends_at < LATEST


def _read(said: _Said, read: _Read, source: str, now: datetime) -> Alert:
    """Read the whole alert as the long way does."""
    item = {
        "labels": orjson.loads(bytes(said.labels)),
        "annotations": orjson.loads(bytes(said.annotations)),
        "startsAt": said.startsAt,
        "endsAt": said.endsAt,
        "generatorURL": said.generatorURL,
        "status": said.status,
    }
    return read(item, source, now)
