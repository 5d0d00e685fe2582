"""What a parser makes of a sender's body: alerts, and what could not be used, one reason each; and the limits of both.

A limit cuts and flags, it never rejects: a cut value ends in a digest of the whole, so that two alerts that differ
only behind the cut stay two. The flags stand in the annotation `nightshift_flags`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson

from core.alert import Alert
from core.errors import BadInput
from core.plain_text import storable
from ingest.heard import Heard

LABELS_MAX = 64
NAME_BYTES_MAX = 1024
VALUE_BYTES_MAX = 4096
PLACE_BYTES_MAX = 256  # of a label that names or places an alert: these become keys, and an index row has a limit
ANNOTATION_BYTES_MAX = 16 * 1024  # names and values together
URL_BYTES_MAX = 2048
ALERTS_MAX = 20_000  # in one body
TIME_CHARS_MAX = 40
FLAGS = "nightshift_flags"
DROPPED_LABELS = "nightshift_dropped"
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
_KEPT_FIRST = (
    *("alertname", "severity", "class", "service", "service_name", "app", "app_kubernetes_io_name", "deployment"),
    *("job", "environment", "env", "stage", "cluster", "k8s_cluster", "region", "namespace", "pod", "container"),
    *("host", "instance"),
)
_PLACES = frozenset(_KEPT_FIRST)
_TEXT = {str}


class RejectReason(StrEnum):
    """Why something was not used."""

    EMPTY = "empty"
    NOT_UTF8 = "not_utf8"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    TOO_MANY = "too_many"
    NOT_AN_OBJECT = "not_an_object"
    NO_LABELS = "no_labels"
    LABEL_NOT_TEXT = "label_not_text"
    NO_IDENTITY = "no_identity"
    FIELD_MISSING = "field_missing"
    FIELD_UNUSABLE = "field_unusable"
    UNSTORABLE = "unstorable"


class Flag(StrEnum):
    """What was done to an alert so that it can be kept."""

    CLEANED = "cleaned"
    CUT = "cut"
    TIME_GUESSED = "time_guessed"
    TIME_CLAMPED = "time_clamped"
    STATUS_GUESSED = "status_guessed"


@dataclass(frozen=True, slots=True)
class Rejected:
    """One thing that could not be used, readable; `detail` says what to change."""

    reason: RejectReason
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """The result of one body; `truncated` is how many alerts the sender says it left out.

    A parser gives `alerts`, or `heard` where it recognises repeats without reading them whole.
    """

    alerts: list[Alert] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    flagged: int = 0
    truncated: int = 0
    heard: list[Heard] = field(default_factory=list)


class Unusable(BadInput):
    """This cannot be used as it is; correct it and send it again."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason

    def rejected(self, item: Any) -> Rejected:
        """The same, with the thing itself."""
        return Rejected(self.reason, self.detail, raw(item))


def raw(item: Any) -> bytes:
    """The thing as readable bytes, as near to what was sent as its parsed form allows."""
    try:
        return orjson.dumps(item)
    except TypeError:  # a number that orjson cannot write
        return json.dumps(item, default=str).encode("utf-8", "replace")


def labels_of(given: Any, flags: set[Flag]) -> dict[str, str]:
    """Clean labels: texts only, empty ones removed, within the limits. Raises Unusable."""
    if type(given) is not dict or not given:
        raise Unusable(RejectReason.NO_LABELS, "An alert needs `labels`: an object with at least one name and value.")
    if not _only_texts(given):
        name, value = next((name, value) for name, value in given.items() if type(value) is not str)
        kind = type(value).__name__
        raise Unusable(RejectReason.LABEL_NOT_TEXT, f"Label {name[:80]!r} must be a text, not {kind}: quote its value.")
    labels = given
    if "" in given or "" in given.values():
        labels = {name: value for name, value in given.items() if value and name}
    if not labels:
        raise Unusable(RejectReason.NO_LABELS, "All labels are empty; an alert needs at least one that is not.")
    return limited(cleaned(labels, flags), flags)


def annotations_of(given: Any, flags: set[Flag]) -> dict[str, str]:
    """Clean annotations; whatever is no text is written as JSON, what is no object is left out."""
    if type(given) is not dict:
        if given is not None:
            flags.add(Flag.CLEANED)
        return {}
    texts = given
    if not _only_texts(given):
        flags.add(Flag.CLEANED)
        texts = {name: value if type(value) is str else raw(value).decode() for name, value in given.items()}
    return _within(cleaned(texts, flags), flags)


def _only_texts(given: dict[str, Any]) -> bool:
    return set(map(type, given.values())) <= _TEXT


def cleaned(texts: dict[str, str], flags: set[Flag]) -> dict[str, str]:
    """The same without NUL and lone surrogates, in names and values."""
    joined = "".join([*texts, *texts.values()])
    if storable(joined) == joined:
        return texts
    flags.add(Flag.CLEANED)
    return {storable(name): storable(value) for name, value in texts.items()}


def limited(labels: dict[str, str], flags: set[Flag]) -> dict[str, str]:
    """At most LABELS_MAX labels, names and values not too long."""
    if len(labels) > LABELS_MAX:
        flags.add(Flag.CUT)
        labels = _fewer(labels)
    # A character has at most four bytes: short texts need no encoding to be measured.
    if max(map(len, labels)) * 4 <= NAME_BYTES_MAX and max(map(len, labels.values())) * 4 <= PLACE_BYTES_MAX:
        return labels
    cut = {
        cut_bytes(name, NAME_BYTES_MAX): cut_bytes(value, PLACE_BYTES_MAX if name in _PLACES else VALUE_BYTES_MAX)
        for name, value in labels.items()
    }
    if cut != labels:
        flags.add(Flag.CUT)
    return cut


def cut_bytes(text: str, bytes_max: int) -> str:
    """Shorten to at most `bytes_max` bytes of UTF-8; the end is a digest of the whole."""
    if len(text) * 4 <= bytes_max or len(data := text.encode()) <= bytes_max:
        return text
    return data[: bytes_max - 19].decode("utf-8", "ignore") + "…" + hashlib.sha256(data).hexdigest()[:16]


def flagged(annotations: Mapping[str, str], flags: Iterable[Flag]) -> Mapping[str, str]:
    """The annotations, with the flags where there are any."""
    words = ",".join(sorted(flags))
    return {**annotations, FLAGS: words} if words else annotations


def url_of(given: Any) -> str:
    """A link; anything that is no text is none."""
    return cut_bytes(storable(given), URL_BYTES_MAX) if type(given) is str else ""


@lru_cache(maxsize=16_384)
def _moment(text: str) -> datetime | None:
    """A time in RFC 3339, clamped to what every part of the house can calculate with; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        # A year of five digits is a time far in the future to its sender, but not to the calendar.
        year = text.partition("-")[0]
        return LATEST if len(year) > 4 and year.isdigit() and "-" in text else None
    return clamped(moment)


def moment_of(given: Any) -> datetime | None:
    """A time from a text; None where there is none, or the zero time of Go. Raises ValueError where it is no time."""
    if given is None or given == "":
        return None
    moment = _moment(given) if type(given) is str and len(given) <= TIME_CHARS_MAX else None
    if moment is None:
        raise ValueError("not a time")
    return None if moment is EARLIEST and given.startswith("0001-01-01") else moment


def clamped(moment: datetime) -> datetime:
    """In UTC and between EARLIEST and LATEST; without an offset it is UTC already."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not EARLIEST.year < moment.year < LATEST.year:  # also before an offset could leave the calendar
        return EARLIEST if moment.year <= EARLIEST.year else LATEST
    return moment.astimezone(UTC)


def _fewer(labels: dict[str, str]) -> dict[str, str]:
    first = [name for name in _KEPT_FIRST if name in labels]
    rest = sorted(labels.keys() - set(first))
    room = LABELS_MAX - 1 - len(first)
    dropped = {name: labels[name] for name in rest[room:]}
    digest = hashlib.sha256(raw(dict(sorted(dropped.items())))).hexdigest()[:16]
    return {name: labels[name] for name in first + rest[:room]} | {DROPPED_LABELS: digest}


def _within(texts: dict[str, str], flags: set[Flag]) -> dict[str, str]:
    if len("".join([*texts, *texts.values()])) <= ANNOTATION_BYTES_MAX // 4:
        return texts
    kept, room = {}, ANNOTATION_BYTES_MAX
    for name, value in texts.items():
        short = cut_bytes(name, NAME_BYTES_MAX)
        room -= len(short.encode())
        if room < 64:
            break
        kept[short] = cut_bytes(value, room)
        room -= len(kept[short].encode())
    if kept != texts:
        flags.add(Flag.CUT)
    return kept
