"""The page: the first message of an incident's thread, which goes on to show how the incident stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.catalogue import Language, say
from core.desk import Verb
from core.frequency import Frequency
from core.incident import IncidentState
from core.message import Message, Tone
from core.phrases_cards import PHRASES
from core.regrouping import MERGED, OVER
from tools.notify.buttons import Layout, buttons, offered

ALERTS_MAX = 5
TONES = {
    IncidentState.OPEN: Tone.BAD,
    IncidentState.ESCALATED: Tone.BAD,
    IncidentState.ACKNOWLEDGED: Tone.WAITING,
    IncidentState.MITIGATED: Tone.WAITING,
    IncidentState.RESOLVED: Tone.GOOD,
}
LAYOUT: Layout = (
    (Verb.ACKNOWLEDGE, Verb.TAKE_OVER, Verb.ASK),
    (Verb.SILENCE_1H, Verb.ESCALATE, Verb.STOP),
)
BY_ALERTS = "all alerts resolved"


@dataclass(frozen=True)
class PageFacts:
    """What a page shows: the incident, its alerts by name (name, service, firing, alerts), how many of them are silent
    without an end, how often this trouble came, what was found, the names that come and go, and what was told as one
    (count, resource_id, began_at, last_at)."""

    incident: Mapping[str, Any]
    alerts: Sequence[Mapping[str, Any]]
    silent: int
    often: Frequency
    found: str = ""
    is_confirmed: bool = True
    flapping: Sequence[str] = ()
    aggregates: Sequence[Mapping[str, Any]] = ()
    storm: int | None = None


def page_layout(incident: Mapping[str, Any]) -> Layout:
    """What people can do about an incident as it stands."""
    return () if incident["state"] in OVER else offered(LAYOUT, incident["state"])


def incident_title(incident: Mapping[str, Any]) -> str:
    """How an incident is called everywhere."""
    return f"{incident['priority']} #{incident['number']} {incident['title']}"


def page_message(facts: PageFacts, language: Language, tickets: Mapping[Verb, str]) -> Message:
    """The page as things stand."""
    incident = facts.incident
    firing, alerts = sum(row["firing"] for row in facts.alerts), sum(row["alerts"] for row in facts.alerts)
    rows = [
        ("state", state_words(incident, language)),
        ("service", f"{incident['service']} ({incident['environment']})"),
        ("firing", say(PHRASES, "page.firing", language, firing=firing, alerts=alerts)),
        *[("", _alert(row, language)) for row in facts.alerts[:ALERTS_MAX] if row["firing"]],
        *[("", _aggregate(row, language)) for row in facts.aggregates],
        ("silent", say(PHRASES, "page.silent", language, count=facts.silent) if facts.silent else ""),
        ("", say(PHRASES, "page.flaps", language, names=", ".join(facts.flapping)) if facts.flapping else ""),
        ("often", _often(facts.often, language)),
        ("storm", say(PHRASES, "page.storm", language, number=facts.storm) if facts.storm else ""),
        ("why", facts.found if facts.is_confirmed else say(PHRASES, "finding.unconfirmed", language, text=facts.found)),
        ("assignee", incident.get("assignee") or ""),
        ("since", moment_words(incident["opened_at"])),
    ]
    tone = Tone.GOOD if incident["state"] in OVER else TONES.get(IncidentState(incident["state"]), Tone.NEUTRAL)
    return Message(
        incident_title(incident),
        tone,
        labelled(rows, language),
        buttons=buttons(page_layout(incident), tickets, language),
    )


def state_words(incident: Mapping[str, Any], language: Language) -> str:
    """Where an incident is in its life, and who brought it there."""
    state = str(incident["state"])
    if state == MERGED:
        return say(PHRASES, "page.merged", language)
    by = incident.get("resolved_by") or ""
    by = say(PHRASES, "page.over", language) if by == BY_ALERTS else by or say(PHRASES, "page.by_person", language)
    return say(PHRASES, f"page.{state}", language, who=incident.get("acknowledged_by") or "-", by=by)


def moment_words(moment: datetime) -> str:
    """A moment for people, in UTC as everywhere."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def labelled(rows: Sequence[tuple[str, str]], language: Language) -> tuple[tuple[str, str], ...]:
    """Rows that say something, with their labels in words; several of one label go on below the first."""
    said: list[tuple[str, str]] = []
    last = ""
    for label, text in rows:
        if text:
            said.append((say(PHRASES, label, language) if label and label != last else "", text))
            last = label or last
    return tuple(said)


def _alert(row: Mapping[str, Any], language: Language) -> str:
    return say(PHRASES, "page.alert", language, count=row["firing"], name=row["name"], service=row["service"])


def _aggregate(row: Mapping[str, Any], language: Language) -> str:
    seconds = max((row["last_at"] - row["began_at"]).total_seconds(), 0.0)
    values = {"count": row["count"], "resource": row["resource_id"], "seconds": f"{seconds:.0f}"}
    return say(PHRASES, "page.aggregate", language, **values)


def _often(often: Frequency, language: Language) -> str:
    """How often it came in the shortest telling window, and in the longest."""
    counts = {"hour": often.hour, "day": often.day, "week": often.week, "month": often.month}
    telling = [(name, count) for name, count in counts.items() if count > 1]
    if not telling:
        return say(PHRASES, "often.rare", language)
    shown = [telling[0]] + ([telling[-1]] if telling[-1][1] > telling[0][1] else [])
    return "; ".join(
        say(PHRASES, "often.again", language, count=count, window=say(PHRASES, f"window.{name}", language))
        for name, count in shown
    )
