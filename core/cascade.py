"""Cascades: a heal that makes a neighbour alarm is not helped by another heal; it is stopped, marked and shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.topology import Topology

MAY_DO_HARM = frozenset({"running", "succeeded", "unknown", "needs_human", "verifying", "verified"})
"""States of an execution whose effect is still being watched."""
LAG_S = 30.0
"""How long the alarms of callers trail behind the trouble of what they call: their rules look back over a window."""


@dataclass(frozen=True, slots=True)
class Heal:
    """An action that was taken on a service, and where its execution is."""

    execution_id: str
    incident_id: str
    service: str
    acted_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Trouble of a service, and when its incident began."""

    incident_id: str
    service: str
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Cascade:
    """A heal, and the trouble next door that began after it."""

    heal: Heal
    alarm: Alarm

    def words(self) -> str:
        """One sentence for people."""
        after_s = (self.alarm.began_at - self.heal.acted_at).total_seconds()
        return (
            f"{self.alarm.service} alarmed {after_s:.0f} s after execution {self.heal.execution_id} acted on "
            f"{self.heal.service}, which is still being watched: a person has to look before anything else acts"
        )


def spread(heals: Iterable[Heal], alarms: Iterable[Alarm], topology: Topology) -> Cascade | None:
    """The first cascade: an alarm of a direct neighbour, in another incident, that began after a heal still watched."""
    found = [
        Cascade(heal, alarm)
        for heal in heals
        for alarm in alarms
        if heal.state in MAY_DO_HARM
        and alarm.incident_id != heal.incident_id
        and alarm.began_at >= heal.acted_at
        and alarm.service in topology.neighbours(heal.service)
    ]
    return min(found, key=lambda c: (c.alarm.began_at, c.heal.acted_at, c.heal.execution_id), default=None)


def trails(heal: Heal, alarm: Alarm, topology: Topology, now: datetime) -> bool:
    """Is an alarm that joined the incident under repair still explained by the trouble itself?

    Who calls the touched service alarms late, and goes quiet once it is well; one that goes on is a cascade.
    """
    calls = heal.service in topology.depends_on.get(alarm.service, ())
    return calls and alarm.incident_id == heal.incident_id and now - alarm.began_at < timedelta(seconds=LAG_S)
