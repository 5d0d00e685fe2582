"""What history advises about an incident or a kind of trouble, on what basis, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.playbook import Playbook
from core.proposal import LEARNED_BOUND_MIN, Basis
from core.rates import TrackRecord
from core.recommendation import RATE_MIN, SAMPLES_MIN, Recommendation, recommend


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation (None: no playbook fits), its basis, its reasons, and what history says against today."""

    recommendation: Recommendation | None
    basis: Basis
    reasons: tuple[str, ...]
    disagreement: str = ""


def advise(fitting: Sequence[Playbook], records: Mapping[str, TrackRecord], cause: str) -> Advice:
    """The best record of the acting playbooks that today's finding allows; else the least invasive of them.

    `cause` is what was found today, empty where nothing was: then no record can decide alone.
    """
    acting = [book for book in fitting if book.acts]
    allowed = [book for book in acting if not cause or not book.causes or cause in book.causes]
    found = recommend(allowed, records)
    disagreement = _against(acting, allowed, records, found, cause)
    if found:
        return Advice(found, *_basis(found, cause), disagreement)
    if not allowed:
        return Advice(None, Basis.NONE, ("no playbook that acts fits",), disagreement)
    least = min(allowed, key=lambda book: (book.tier, book.id))
    why = f"no playbook has {SAMPLES_MIN} outcomes here of which {RATE_MIN * 10:.0f} of 10 helped"
    found = Recommendation(least, records.get(least.id, TrackRecord()))
    return Advice(found, Basis.DEFAULT, (why, "the least invasive that fits", *found.record.notes()), disagreement)


def _basis(found: Recommendation, cause: str) -> tuple[Basis, tuple[str, ...]]:
    record = found.record
    said = (f"helped {record.words()}", *record.notes())
    if record.cautious < LEARNED_BOUND_MIN:
        return Basis.HYBRID, (*said, f"the cautious rate is below {LEARNED_BOUND_MIN}: history does not decide alone")
    if not cause:
        return Basis.HYBRID, (*said, "nothing was found today yet: history does not decide alone")
    return Basis.LEARNED, (*said, f"the cautious rate is at least {LEARNED_BOUND_MIN}, and the finding agrees: {cause}")


def _against(
    acting: Sequence[Playbook],
    allowed: Sequence[Playbook],
    records: Mapping[str, TrackRecord],
    found: Recommendation | None,
    cause: str,
) -> str:
    other = recommend([book for book in acting if book not in allowed], records)
    if other is None or (found and other.confidence <= found.confidence):
        return ""
    return f"History says {other.playbook.id} ({other.record.words()}), but today's evidence disagrees: {cause}"
