"""What an operator sets about who is told when: silences, windows, inhibitions, escalation policies, heartbeats.

Each is kept as a checked body with the time it is in force; here plain data becomes a body, and a body a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import escalation
from core.errors import BadConfiguration, BadInput
from core.escalation import Escalation, Step
from core.form import read_form
from core.heartbeat import HeartbeatRule
from core.incident import Priority
from core.inhibition import Inhibition
from core.maintenance import DAY_S, DURATION_S_MAX, Repeat, Window
from core.matcher import Breadth, breadth, read_matchers
from core.silence import SILENCE_S_MAX, Silence

TEXT_CHARS_MAX = 1_000
EQUAL_MAX = 20
HEARTBEAT_S_MAX = 30 * 86_400.0
# Labels that ordinary alerts share with heartbeats: alone they would make a whole service deaf.
SHARED_LABELS = frozenset(
    {"environment", "env", "cluster", "region", "namespace", "service", "job", "source", "severity"}
)
# The name of the guard that an operator may overrule, written out in the body.
TOO_BROAD = "too_broad"
Form = TypeVar("Form")


class NoticeKind(StrEnum):
    """What it is."""

    SILENCE = "silence"
    WINDOW = "window"
    INHIBITION = "inhibition"
    ESCALATION = "escalation"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked body and the time it is in force; `ends_at` is None where it has no end."""

    body: Mapping[str, Any]
    starts_at: datetime
    ends_at: datetime | None = None
    is_broad: bool = False


@dataclass(frozen=True, slots=True)
class SilenceForm:
    """As it is written. It ends at a time, or after `for_s`."""

    matchers: tuple[str, ...]
    reason: str
    starts_at: str = ""
    ends_at: str = ""
    for_s: float | None = None
    override: str = ""


@dataclass(frozen=True, slots=True)
class WindowForm:
    """As it is written; see core.maintenance.Window."""

    title: str
    matchers: tuple[str, ...]
    starts_at: str
    duration_s: float
    repeat: Repeat = Repeat.ONCE
    zone: str = "UTC"
    weekdays: tuple[int, ...] = ()
    until: str = ""
    override: str = ""


@dataclass(frozen=True, slots=True)
class InhibitionForm:
    """As it is written; see core.inhibition.Inhibition."""

    title: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    equal: tuple[str, ...] = ()
    override: str = ""


@dataclass(frozen=True, slots=True)
class EscalationForm:
    """As it is written; for incidents of these priorities whose labels match."""

    title: str
    steps: tuple[Step, ...]
    priorities: tuple[Priority, ...] = field(default=(Priority.P1,))
    matchers: tuple[str, ...] = ()
    acknowledged_s: float = escalation.ACKNOWLEDGED_S


@dataclass(frozen=True, slots=True)
class HeartbeatForm:
    """As it is written; see core.heartbeat.HeartbeatRule."""

    title: str
    matchers: tuple[str, ...]
    interval_s: float | None = None


def read_draft(kind: NoticeKind, body: Mapping[str, Any], now: datetime) -> Draft:
    """Check what was written. Raises BadInput: the place, what is wrong with it, what is allowed."""
    return {
        NoticeKind.SILENCE: _silence,
        NoticeKind.WINDOW: _window,
        NoticeKind.INHIBITION: _inhibition,
        NoticeKind.ESCALATION: _escalation,
        NoticeKind.HEARTBEAT: _heartbeat,
    }[kind](body, now)


def _silence(body: Mapping[str, Any], now: datetime) -> Draft:
    form = _form(SilenceForm, body, "silence")
    _text("silence.reason", form.reason)
    starts_at = max(_moment("silence.starts_at", form.starts_at), now) if form.starts_at else now
    if bool(form.ends_at) == (form.for_s is not None):
        raise BadInput("silence: say when it ends, by `ends_at` or by `for_s`.")
    length_s = (
        (_moment("silence.ends_at", form.ends_at) - starts_at).total_seconds() if form.ends_at else form.for_s or 0.0
    )
    if not 0 < length_s <= SILENCE_S_MAX:
        raise BadInput(f"silence: it lasts more than 0 and at most {SILENCE_S_MAX:.0f} seconds after its start.")
    kept = {"matchers": _matchers(form.matchers), "reason": form.reason, "override": form.override}
    return Draft(kept, starts_at, starts_at + timedelta(seconds=length_s), _guard(form.matchers, form.override))


def _window(body: Mapping[str, Any], now: datetime) -> Draft:
    form = _form(WindowForm, body, "window")
    _text("window.title", form.title)
    starts_at = _moment("window.starts_at", form.starts_at)
    until = _moment("window.until", form.until) if form.until else None
    if not 0 < form.duration_s <= (DAY_S if form.repeat is Repeat.DAILY else DURATION_S_MAX):
        raise BadInput(f"window.duration_s: more than 0, at most {DURATION_S_MAX:.0f} s, and a day for a daily one.")
    if any(not 0 <= day <= 6 for day in form.weekdays) or (form.weekdays and form.repeat is not Repeat.WEEKLY):
        raise BadInput("window.weekdays: 0 (Monday) to 6, and only for a weekly window.")
    try:
        ZoneInfo(form.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"window.zone: {form.zone[:60]!r} is no time zone; write one such as Europe/Berlin.") from None
    last = starts_at if form.repeat is Repeat.ONCE else until
    ends_at = last + timedelta(seconds=form.duration_s) if last else None
    if ends_at is not None and ends_at <= max(starts_at, now):
        raise BadInput("window: it would be over already.")
    kept = {
        "title": form.title,
        "matchers": _matchers(form.matchers),
        "duration_s": form.duration_s,
        "repeat": form.repeat,
        "zone": form.zone,
        "weekdays": list(form.weekdays),
        "until": until.isoformat() if until else "",
        "override": form.override,
    }
    return Draft(kept, starts_at, ends_at, _guard(form.matchers, form.override))


def _inhibition(body: Mapping[str, Any], now: datetime) -> Draft:
    form = _form(InhibitionForm, body, "inhibition")
    _text("inhibition.title", form.title)
    if len(form.equal) > EQUAL_MAX:
        raise BadInput(f"inhibition.equal: at most {EQUAL_MAX} labels.")
    if not form.source or not form.target:
        raise BadInput("inhibition: `source` and `target` each need a matcher.")
    kept = {
        "title": form.title,
        "source": _matchers(form.source),
        "target": _matchers(form.target),
        "equal": list(form.equal),
        "override": form.override,
    }
    return Draft(kept, now, None, _guard(form.source, form.override))


def _escalation(body: Mapping[str, Any], now: datetime) -> Draft:
    form = _form(EscalationForm, body, "escalation policy")
    _text("escalation policy.title", form.title)
    escalation.check(Escalation(form.steps, form.acknowledged_s))
    if not form.priorities:
        raise BadInput("escalation policy.priorities: name at least one of P1, P2, P3, P4.")
    kept = {
        "title": form.title,
        "steps": [{"who": s.who, "after_s": s.after_s, "repeat": s.repeat, "every_s": s.every_s} for s in form.steps],
        "priorities": list(form.priorities),
        "matchers": _matchers(form.matchers),
        "acknowledged_s": form.acknowledged_s,
    }
    return Draft(kept, now)


def _heartbeat(body: Mapping[str, Any], now: datetime) -> Draft:
    form = _form(HeartbeatForm, body, "heartbeat")
    _text("heartbeat.title", form.title)
    if form.interval_s is not None and not 1 <= form.interval_s <= HEARTBEAT_S_MAX:
        raise BadInput(f"heartbeat.interval_s: 1 to {HEARTBEAT_S_MAX:.0f} seconds; leave it out to have it learned.")
    own = [m for m in read_matchers(form.matchers) if m.label not in SHARED_LABELS]
    if breadth(own) is not Breadth.NARROW:
        # What it matches is never an incident, and nobody overrules that by a word.
        raise BadInput("heartbeat.matchers: name what only heartbeats have, such as alertname=Watchdog.")
    return Draft({"title": form.title, "matchers": _matchers(form.matchers), "interval_s": form.interval_s}, now)


def silence_of(row: Mapping[str, Any]) -> Silence:
    """The value of a stored row."""
    body = row["body"]
    matchers = read_matchers(body["matchers"])
    return Silence(str(row["id"]), matchers, row["starts_at"], row["ends_at"], body["reason"], row["created_by"])


def window_of(row: Mapping[str, Any]) -> Window:
    """The value of a stored row."""
    body = row["body"]
    return Window(
        str(row["id"]),
        read_matchers(body["matchers"]),
        row["starts_at"],
        body["duration_s"],
        Repeat(body["repeat"]),
        body["zone"],
        tuple(body["weekdays"]),
        datetime.fromisoformat(body["until"]) if body["until"] else None,
        body["title"],
    )


def inhibition_of(row: Mapping[str, Any]) -> Inhibition:
    """The value of a stored row."""
    body = row["body"]
    return Inhibition(
        str(row["id"]), read_matchers(body["source"]), read_matchers(body["target"]), tuple(body["equal"])
    )


def heartbeat_of(row: Mapping[str, Any]) -> HeartbeatRule:
    """The value of a stored row."""
    body = row["body"]
    return HeartbeatRule(str(row["id"]), read_matchers(body["matchers"]), body["interval_s"], body["title"])


def escalation_of(row: Mapping[str, Any]) -> Escalation:
    """The value of a stored row."""
    body = row["body"]
    return Escalation(tuple(Step(**step) for step in body["steps"]), body["acknowledged_s"])


def _form(kind: type[Form], body: Mapping[str, Any], place: str) -> Form:
    try:
        found: Form = read_form(kind, body, place)
    except BadConfiguration as error:
        raise BadInput(error.detail) from None
    return found


def _text(place: str, text: str) -> None:
    if not text.strip() or len(text) > TEXT_CHARS_MAX:
        raise BadInput(f"{place}: write 1 to {TEXT_CHARS_MAX} characters.")


def _moment(place: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"{place}: write a time with its offset, such as 2026-03-01T22:00:00Z.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise BadInput(f"{place}: this time is out of reach.") from None


def _matchers(texts: tuple[str, ...]) -> list[str]:
    return [str(matcher) for matcher in read_matchers(texts)]


def _guard(texts: tuple[str, ...], override: str) -> bool:
    """Whether it is broad; a broad one is refused unless the guard is overruled by its name."""
    if override not in ("", TOO_BROAD):
        raise BadInput(f"override: the only guard to overrule is {TOO_BROAD!r}.")
    found = breadth(read_matchers(texts))
    if found is not Breadth.NARROW and override != TOO_BROAD:
        raise BadInput(
            f"This is too broad ({found}): add a matcher label=value, or, as an operator, say override: {TOO_BROAD}."
        )
    return found is not Breadth.NARROW
