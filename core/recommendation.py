"""What history recommends for a kind of trouble, and the summary of what is known of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.playbook import Playbook
from core.rates import TrackRecord

SAMPLES_MIN = 5
RATE_MIN = 0.6
ALTERNATIVES_MAX = 2
# Of the summary of a kind of trouble.
BEST_TRIES_MIN = 3
LEARNING_MIN = 3
SETTLED_MIN = 10
EXCELLENT_MIN = 0.8
# From here on, a playbook of its own is drafted for a person to publish.
DRAFT_HELPED_MIN = 5
DRAFT_RATE_MIN = 0.8
HAND_TIMES_MIN = 3
"""So often people did the same by hand."""


class Status(StrEnum):
    """How much is known of a kind of trouble."""

    INSUFFICIENT = "insufficient"
    LEARNING = "learning"
    EXCELLENT = "excellent"
    SUFFICIENT = "sufficient"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One playbook and its record; `confidence` is the cautious rate, from which 95 % of the belief lies upwards."""

    playbook: Playbook
    record: TrackRecord
    alternatives: tuple[tuple[Playbook, TrackRecord], ...] = ()

    @property
    def confidence(self) -> float:
        """The cautious rate."""
        return self.record.cautious

    @property
    def based_on(self) -> int:
        """How many outcomes in this trouble."""
        return self.record.tried


def recommend(books: Iterable[Playbook], records: Mapping[str, TrackRecord]) -> Recommendation | None:
    """The acting playbook with the best cautious rate of those that were tried and helped often enough, if any."""
    known = [(book, records[book.id]) for book in books if book.acts and book.id in records]
    worthy = [(book, record) for book, record in known if is_worthy(record)]
    ranked = sorted(worthy, key=lambda pair: (-pair[1].cautious, pair[0].tier, pair[0].id))
    if not ranked:
        return None
    (best, record), rest = ranked[0], ranked[1 : 1 + ALTERNATIVES_MAX]
    return Recommendation(best, record, tuple(rest))


def is_worthy(record: TrackRecord) -> bool:
    """At least 5 outcomes in this trouble, of which at least 6 of 10 helped."""
    return record.tried >= SAMPLES_MIN and record.helped >= RATE_MIN * record.tried


def deserves_playbook(record: TrackRecord) -> bool:
    """At least 5 successes, and at least 8 of 10 helped."""
    return record.helped >= DRAFT_HELPED_MIN and record.helped >= DRAFT_RATE_MIN * record.tried


def best_of(records: Sequence[tuple[str, TrackRecord]]) -> str | None:
    """The name with the best cautious rate of those with at least 3 tries; None where there is none, or none helped."""
    known = [(name, record) for name, record in records if record.tried >= BEST_TRIES_MIN and record.helped]
    return min(known, key=lambda pair: (-pair[1].cautious, pair[0]))[0] if known else None


def status(helped: int, attempts: int) -> Status:
    """Fewer than 3 attempts say nothing, fewer than 10 little."""
    if attempts < LEARNING_MIN:
        return Status.INSUFFICIENT
    if attempts < SETTLED_MIN:
        return Status.LEARNING
    return Status.EXCELLENT if helped >= EXCELLENT_MIN * attempts else Status.SUFFICIENT


@dataclass(frozen=True, slots=True)
class Agreement:
    """Shadow proposals beside what people did: the same in `agreed` of `compared`; of the `open` ones nobody said."""

    agreed: int = 0
    compared: int = 0
    open: int = 0

    def words(self) -> str:
        """`would have agreed 7 of 9`."""
        said = f"would have agreed {self.agreed} of {self.compared}" if self.compared else "nothing to compare yet"
        return f"{said} ({self.open} not told)" if self.open else said


def agreement(pairs: Iterable[tuple[str, str | None]]) -> Agreement:
    """Compare what was proposed with what was done: '' for nothing, None where nobody said, or in words only."""
    rows = list(pairs)
    told = [(proposed, done) for proposed, done in rows if done is not None]
    return Agreement(sum(proposed == done for proposed, done in told), len(told), len(rows) - len(told))
