"""A few of the mutants at every run, and the whole table against the code; `make mutants` tries them all."""

from tests.mutants import IN_CI, MUTANTS, ROOT, applied, run

MUTANTS_MIN = 30


def test_the_table_is_about_the_code_as_it_is() -> None:
    assert len(MUTANTS) >= MUTANTS_MIN
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    for mutant in MUTANTS:
        assert applied(mutant, ROOT) != (ROOT / mutant.file).read_text()
        assert all((ROOT / name).exists() for name in mutant.tests), mutant.name


def test_some_mutants_are_killed() -> None:
    assert run(IN_CI) == []
