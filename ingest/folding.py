"""New, changed and ended alerts: the core decides, incidents are joined or opened, everything in whole batches."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from core.alert import Alert, Severity, alert_to_json
from core.errors import Contended
from core.incident import LATE_WINDOW, Episode, FoldReason, fold_reason, priority
from core.resource import Place
from core.site import Site
from ingest.joining import find_homes, placed, tell_worse
from ingest.waves import Word
from store import alerts, incidents, jobs
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
COUNT_FOR_NOTHING = (FoldReason.LATE, FoldReason.STALE_RESOLVE)
RESOLVES = (FoldReason.RESOLVED, FoldReason.RESOLVED_UNKNOWN)
LATE_MARGIN_S = 1.0
MOMENTS_KEPT_MAX = 4_096


@dataclass
class _Tally:
    """What a batch adds to one incident."""

    new: list[str] = field(default_factory=list)
    ended: int = 0
    severities: set[Severity] = field(default_factory=set)


async def fold_changes(conn: Connection, words: Sequence[Word], *, raising: bool) -> list[Word]:
    """Write new contents of alerts that were open when they were last heard of; those that are not open any more.

    A new text alone is no news for the timeline: an alert that shows a measured value changes with every repeat. One
    that makes its incident more urgent is; unless `raising`, it is left as it was and among those that are returned.
    """
    missed, rising = await alerts.change(conn, [_content_row(word) for word in words], raising=raising)
    if rising:
        said = {word.identity: word.severities for word in words}
        worst: dict[UUID, set[Severity]] = defaultdict(set)
        for identity, incident_id in rising:
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
        if len(word.copies) == 1 and self.result != "repeats":
            yield word.copies[0][0], self.result
            return
        for place, (sender, copy) in enumerate(word.copies):
            result = self.result
            is_first = place == word.late
            if place < word.late:
                result = "late" if word.is_firing else "ignored"
            elif result in ("repeats", "changed") or (result == "new" and not is_first):
                result = "repeats" if copy.content == said else "changed"
            elif result == "resolved" and not is_first:
                result = "ignored"
            said = copy.content
            yield sender, result


@dataclass(frozen=True, slots=True)
class Arrival:
    """A word with all that can be known of it before the database is asked: its place, and its row."""

    word: Word
    place: Place
    severities: set[Severity]
    name: str
    row: Sequence[str]


def arrive(word: Word, site: Site, alert_id: str) -> Arrival:
    """Everything about a word that needs no transaction, so that none is held longer than it must be."""
    alert = word.alert
    place = placed(alert.labels, site)
    return Arrival(word, place, word.severities, alert.name, _new_row(word, alert, place, alert_id))


async def fold_rest(conn: Connection, site: Site, arrivals: Sequence[Arrival], *, alone: bool) -> list[Outcome]:
    """Fold words of which nothing is known yet, no identity twice; what became of each, in order.

    Others may fold at the same time unless this one is `alone`. Raises MustBeAlone where an incident has to be opened,
    and Contended where another one was quicker: then everything begins anew.
    """
    moment, known = await alerts.begin_fold(conn, [arrival.word.identity for arrival in arrivals], alone=alone)
    by_reason: dict[FoldReason, list[Arrival]] = defaultdict(list)
    outcomes = []
    for arrival in arrivals:
        word = arrival.word
        last = _episode(known[word.identity]) if word.identity in known else None
        reason = _judge(word, last, moment)
        by_reason[reason].append(arrival)
        outcomes.append(Outcome(COUNTED_AS[reason], last.content_hash if last else None))
    for group in by_reason.values():
        group.sort(key=_identity)
    tallies = await _write(conn, site, by_reason, moment, alone=alone)
    await _look_again(conn, {why: [one.word for one in group] for why, group in by_reason.items()})
    if tallies:
        await _count(conn, site, tallies)
    return outcomes


def _judge(word: Word, last: Episode | None, moment: datetime) -> FoldReason:
    """The reason of the first copy that comes in time; where all are late, or end what is long over, that one."""
    reason = FoldReason.LATE
    for place, (_, copy) in enumerate(word.copies):
        alert = copy.alert
        reason = fold_reason(
            last,
            firing=word.is_firing,
            starts_at=alert.starts_at,
            ends_at=alert.ends_at,
            content=word.content,
            now=moment,
        )
        if reason not in COUNT_FOR_NOTHING:
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
    conn: Connection, site: Site, by_reason: Mapping[FoldReason, list[Arrival]], moment: datetime, *, alone: bool
) -> dict[UUID, _Tally]:
    def words(reason: FoldReason) -> list[Word]:
        return [arrival.word for arrival in by_reason.get(reason, ())]

    tallies: dict[UUID, _Tally] = defaultdict(_Tally)
    if repeats := words(FoldReason.REPEAT):
        rows = [(word.identity, word.content, len(word.copies) - word.late) for word in repeats]
        _must_all(not await alerts.touch(conn, rows))
    if changed := words(FoldReason.CHANGED):
        _must_all(not await fold_changes(conn, changed, raising=True))
    if over := [{"identity": word.identity, "ends_at": word.alert.ends_at} for word in words(FoldReason.RESOLVED)]:
        homes_of_ended = await alerts.end(conn, over)
        _must_all(len(homes_of_ended) == len(over))
        for incident_id in homes_of_ended.values():
            tallies[incident_id].ended += 1
    if fresh := by_reason.get(FoldReason.NEW_EPISODE):
        homes = await find_homes(
            conn, site, [one.word.alert for one in fresh], [one.place for one in fresh], alone=alone
        )
        for arrival, incident_id in zip(fresh, homes, strict=True):
            tally = tallies[incident_id]
            tally.new.append(arrival.name)
            tally.severities |= arrival.severities
        await alerts.insert(conn, [_row_at(*pair) for pair in zip(fresh, homes, strict=True)], moment)
    return tallies


def _must_all(done: bool) -> None:
    """What was open a moment ago has to be it still; else somebody else was quicker."""
    if not done:
        raise Contended("An alert changed at the same moment.")


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
            "names": Counter(tally.new),
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


def _identity(arrival: Arrival) -> str:
    return arrival.word.identity


def _content_row(word: Word) -> dict[str, Any]:
    row = word.copies[-1][1].shown()
    row["identity"], row["content_hash"], row["copies"] = word.identity, word.content, len(word.copies)
    row["priority"] = priority(word.severities)
    return row


def _new_row(word: Word, alert: Alert, place: Place, alert_id: str) -> Sequence[str]:
    """The row of a new episode without its incident, in the order of `alerts.COLUMNS`."""
    return (
        alert_id,
        alert.source,
        word.identity,
        alert.name,
        alert.alert_class,
        alert.severity,
        place.environment,
        place.cluster,
        place.service,
        place.resource_id,
        orjson.dumps(alert.labels).decode(),
        orjson.dumps(alert.annotations).decode(),
        alert.generator_url,
        word.content,
        _written(alert.starts_at),
        str(len(word.copies) - word.late),
        _written(alert.ends_at) if alert.ends_at else "",
    )


@lru_cache(maxsize=MOMENTS_KEPT_MAX)
def _written(moment: datetime) -> str:
    """A time as text; alerts of one delivery mostly share theirs."""
    return moment.isoformat()


def _row_at(arrival: Arrival, incident_id: UUID) -> tuple[UUID, Sequence[str]]:
    """The row at its incident, written anew in the rare case that only a later copy of the word counts."""
    word = arrival.word
    row = arrival.row
    if word.late or len(word.copies) > 1:
        row = _new_row(word, word.alert, arrival.place, row[0])
    return incident_id, row
