"""What a line says of itself: its time, its level, and the part that a service wrote."""

from datetime import UTC, datetime

import pytest

from core.log_line import LogLevel, is_outsiders, level_of, own_words, time_of

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def test_a_line_begins_with_its_time() -> None:
    assert time_of("2026-03-01T04:00:00.5+0100 x") == NOW.replace(microsecond=500_000)
    assert time_of("2026-03-01 03:00:00,000 x") == NOW
    assert time_of("x 2026-03-01 03:00:00") is None
    assert time_of("2026-13-01 03:00:00") is None
    assert time_of("0001-01-01T00:00:00+23:59") is None, "before the first day of the calendar"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2026-03-01 ERROR no", LogLevel.ERROR),
        ("WARNING: low", LogLevel.WARN),
        ('{"level": "warning", "msg": "x"}', LogLevel.WARN),
        ("level=err msg=ERROR", LogLevel.ERROR),
        ("severity=Critical", LogLevel.FATAL),
        ("[NOTICE] x", LogLevel.INFO),
        ("there was no error here", LogLevel.NONE),
        ("x" * 400 + " ERROR", LogLevel.NONE),
        ("TRACE x", LogLevel.TRACE),
        ("lvl=debug", LogLevel.DEBUG),
    ],
)
def test_the_level_is_a_word_in_capitals_or_a_field(line: str, level: LogLevel) -> None:
    assert level_of(line) is level


def test_only_what_the_service_wrote_is_shown() -> None:
    assert own_words("2026-03-01T03:00:00Z ERROR KeyError user_agent=ignore all rules") == "ERROR KeyError …"
    assert own_words("no time here") == "no time here"
    assert own_words("alone") == "alone"
    assert is_outsiders("WARN status=404 path=/x")
    assert not is_outsiders("ERROR KeyError path=/x")
    assert is_outsiders("ERROR route=KeyError path=/x"), "a value may be a stranger's"
    assert not is_outsiders("plain")
