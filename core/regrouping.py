"""Whole incidents merged, split and reopened by people: whether it may be done, and if not, why and what to do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.incident import IncidentState

MERGED = "merged"
"""The state of an incident whose alerts another one took."""

OVER = frozenset({str(IncidentState.RESOLVED), MERGED})
"""States in which nothing is left to do about an incident."""


class Objection(StrEnum):
    """Why whole incidents stay as they are."""

    ITSELF = "itself"
    MERGED_ALREADY = "merged_already"
    TARGET_MERGED = "target_merged"
    TARGET_OVER = "target_over"
    ACTION_RUNS = "action_runs"
    OVER_ALREADY = "over_already"
    NOTHING_CHOSEN = "nothing_chosen"
    EVERYTHING_CHOSEN = "everything_chosen"
    NOT_OVER = "not_over"
    GROUP_IS_OPEN = "group_is_open"


@dataclass(frozen=True, slots=True)
class Whole:
    """An incident as these decisions see it; `running` are executions that may have had an effect and are unsettled."""

    number: int
    state: str
    merged_into: int | None = None
    running: Sequence[str] = ()


def objection_to_merge(source: Whole, target: Whole) -> Objection | None:
    """May `source` go into `target`? Only what is not merged takes part, so that no circle can be made."""
    if source.number == target.number:
        return Objection.ITSELF
    if source.state == MERGED:
        return Objection.MERGED_ALREADY
    if target.state == MERGED:
        return Objection.TARGET_MERGED
    if target.state in OVER:
        return Objection.TARGET_OVER
    return Objection.ACTION_RUNS if source.running else None


def objection_to_split(incident: Whole, every: Collection[object], chosen: Collection[object]) -> Objection | None:
    """May the `chosen` alerts leave this incident? Some have to go and some have to stay."""
    if incident.state in OVER:
        return Objection.MERGED_ALREADY if incident.state == MERGED else Objection.OVER_ALREADY
    if not chosen:
        return Objection.NOTHING_CHOSEN
    if len(chosen) >= len(every):
        return Objection.EVERYTHING_CHOSEN
    return Objection.ACTION_RUNS if incident.running else None


def objection_to_reopen(incident: Whole, open_in_group: int | None) -> Objection | None:
    """May it be opened again? Not beside an open incident of the same group, and never after a merge."""
    if incident.state == MERGED:
        return Objection.MERGED_ALREADY
    if incident.state not in OVER:
        return Objection.NOT_OVER
    return Objection.GROUP_IS_OPEN if open_in_group is not None else None


def what_to_do(why: Objection, incident: Whole, other: int | None = None) -> str:
    """The objection in words. `other` is the number of the incident that is in the way or was asked for."""
    here, there = f"#{incident.number}", f"#{other}"
    execution = next(iter(incident.running), "")
    return {
        Objection.ITSELF: f"Incident {here} cannot be merged into itself: name another incident.",
        Objection.MERGED_ALREADY: (
            f"Incident {here} was merged into #{incident.merged_into}: go on there. To take its alerts out again, "
            f"split them off #{incident.merged_into}."
        ),
        Objection.TARGET_MERGED: f"Incident {there} was itself merged: merge {here} into the one that took it.",
        Objection.TARGET_OVER: f"Incident {there} is resolved: reopen it first, or merge it into {here} instead.",
        Objection.ACTION_RUNS: (
            f"An action of incident {here} is not settled (execution {execution}): wait until it is, or, where it "
            f"needs a human, say what happened by POST /api/v1/executions/{execution}/checked. Then try again."
        ),
        Objection.OVER_ALREADY: f"Incident {here} is resolved: reopen it before its alerts are split.",
        Objection.NOTHING_CHOSEN: f"No alert of incident {here} is chosen: name ids, or matchers that match some.",
        Objection.EVERYTHING_CHOSEN: f"Every alert of incident {here} is chosen: at least one has to stay.",
        Objection.NOT_OVER: f"Incident {here} is {incident.state}: only a resolved one is opened again.",
        Objection.GROUP_IS_OPEN: (
            f"Incident {there} is open for the same service: merge {here} into {there} instead of opening it again."
        ),
    }[why]
