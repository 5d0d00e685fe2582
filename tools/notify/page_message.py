"""The page: the first message of an incident's thread, which goes on to show how the incident stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.catalogue import Language, say
from core.desk import Verb
from core.frequency import Frequency
from core.incident import IncidentState
from core.message import Message, Tone
from core.phrases_cards import PHRASES
from core.regrouping import MERGED, OVER
from core.resource import place_words
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
    without an end, how often this trouble came, what was found, the names that come and go, what was told as one
    (count, resource_id, began_at, last_at), and the newest `summaries` of its alerts by name and service."""

    incident: Mapping[str, Any]
    alerts: Sequence[Mapping[str, Any]]
    silent: int
    often: Frequency
    found: str = ""
    is_confirmed: bool = True
    flapping: Sequence[str] = ()
    aggregates: Sequence[Mapping[str, Any]] = ()
    storm: int | None = None
    summaries: Mapping[tuple[str, str], str] = field(default_factory=dict)


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
        ("service", place_words(incident["service"], incident["environment"])),
        ("firing", say(PHRASES, "page.firing", language, firing=firing, alerts=alerts)),
        *[("", text) for text in _firing(facts, language)],
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
    how = "page.over" if by == BY_ALERTS else "page.by" if by else "page.by_person"
    by = say(PHRASES, how, language, who=by)
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


def shortened(texts: Sequence[str], most: int, language: Language) -> list[str]:
    """The first of them, and how many there are beside those."""
    more = len(texts) - most
    return [*texts[:most], say(PHRASES, "more", language, count=more)] if more > 0 else list(texts)


def _firing(facts: PageFacts, language: Language) -> list[str]:
    """What fires by name, the most first, with what the alerts themselves say of it."""
    firing = [row for row in facts.alerts if row["firing"]]
    said = [
        f"{alert_words(row, language)}: {text}"
        if (text := facts.summaries.get((row["name"], row["service"]), ""))
        else alert_words(row, language)
        for row in firing
    ]
    return shortened(said, ALERTS_MAX, language)


def alert_words(row: Mapping[str, Any], language: Language) -> str:
    """How many alerts of a name fire on a service."""
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
    times = " · ".join(
        say(PHRASES, "often.again", language, count=count, window=say(PHRASES, f"window.{name}", language))
        for name, count in shown
    )
    return say(PHRASES, "often.counted", language, times=times)
