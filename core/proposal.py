"""Which playbook to propose: history and today's evidence, merged, and said openly where they disagree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.alert import AlertClass
from core.diagnosis import Cause, Diagnosis
from core.playbook import Playbook
from core.rates import TrackRecord
from core.recommendation import ALTERNATIVES_MAX, is_worthy


class Basis(StrEnum):
    """What the choice rests on: learning alone, learning merged with the finding, or the least invasive that fits."""

    LEARNED = "learned"
    HYBRID = "hybrid"
    DEFAULT = "default"
    NONE = "none"


# Learning alone decides from this cautious rate on, in the very context, and only what today's evidence supports.
LEARNED_BOUND_MIN = 0.6


@dataclass(frozen=True, slots=True)
class Choice:
    """The playbook to propose (None: only a human), on what basis, and what history says otherwise."""

    playbook: Playbook | None
    basis: Basis
    record: TrackRecord
    disagreement: str = ""
    alternatives: tuple[tuple[str, TrackRecord], ...] = ()

    def about(self, playbook_id: str, books: Mapping[str, Playbook], records: Mapping[str, TrackRecord]) -> "Choice":
        """The same, if it is about this playbook; else what is known of the one that was asked for instead."""
        if self.playbook is not None and self.playbook.id == playbook_id:
            return self
        record = records.get(playbook_id, TrackRecord())
        return Choice(books.get(playbook_id), _basis(record), record, self.disagreement)


def choose(
    playbooks: Sequence[Playbook],
    records: Mapping[str, TrackRecord],
    diagnosis: Diagnosis,
    alert_class: AlertClass,
    alert_name: str,
) -> Choice:
    """Rank the fitting playbooks that today's evidence supports by their cautious rate, then by how little they do."""
    fitting = [book for book in playbooks if book.fits(alert_class, alert_name)]
    supported = [book for book in fitting if _supported(book, diagnosis.cause)]
    ranked = sorted(supported, key=lambda b: (not b.acts, -_record(records, b).cautious, b.tier, b.id))
    disagreement = _disagreement(fitting, supported, records, diagnosis)
    if not ranked:
        return Choice(None, Basis.NONE, TrackRecord(), disagreement)
    best, rest = ranked[0], ranked[1 : 1 + ALTERNATIVES_MAX]
    record = _record(records, best)
    others = tuple((book.id, _record(records, book)) for book in rest if book.acts)
    return Choice(best, _basis(record), record, disagreement, others)


def _supported(book: Playbook, cause: Cause) -> bool:
    return not book.causes or cause in book.causes


def _record(records: Mapping[str, TrackRecord], book: Playbook) -> TrackRecord:
    return records.get(book.id, TrackRecord())


def _basis(record: TrackRecord) -> Basis:
    if is_worthy(record) and record.cautious >= LEARNED_BOUND_MIN:
        return Basis.LEARNED
    return Basis.HYBRID if record.is_known else Basis.DEFAULT


def _disagreement(
    fitting: Sequence[Playbook],
    supported: Sequence[Playbook],
    records: Mapping[str, TrackRecord],
    diagnosis: Diagnosis,
) -> str:
    tried = [book for book in fitting if _record(records, book).helped]
    if not tried:
        return ""
    favourite = max(tried, key=lambda b: (_record(records, b).cautious, b.id))
    if favourite in supported:
        return ""
    said = _record(records, favourite).words()
    return f"History says {favourite.id} ({said}), but today's evidence disagrees: {diagnosis.summary}"
