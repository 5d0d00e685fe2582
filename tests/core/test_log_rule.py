"""Log rules: what counts, and when a count says something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.log_line import LogLevel
from core.log_rule import CountReason, LogRule, Tally, count, part_pattern, reading
from core.rule import Comparison

LINES = [
    ("error", "2026-03-01T03:00:00Z ERROR payment refused code=51 path=/pay"),
    ("error", "2026-03-01T03:00:01Z ERROR Payment refused code=05"),
    ("info", "2026-03-01T03:00:02Z INFO payment taken code=00"),
]


def lines_of(**asked: object) -> int:
    return count(LogRule("r", "shop", **asked), LINES).lines  # type: ignore[arg-type]


def test_a_line_counts_where_it_has_everything_that_is_asked() -> None:
    assert lines_of() == 3
    assert lines_of(contains=("PAYMENT", "refused")) == 2
    assert lines_of(levels=(LogLevel.INFO,)) == 1
    assert lines_of(pattern="code=0\\d") == 2
    assert lines_of(pattern="code=0\\d", levels=(LogLevel.ERROR,)) == 1
    assert lines_of(pattern="code=0\\d", contains=("taken",)) == 1
    assert lines_of(contains=("nothing",)) == 0


def test_the_example_is_the_first_line_in_the_services_own_words() -> None:
    assert count(LogRule("r", "shop", pattern="refused"), LINES) == Tally(2, "ERROR payment refused code=51 …")
    assert count(LogRule("r", "shop"), []) == Tally(0, "")


def test_a_pattern_matches_any_part_and_its_faults_are_named_where_they_are() -> None:
    assert part_pattern("(?i)REFUSED|down").matches("it is down now")
    assert part_pattern("(?i)REFUSED|down").matches("was refused")
    assert part_pattern("").matches("anything")
    assert part_pattern("^it").matches("it is")
    assert not part_pattern("^is").matches("it is")
    assert part_pattern("is$").matches("it is")
    assert not part_pattern("it$").matches("it is")
    assert part_pattern("\\$").matches("5 $ each")
    with pytest.raises(BadInput, match="at character 3"):
        part_pattern("a**")


def test_rules_share_a_count_unless_they_ask_for_other_lines() -> None:
    rule = LogRule("r", "shop", contains=("a", "B"), pattern="x", levels=(LogLevel.WARN,))
    same = LogRule("other", "shop", ("b", "A"), "x", (LogLevel.WARN,), Comparison.BELOW, 5, 60, labels={"a": "b"})
    assert rule.tally == same.tally
    others = [
        LogRule("r", "cart", rule.contains, "x", rule.levels),
        LogRule("r", "shop", ("a",), "x", rule.levels),
        LogRule("r", "shop", rule.contains, "y", rule.levels),
        LogRule("r", "shop", rule.contains, "x"),
    ]
    assert len({rule.tally, *(other.tally for other in others)}) == 5


def test_the_alert_names_its_rule_and_service() -> None:
    rule = LogRule("Refused", "shop", labels={"severity": "critical", "alertname": "x"})
    assert rule.alert_labels(()) == {"service": "shop", "severity": "critical", "alertname": "Refused"}


@pytest.mark.parametrize(
    ("comparison", "counted", "covered_s", "is_watched", "expected"),
    [
        (Comparison.AT_LEAST, 5, 0, False, (5.0, CountReason.CERTAIN)),
        (Comparison.ABOVE, 5, 900, False, (None, CountReason.NOT_WATCHED)),
        (Comparison.ABOVE, 5, 299, True, (None, CountReason.WINDOW_NOT_COVERED)),
        (Comparison.ABOVE, 5, 300, True, (5.0, CountReason.COUNTED)),
        (Comparison.BELOW, 5, 0, False, (5.0, CountReason.CERTAIN)),
        (Comparison.AT_MOST, 5, 900, False, (None, CountReason.NOT_WATCHED)),
        (Comparison.AT_MOST, 5, 0, True, (None, CountReason.WINDOW_NOT_COVERED)),
        (Comparison.AT_MOST, 5, 300, True, (5.0, CountReason.COUNTED)),
    ],
)
def test_a_count_is_a_reading_only_where_it_is_known(
    comparison: Comparison, counted: int, covered_s: float, is_watched: bool, expected: tuple[float | None, CountReason]
) -> None:
    rule = LogRule("r", "shop", comparison=comparison, threshold=5)
    assert reading(rule, counted, covered_s=covered_s, is_watched=is_watched) == expected


@given(st.sampled_from(Comparison), st.integers(0, 9), st.integers(0, 9), st.floats(0, 600), st.booleans())
def test_what_was_certain_stays_true_whatever_is_still_read(
    comparison: Comparison, counted: int, more: int, covered_s: float, is_watched: bool
) -> None:
    rule = LogRule("r", "shop", comparison=comparison, threshold=5)
    value, reason = reading(rule, counted, covered_s=covered_s, is_watched=is_watched)
    if reason is CountReason.CERTAIN:
        assert value is not None
        assert rule.holds(counted + more) == rule.holds(value)
