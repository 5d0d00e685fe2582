"""What was heard: an alert as the intake takes it, known by identity and content before its labels are read.

Nearly every alert that arrives was there before: of a repeat only the counters move, of a change only its texts. So a
sender's alert whose labels were read before is recognised by their bytes, and read whole only if the database does not
know it any more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from itertools import chain
from typing import Any

import orjson

from core.alert import Alert, AlertClass, AlertStatus, Severity

CONTENT_HEX_CHARS = 32
LABELS_DIGEST_BYTES = 16
BY_LABELS = "prom"  # how an identity begins that is a digest of the labels


def labels_digest(labels: Mapping[str, str]) -> str:
    """A digest of labels, whatever their order."""
    # 0xff is in no UTF-8, so it separates safely; encoded at once where NUL is in no text and can stand for it.
    parts = list(chain.from_iterable(sorted(labels.items())))
    joined = "\0".join(parts).encode()
    if joined.count(b"\0") < len(parts):
        separated = joined.replace(b"\0", b"\xff")
    else:
        separated = b"\xff".join([part.encode() for part in parts])
    return blake2b(separated, digest_size=LABELS_DIGEST_BYTES).hexdigest()


def content_of(digest: str, annotations: Mapping[str, str], status: AlertStatus, url: str) -> str:
    """Tell a repeat from a change: everything shown to people, without the times that every repeat moves.

    The start is such a time: a sender that gives none gets the moment of arrival, and would never repeat itself.
    """
    said = orjson.dumps([digest, annotations, status.value, url], option=orjson.OPT_SORT_KEYS)
    return sha256(said).hexdigest()[:CONTENT_HEX_CHARS]


def content_hash(alert: Alert) -> str:
    """`content_of` a whole alert. The identity of one of Prometheus' is the digest of its labels already."""
    kind, _, digest = alert.identity.partition(":")
    return content_of(
        digest if kind == BY_LABELS else labels_digest(alert.labels),
        alert.annotations,
        alert.status,
        alert.generator_url,
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """What can change of an alert whose labels are known, and what follows from the labels."""

    annotations: Mapping[str, str]
    url: str
    severity: Severity
    alert_class: AlertClass


class Heard:
    """One copy of an alert, read when it is needed."""

    __slots__ = ("_alert", "_read", "content", "identity", "is_firing", "texts")

    def __init__(
        self,
        identity: str,
        content: str,
        *,
        is_firing: bool,
        alert: Alert | None = None,
        read: Callable[[], Alert] | None = None,
        texts: Texts | None = None,
    ) -> None:
        self.identity, self.content, self.is_firing, self.texts = identity, content, is_firing, texts
        self._alert, self._read = alert, read

    @property
    def alert(self) -> Alert:
        """The whole alert."""
        if self._alert is None:
            assert self._read is not None, "either the alert or the way to it is given"
            self._alert = self._read()
        return self._alert

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.texts.severity if self.texts else self.alert.severity

    def shown(self) -> dict[str, Any]:
        """What is stored of it that can change; labels only where they were read."""
        texts = self.texts
        if texts:
            return {
                "annotations": texts.annotations,
                "severity": texts.severity,
                "class": texts.alert_class,
                "generator_url": texts.url,
            }
        alert = self.alert
        return {
            "labels": alert.labels,
            "annotations": alert.annotations,
            "severity": alert.severity,
            "class": alert.alert_class,
            "generator_url": alert.generator_url,
        }


def hear(alert: Alert) -> Heard:
    """An alert that was read already."""
    return Heard(alert.identity, content_hash(alert), is_firing=alert.status is AlertStatus.FIRING, alert=alert)
