"""A ticket for people: the diagnosis as an issue, with a label by which it is found again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.canonical import sha256
from core.plain_text import cut, visible

TITLE_CHARS_MAX = 200
BODY_CHARS_MAX = 8_000
LABEL = "nightshift"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Plain text only. `label` is the same for every attempt on one incident with one playbook."""

    title: str
    body: str
    label: str


def ticket_of(incident_id: str, playbook_id: str, card: Mapping[str, Any]) -> Ticket:
    """The ticket that an approval card describes; foreign text in it names nobody and links nothing."""
    label = f"{LABEL}-{sha256([incident_id, playbook_id])[:16]}"
    number = card.get("incident")
    head = f"Incident #{number}: " if number else "Incident: "
    title = cut(_plain(f"{head}{card.get('why') or card.get('title') or playbook_id}"), TITLE_CHARS_MAX)
    lines = [f"What happened: {card.get('why', '')}", f"What fires now: {card.get('impact_now', '')}", "", "Evidence:"]
    lines += [f"- {text}" for text in card.get("evidence", ())] or ["- none"]
    lines += ["", "Not known:", *([f"- {text}" for text in card.get("not_known", ())] or ["- nothing"])]
    lines += ["", f"Opened by Nightshift for {card.get('target', 'the incident')}; its mark is {label}."]
    return Ticket(title, cut("\n".join(_plain(line) for line in lines), BODY_CHARS_MAX), label)


def _plain(text: str) -> str:
    # A mention would page strangers, and a reference or markup would make text from telemetry look like ours.
    quiet = visible(text).replace("@", "(at)").replace("<", "(").replace(">", ")").replace("`", "'")
    return quiet.replace("![", "[").replace("](", "] (").replace("://", ":// ")
