"""Recognising repeats in Alertmanager's bodies by their bytes: an alert that was read before is not read again.

Only what is plainly in order is taken here. A body with anything unusual in it goes the long way, that of
`ingest.alertmanager`, which knows every fault and says what to do about it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b

import msgspec
import orjson

from core.alert import Alert, AlertClass, AlertStatus, Severity
from ingest.alertmanager import read_v2_alert, read_webhook_alert
from ingest.heard import Heard, Texts, content_of, hear
from ingest.parsed import (
    ALERTS_MAX,
    ANNOTATION_BYTES_MAX,
    EARLIEST,
    FLAGS,
    LATEST,
    URL_BYTES_MAX,
    Parsed,
    Unusable,
    moment_of,
)

KNOWN_MAX = 131_072  # about 0.5 kB each
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


@dataclass(slots=True)
class _Known:
    """Labels that were read without a flaw: what follows from them, and what was said with them last."""

    identity: str
    severity: Severity
    alert_class: AlertClass
    said: bytes
    content: str


class Recogniser:
    """Knows firing alerts by the bytes of their labels."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

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
        known = self._known
        heard = []
        for one in said:
            key = blake2b(one.labels, digest_size=DIGEST_BYTES).digest()
            found = known.get(key)
            if found is not None and _fires(one, now):
                heard.append(_again(one, found, partial(_read, one, read, source, now)))
                continue
            alert = _read(one, read, source, now)
            if FLAGS in alert.annotations:
                return None
            heard.append(hear(alert))
            if alert.status is AlertStatus.FIRING and one.startsAt:
                known[key] = _Known(
                    alert.identity, alert.severity, alert.alert_class, _texts_digest(one), heard[-1].content
                )
        while len(known) > KNOWN_MAX:
            del known[next(iter(known))]
        return Parsed(truncated=truncated, heard=heard)


def _again(said: _Said, known: _Known, read: Callable[[], Alert]) -> Heard:
    """A repeat, or a change of the texts. Raises ValueError for texts that are not plainly in order."""
    digest = _texts_digest(said)
    if digest == known.said:
        return Heard(known.identity, known.content, is_firing=True, read=read)
    texts = Texts(_plain_annotations(said), _plain_url(said), known.severity, known.alert_class)
    labels = known.identity.partition(":")[2]
    content = content_of(labels, texts.annotations, AlertStatus.FIRING, texts.url)
    known.said, known.content = digest, content
    return Heard(known.identity, content, is_firing=True, read=read, texts=texts)


def _texts_digest(said: _Said) -> bytes:
    return blake2b(b"\0".join((said.annotations, said.generatorURL.encode())), digest_size=DIGEST_BYTES).digest()


def _plain_annotations(said: _Said) -> dict[str, str]:
    texts = orjson.loads(bytes(said.annotations))
    if type(texts) is not dict:
        raise ValueError("no object")
    try:
        joined = "".join([*texts, *texts.values()])
    except TypeError as error:
        raise ValueError("not only texts") from error
    if "\0" in joined or len(joined) > ANNOTATION_BYTES_MAX // 4:
        raise ValueError("to be cleaned or cut")
    return texts


def _plain_url(said: _Said) -> str:
    if "\0" in said.generatorURL or len(said.generatorURL) > URL_BYTES_MAX // 4:
        raise ValueError("to be cleaned or cut")
    return said.generatorURL


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
