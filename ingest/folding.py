"""New, changed and ended alerts: the core decides, incidents are joined or opened, everything in whole batches."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.alert import Alert, Severity, alert_to_json
from core.incident import LATE_WINDOW, Episode, FoldReason, fold_reason, priority
from core.resource import Place
from core.site import Site
from core.staleness import promise
from ingest.joining import find_homes, names_of, tell_worse
from ingest.waves import Word
from store import alerts, incidents, jobs
from store.ids import new_id
from store.pool import Connection, Row

COUNTED_AS = {
    FoldReason.NEW_EPISODE: "new",
    FoldReason.REPEAT: "repeats",
    FoldReason.CHANGED: "changed",
    FoldReason.RESOLVED: "resolved",
    FoldReason.RESOLVED_UNKNOWN: "ignored",
    FoldReason.STALE_RESOLVE: "ignored",
    FoldReason.LATE: "late",
}
RESOLVES = (FoldReason.RESOLVED, FoldReason.RESOLVED_UNKNOWN)
LATE_MARGIN_S = 1.0


@dataclass
class _Tally:
    """What a batch adds to one incident."""

    new: list[Alert] = field(default_factory=list)
    ended: int = 0
    severities: set[Severity] = field(default_factory=set)


async def fold_changes(conn: Connection, words: Sequence[Word]) -> list[Word]:
    """Write new contents of alerts that were open when they were last heard of; those that are not open any more.

    A new text alone is no news for the timeline: an alert that shows a measured value changes with every repeat.
    """
    missed, may_rise = await alerts.change(conn, [_content_row(word) for word in words])
    if may_rise:
        said = {word.identity: word.severities for word in words}
        worst: dict[UUID, set[Severity]] = defaultdict(set)
        for identity, incident_id in may_rise:
            worst[incident_id] |= said[identity]
        await _raise(conn, worst)
    return [words[place] for place in missed]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a word; `before` is the content that was known of it."""

    result: str
    before: str | None = None

    def of_copies(self, word: Word) -> Iterator[tuple[int, str]]:
        """The sender of each copy with what became of it, as if they had come one by one."""
        said = self.before
        for place, (sender, copy) in enumerate(word.copies):
            result = self.result
            is_first = place == word.late
            if place < word.late:
                result = "late"
            elif result in ("repeats", "changed") or (result == "new" and not is_first):
                result = "repeats" if copy.content == said else "changed"
            elif result == "resolved" and not is_first:
                result = "ignored"
            said = copy.content
            yield sender, result


async def fold_rest(conn: Connection, site: Site, words: Sequence[Word]) -> list[Outcome]:
    """Fold words of which nothing is known yet, no identity twice; what became of each, in order."""
    moment = await alerts.lock_fold(conn)
    known = await alerts.newest(conn, [word.identity for word in words])
    by_reason: dict[FoldReason, list[Word]] = defaultdict(list)
    outcomes = []
    for word in words:
        last = _episode(known[word.identity]) if word.identity in known else None
        reason = _judge(word, last, moment)
        by_reason[reason].append(word)
        outcomes.append(Outcome(COUNTED_AS[reason], last.content_hash if last else None))
    for group in by_reason.values():
        group.sort(key=_identity)
    tallies = await _write(conn, site, by_reason, moment)
    await _look_again(conn, by_reason)
    if tallies:
        await _count(conn, site, tallies)
    return outcomes


def _judge(word: Word, last: Episode | None, moment: datetime) -> FoldReason:
    """The reason of the first copy that is not late; where all are, that one."""
    reason = FoldReason.LATE
    for place, (_, copy) in enumerate(word.copies if word.is_firing else word.copies[:1]):
        alert = copy.alert if word.is_firing else word.alert
        reason = fold_reason(
            last,
            firing=word.is_firing,
            starts_at=alert.starts_at,
            ends_at=alert.ends_at,
            content=word.content,
            now=moment,
        )
        if reason is not FoldReason.LATE:
            word.late, word.opens_at = place, alert.starts_at
            break
    return reason


async def _look_again(conn: Connection, by_reason: Mapping[FoldReason, list[Word]]) -> None:
    """A late fire is a replica's old copy, or its sender knows better: if no resolve follows, it counts after all."""
    over = [word.identity for why in RESOLVES for word in by_reason.get(why, ())]
    await jobs.cancel_many(conn, "late_alert", over)
    late = [(word.identity, {"alert": alert_to_json(word.alert)}) for word in by_reason.get(FoldReason.LATE, ())]
    await jobs.at_many(conn, "late_alert", late, delay_s=LATE_WINDOW.total_seconds() + LATE_MARGIN_S)


def _episode(row: Row) -> Episode:
    return Episode(
        row["ended_at"] is None, row["content_hash"], row["starts_at"], row["ended_at"], row["last_received_at"]
    )


async def _write(
    conn: Connection, site: Site, by_reason: Mapping[FoldReason, list[Word]], moment: datetime
) -> dict[UUID, _Tally]:
    tallies: dict[UUID, _Tally] = defaultdict(_Tally)
    if repeats := by_reason.get(FoldReason.REPEAT):
        await alerts.touch(conn, [(word.identity, word.content, len(word.copies) - word.late) for word in repeats])
    if changed := by_reason.get(FoldReason.CHANGED):
        await fold_changes(conn, changed)
    over = [
        {"identity": word.identity, "ends_at": word.alert.ends_at} for word in by_reason.get(FoldReason.RESOLVED, ())
    ]
    for incident_id in (await alerts.end(conn, over)).values():
        tallies[incident_id].ended += 1
    if fresh := by_reason.get(FoldReason.NEW_EPISODE):
        homes = await find_homes(conn, site, [word.alert for word in fresh])
        rows = []
        for word, (place, incident_id) in zip(fresh, homes, strict=True):
            rows.append(_new_row(word, place, incident_id, moment))
            tally = tallies[incident_id]
            tally.new.append(word.alert)
            tally.severities |= word.severities
        await alerts.insert(conn, rows)
    return tallies


async def _raise(conn: Connection, worst: Mapping[UUID, set[Severity]]) -> None:
    """Incidents that became more urgent: people are told."""
    rows = [{"id": key, "priority": priority(severities)} for key, severities in sorted(worst.items())]
    for row in await incidents.raise_many(conn, rows):
        await tell_worse(conn, row["id"], row["priority"])


async def _count(conn: Connection, site: Site, tallies: Mapping[UUID, _Tally]) -> None:
    """Counters with one timeline row an incident, and the timers, each in one statement."""
    rows = [
        {
            "id": incident_id,
            "new": len(tally.new),
            "ended": tally.ended,
            "priority": priority(tally.severities) if tally.severities else None,
            "names": names_of(tally.new),
        }
        for incident_id, tally in sorted(tallies.items())
    ]
    over: list[str] = []
    alive: list[str] = []
    for row in await incidents.count(conn, rows):
        if row["firing_count"] == 0:
            over.append(str(row["id"]))
        elif row["fired_before"] == 0:
            alive.append(str(row["id"]))
        if row["priority"] < row["before"]:
            await tell_worse(conn, row["id"], row["priority"])
    delay_s = site.timings.resolve_after_s
    await jobs.at_many(conn, "resolve_incident", [(key, {"incident_id": key}) for key in over], delay_s=delay_s)
    await jobs.cancel_many(conn, "resolve_incident", alive)
    fresh = [str(incident_id) for incident_id, tally in sorted(tallies.items()) if tally.new]
    await jobs.soon(conn, "aggregate_alerts", [(key, {"incident_id": key}) for key in fresh])


def _identity(word: Word) -> str:
    return word.identity


def _content_row(word: Word) -> dict[str, Any]:
    row = word.copies[-1][1].shown()
    row["identity"], row["content_hash"], row["copies"] = word.identity, word.content, len(word.copies) - word.late
    return row


def _new_row(word: Word, place: Place, incident_id: UUID, moment: datetime) -> dict[str, Any]:
    alert = word.alert
    return {
        **_content_row(word),
        "labels": alert.labels,
        "id": new_id(),
        "incident_id": incident_id,
        "source": alert.source,
        "name": alert.name,
        "environment": place.environment,
        "cluster": place.cluster,
        "service": place.service,
        "resource_id": place.resource_id,
        "starts_at": alert.starts_at,
        "promised_s": promise(alert.ends_at, moment),
    }
