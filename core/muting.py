"""Muting: is a page held back? If every alert that fires is silenced, in maintenance or inhibited, or comes and goes;
and inside a storm, which is told as one.

Asked when people would be told, never when alerts arrive: what is muted still shows, and is told when that ends.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.inhibition import Firing, Inhibitors
from core.maintenance import PASSING, Window, in_maintenance
from core.silence import Silence, silenced


class MuteReason(StrEnum):
    """Why a page is held back, or why it goes out; `settled`: it was told with the end of the flapping that held it."""

    SILENCED = "silenced"
    MAINTENANCE = "maintenance"
    INHIBITED = "inhibited"
    SEVERAL = "several"
    STORM = "storm"
    FLAPPING = "flapping"
    SETTLED = "settled"
    AUDIBLE = "audible"
    NOTHING_FIRES = "nothing_fires"
    ALWAYS_TOLD = "always_told"


MUTED = frozenset(
    {
        MuteReason.SILENCED,
        MuteReason.MAINTENANCE,
        MuteReason.INHIBITED,
        MuteReason.SEVERAL,
        MuteReason.STORM,
        MuteReason.FLAPPING,
    }
)


# What a storm tells for all of its incidents, and what flapping tells once: their beginnings and their getting worse.
FOLDED = frozenset({"page", "reopened", "worse"})

BY_PERSON = "escalated:by_person"
"""How the kind of news begins that somebody calls for help: no silence holds that back."""


@dataclass(frozen=True, slots=True)
class Suppressions:
    """Everything that can hold a page back, as it is set now."""

    silences: tuple[Silence, ...] = ()
    windows: tuple[Window, ...] = ()
    inhibitors: Inhibitors = field(default_factory=Inhibitors)


@dataclass(frozen=True, slots=True)
class Mute:
    """The answer. `by` names what holds it back; `until` is the first moment at which that may change by itself."""

    reason: MuteReason
    by: tuple[str, ...] = ()
    until: datetime | None = None

    @property
    def is_muted(self) -> bool:
        """Is the page held back?"""
        return self.reason in MUTED


def mute_in_storm(kind: str, storm: int, *, is_over: bool, was_muted: bool, is_critical: bool) -> Mute:
    """Is news of one incident of a storm held back, since the storm is told as one?

    A critical alert is always seen. What only changed later, or was held back for another reason until now, is told on
    its own once the storm is over.
    """
    name = kind.partition(":")[0]
    if name not in FOLDED or is_critical:
        return Mute(MuteReason.ALWAYS_TOLD)
    if is_over and (name != "page" or was_muted):
        return Mute(MuteReason.AUDIBLE)
    return Mute(MuteReason.STORM, (f"storm:{storm}",))


def mute_alert(alert: Firing, known: Suppressions, now: datetime) -> Mute:
    """Ask the three in a fixed order: the first that speaks is the reason."""
    if silence := silenced(alert.labels, known.silences, now):
        return Mute(MuteReason.SILENCED, (f"silence:{silence.id}",), silence.ends_at)
    if maintenance := in_maintenance(alert.labels, known.windows, now):
        return Mute(MuteReason.MAINTENANCE, (f"window:{maintenance.window.id}",), maintenance.until)
    if inhibited := known.inhibitors.of(alert):
        return Mute(MuteReason.INHIBITED, (f"inhibition:{inhibited.inhibition_id}",))
    return Mute(MuteReason.AUDIBLE)


def mute_page(kind: str, firing: Sequence[Firing], known: Suppressions, now: datetime) -> Mute:
    """Is news of this kind about these firing alerts held back? One audible alert is enough to tell."""
    if kind in PASSING or kind.startswith(BY_PERSON):
        return Mute(MuteReason.ALWAYS_TOLD)
    if not firing:
        return Mute(MuteReason.NOTHING_FIRES)
    each: list[Mute] = []
    for alert in firing:
        answer = mute_alert(alert, known, now)
        if not answer.is_muted:
            return answer
        each.append(answer)
    reasons = Counter(answer.reason for answer in each)
    by = tuple(sorted({name for answer in each for name in answer.by}))
    until = min((answer.until for answer in each if answer.until), default=None)
    return Mute(next(iter(reasons)) if len(reasons) == 1 else MuteReason.SEVERAL, by, until)
