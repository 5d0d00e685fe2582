"""What was heard: an alert as the intake takes it, known by identity and content before its labels are read.

Nearly every alert that arrives is a repeat, and of a repeat only the counters move. So a sender's alert that was read
before is recognised by its bytes, and read again only if the database does not know it any more.
"""

from collections.abc import Callable
from hashlib import sha256

import orjson

from core.alert import Alert, AlertStatus

CONTENT_HEX_CHARS = 32


def content_hash(alert: Alert) -> str:
    """Tell a repeat from a change: everything shown to people, without the times that every repeat moves.

    The start is such a time: a sender that gives none gets the moment of arrival, and would never repeat itself.
    """
    said = [dict(alert.labels), dict(alert.annotations), alert.status.value, alert.generator_url]
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:CONTENT_HEX_CHARS]


class Heard:
    """One copy of an alert, read when it is needed."""

    __slots__ = ("_alert", "_read", "content", "identity", "is_firing")

    def __init__(
        self,
        identity: str,
        content: str,
        *,
        is_firing: bool,
        alert: Alert | None = None,
        read: Callable[[], Alert] | None = None,
    ) -> None:
        self.identity, self.content, self.is_firing = identity, content, is_firing
        self._alert, self._read = alert, read

    @property
    def alert(self) -> Alert:
        """The whole alert."""
        if self._alert is None:
            assert self._read is not None, "either the alert or the way to it is given"
            self._alert = self._read()
        return self._alert


def hear(alert: Alert) -> Heard:
    """An alert that was read already."""
    return Heard(alert.identity, content_hash(alert), is_firing=alert.status is AlertStatus.FIRING, alert=alert)
