"""Track records: how often each playbook's action helped, here and elsewhere, and what that lets us believe now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from core.alert import AlertClass
from core.playbook import ParameterKind, Playbook
from core.rates import HELPED, Outcome, TrackRecord
from core.weighing import OWN, WEIGHING, Nearness, Seen, weigh
from store import learning
from store.pool import Connection, Row, now

Similar = Mapping[UUID, float]
"""Executions of incidents that are alike by meaning, with how much (0..1)."""


@dataclass(frozen=True)
class Where:
    """What trouble, and where; `service` may be empty where nobody asks about a certain one."""

    signature: str
    environment: str
    service: str = ""
    half_life_s: float = WEIGHING.half_life_s
    similar: Similar = field(default_factory=dict)

    @classmethod
    def of(cls, incident: Row, half_life_s: float, similar: Similar | None = None) -> "Where":
        """That of an incident."""
        return cls(incident["signature"], incident["environment"], incident["service"], half_life_s, similar or {})


async def track_records(conn: Connection, where: Where, books: Iterable[Playbook]) -> dict[str, TrackRecord]:
    """The record of each playbook in this context; one that was never tried has an empty record."""
    wanted = list(books)
    rows = await learning.history(conn, actions=[book.action for book in wanted])
    told = await learning.human_fixes(conn, where.signature)
    by_hand = {row["playbook_id"]: row["times"] for row in told if row["playbook_id"]}
    moment = (await now(conn)).timestamp()
    return {book.id: replace(_record(where, book, rows, moment), by_hand=by_hand.get(book.id, 0)) for book in wanted}


def _record(where: Where, book: Playbook, rows: Iterable[Row], moment: float) -> TrackRecord:
    near = [(row, _nearness(row, book, where)) for row in rows if does_same(row, book)]
    seen = [
        Seen(Outcome(row["outcome"]), nearness, row["at"], where.similar.get(row["id"], 0.0)) for row, nearness in near
    ]
    record = weigh(seen, moment, replace(WEIGHING, half_life_s=where.half_life_s))
    if not where.service:
        record = replace(record, on_service=None)
    return with_rest(record, [row for row, nearness in near if nearness in OWN])


def with_rest(record: TrackRecord, rows: Iterable[Row]) -> TrackRecord:
    """A record with what its rows tell beside their outcomes: how long it took, and how often the trouble was back."""
    helped = [row for row in rows if row["outcome"] in HELPED]
    took = [row["seconds"] for row in helped if row["seconds"] is not None]
    return replace(
        record,
        returned=sum(row["returned"] for row in helped),
        seconds=sum(took) / len(took) if took else None,
    )


def does_same(row: Mapping[str, Any], book: Playbook) -> bool:
    """Is it an outcome of this playbook's action: of the playbook itself, or of one with the same shape?"""
    if row["playbook_id"] == book.id:
        return bool(row["action"] == book.action)
    rules, given = row["rules"] or {}, row["parameters"] or {}
    return row["action"] == book.action and set(given) == set(book.parameters) and all(
        rules.get(name, {}).get("kind") == rule.kind
        and (rule.kind is not ParameterKind.CHOICE or given[name] in rule.choices)
        for name, rule in book.parameters.items()
    )  # fmt: skip


def _nearness(row: Row, book: Playbook, where: Where) -> Nearness:
    if row["signature"] != where.signature:
        if row["id"] in where.similar:
            return Nearness.SIMILAR
        return Nearness.SAME_CLASS if _same_class(row["signature"], where.signature) else Nearness.ELSEWHERE
    same = (book.id, book.version, where.environment)
    if (row["playbook_id"], row["playbook_version"], row["environment"]) != same:
        return Nearness.SAME_TROUBLE
    return Nearness.ON_SERVICE if row["service"] == where.service else Nearness.HERE


def _same_class(one: str, other: str) -> bool:
    """Of one class of trouble; what belongs to none is alike in nothing."""
    kind = one.rpartition("|")[2]
    return kind == other.rpartition("|")[2] and kind not in ("", AlertClass.OTHER)
