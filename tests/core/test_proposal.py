"""Which playbook to propose: history ranks, today's evidence filters, and a contradiction is said aloud."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alert import AlertClass
from core.diagnosis import Cause, Diagnosis
from core.playbook import ActionType, Playbook
from core.proposal import ALTERNATIVES_MAX, Basis, Choice, choose
from core.rates import TrackRecord

ROLLBACK = Playbook(
    "rollback", 1, "Roll back", ActionType.DEPLOY_ROLLBACK, causes=frozenset({Cause.BAD_RELEASE}), tier=3
)
RESTART = Playbook("restart", 1, "Restart", ActionType.RESTART_INSTANCE, tier=1)
SCALE = Playbook("scale", 1, "Add an instance", ActionType.HTTP, tier=2)
TELL = Playbook("tell", 1, "Tell a person", ActionType.ALERT_ONLY, tier=4)
BOOKS = [TELL, ROLLBACK, SCALE, RESTART]
RECORDS = st.dictionaries(
    st.sampled_from([book.id for book in BOOKS]),
    st.integers(0, 30).flatmap(lambda n: st.integers(0, n).map(lambda helped: TrackRecord(helped, n))),
)


def because(cause: Cause, summary: str = "orders is down.") -> Diagnosis:
    return Diagnosis(cause, "cart", summary, (), (), confirmed=True)


def chosen(records: dict[str, TrackRecord], cause: Cause = Cause.BAD_RELEASE, books: list[Playbook] = BOOKS) -> Choice:
    return choose(books, records, because(cause), AlertClass.ERRORS, "HighErrorRate")


def test_without_history_the_least_invasive_playbook_is_the_default() -> None:
    choice = chosen({})
    assert (choice.playbook, choice.basis, choice.record) == (RESTART, Basis.DEFAULT, TrackRecord())
    assert choice.alternatives == (("scale", TrackRecord()), ("rollback", TrackRecord()))


def test_much_success_is_learned() -> None:
    helped = TrackRecord(10, 10)
    choice = chosen({"rollback": helped})
    assert (choice.playbook, choice.basis, choice.record) == (ROLLBACK, Basis.LEARNED, helped)


@pytest.mark.parametrize("record", [TrackRecord(5, 6), TrackRecord(4, 4), TrackRecord(6, 10), TrackRecord(0, 1)])
def test_little_or_mixed_success_is_hybrid(record: TrackRecord) -> None:
    assert chosen({"restart": record}, books=[RESTART]).basis is Basis.HYBRID


def test_five_of_five_is_the_least_that_is_learned() -> None:
    assert chosen({"restart": TrackRecord(5, 5)}, books=[RESTART]).basis is Basis.LEARNED


@pytest.mark.parametrize(
    "books", [[], [replace(RESTART, classes=frozenset({AlertClass.DISK}))], [replace(RESTART, alert_names=("Disk*",))]]
)
def test_where_nothing_fits_nothing_is_proposed(books: list[Playbook]) -> None:
    assert chosen({"restart": TrackRecord(9, 9)}, books=books) == Choice(None, Basis.NONE, TrackRecord())


def test_history_that_todays_evidence_contradicts_is_named_and_not_followed() -> None:
    choice = chosen({"rollback": TrackRecord(10, 10)}, Cause.DEPENDENCY_DOWN)
    assert choice.playbook is RESTART
    assert choice.disagreement == (
        "History says rollback (10 of 10 (72-100 %)), but today's evidence disagrees: orders is down."
    )


def test_a_disagreement_is_said_even_where_nothing_can_be_proposed() -> None:
    choice = chosen({"rollback": TrackRecord(1, 3)}, Cause.DEPENDENCY_DOWN, [ROLLBACK])
    assert (choice.playbook, choice.basis) == (None, Basis.NONE)
    assert choice.disagreement.startswith("History says rollback (1 of 3 ")


def test_there_is_no_disagreement_without_success_or_with_a_supported_favourite() -> None:
    assert chosen({"rollback": TrackRecord(0, 10)}, Cause.DEPENDENCY_DOWN).disagreement == ""
    better_elsewhere = {"rollback": TrackRecord(1, 10), "scale": TrackRecord(9, 10)}
    assert chosen(better_elsewhere, Cause.DEPENDENCY_DOWN).disagreement == ""
    assert chosen({"rollback": TrackRecord(9, 10)}, Cause.BAD_RELEASE).disagreement == ""


def test_a_choice_that_a_person_changed_keeps_its_warning_and_takes_the_other_record() -> None:
    records = {"rollback": TrackRecord(10, 10), "scale": TrackRecord(2, 3)}
    choice = chosen(records, Cause.DEPENDENCY_DOWN)
    books = {book.id: book for book in BOOKS}
    assert choice.about("scale", books, records) is choice
    assert choice.about("restart", books, records) == Choice(RESTART, Basis.DEFAULT, TrackRecord(), choice.disagreement)
    assert choice.about("ghost", books, records).playbook is None
    nothing = Choice(None, Basis.NONE, TrackRecord())
    assert nothing.about("rollback", books, records) == Choice(ROLLBACK, Basis.LEARNED, TrackRecord(10, 10))


@given(RECORDS, st.sampled_from(Cause))
def test_what_is_proposed_fits_and_is_supported(records: dict[str, TrackRecord], cause: Cause) -> None:
    choice = chosen(records, cause)
    assert choice.playbook is not None
    assert cause is Cause.BAD_RELEASE or choice.playbook is not ROLLBACK
    assert choice.playbook.acts, "telling a person comes after everything that could help"
    assert len(choice.alternatives) <= ALTERNATIVES_MAX
    assert choice.playbook.id not in dict(choice.alternatives)


@given(RECORDS, st.sampled_from(Cause), st.permutations(BOOKS))
def test_the_order_of_the_playbooks_never_matters(
    records: dict[str, TrackRecord], cause: Cause, books: list[Playbook]
) -> None:
    assert chosen(records, cause, books) == chosen(records, cause)


@given(RECORDS)
def test_no_other_acting_playbook_has_a_better_cautious_rate(records: dict[str, TrackRecord]) -> None:
    choice = chosen(records)
    rates = [records.get(book.id, TrackRecord()).cautious for book in BOOKS if book.acts]
    assert choice.record.cautious == max(rates)
