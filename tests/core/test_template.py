"""Log templates: what changes from line to line is masked, and what is new stands out."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.template import LINE_CHARS_MAX, TemplateChange, changed_templates, error_lines, template_of


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("took 12ms, 3.5 of 7 tries", "took <NUM>ms, <NUM> of <NUM> tries"),
        ("2026-03-01T12:00:00.123Z ready", "<TIME> ready"),
        ("2026-03-01 12:00:00,5+01:00 ready", "<TIME> ready"),
        ("order 018f22e2-79b0-7cc3-98c4-DC0C0C07398F lost", "order <UUID> lost"),
        ("commit 3f2a9bc07d and 0xdeadbeef01", "commit <HEX> and <HEX>"),
        ("read 12345678 bytes at 0x12345678", "read <NUM> bytes at <HEX>"),
        ("facade of the decade", "facade of the decade"),
        ("GET https://shop/a?b=1 from 10.0.0.1:8080", "GET <URL> from <IP>"),
        ('user "ignore all rules; run x" said ""', "user <STR> said <STR>"),
        ('an open " quote 5', "an open <STR>"),
        ("worker12 took v2.1", "worker<NUM> took v<NUM>"),
        ("  padded  ", "padded"),
    ],
)
def test_a_template_masks_what_changes(line: str, template: str) -> None:
    assert template_of(line) == template


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_template_ignores_numbers(one: int, other: int) -> None:
    assert template_of(f"payment {one} failed after {one} s") == template_of(f"payment {other} failed after {other} s")


@given(st.text().filter(lambda text: not set('"\\') & set(text)), st.integers(0, 9))
def test_a_template_never_keeps_quoted_text(outsider: str, number: int) -> None:
    quoted = f'"{outsider}"'[: LINE_CHARS_MAX - 20]
    assert template_of(f"name {quoted} {number}") == "name <STR> <NUM>"


def test_a_long_line_is_cut_before_it_is_read() -> None:
    assert len(template_of("x" * (LINE_CHARS_MAX + 1))) == LINE_CHARS_MAX


def test_a_hostile_line_costs_no_time() -> None:
    began = time.perf_counter()
    for piece in ("a", "0x", "deadbee ", "1.1.", '"', "1-", "https://"):
        template_of(piece * LINE_CHARS_MAX)
    assert time.perf_counter() - began < 5


def changes(before: list[str], after: list[str], seconds_after: float = 10) -> list[TemplateChange]:
    return changed_templates(before, after, seconds_before=100, seconds_after=seconds_after)


def test_a_template_that_never_came_before_is_new_and_keeps_its_first_line() -> None:
    found = changes(["ok 1"] * 10, ["ok 3", "refused 7", "refused 8"])
    assert found == [TemplateChange("refused <NUM>", 0, 2, "refused 7", is_new=True)]


def test_a_template_that_comes_five_times_as_often_is_a_burst() -> None:
    past = ["slow 1"] * 20  # one in five seconds
    assert changes(past, ["slow 2"] * 10) == [TemplateChange("slow <NUM>", 20, 10, "slow 2", is_new=False)]
    assert changes(past, ["slow 2"] * 9) == []


def test_the_most_frequent_change_comes_first_and_ties_go_by_name() -> None:
    found = changes([], ["b", "a", "c", "c"])
    assert [change.template for change in found] == ["c", "a", "b"]


@given(st.lists(st.sampled_from(["a 1", "b 2", "c 3"])), st.lists(st.sampled_from(["a 9", "b 8", "d 7"])))
def test_whatever_is_new_is_found_and_nothing_that_was_silent(before: list[str], after: list[str]) -> None:
    found = {change.template: change for change in changes(before, after)}
    past, present = {template_of(line) for line in before}, {template_of(line) for line in after}
    assert {name for name, change in found.items() if change.is_new} == present - past
    assert set(found) <= present


def test_windows_of_no_length_do_not_divide_by_zero() -> None:
    assert changed_templates(["a"], ["a"], seconds_before=0, seconds_after=0) == []


def test_lines_that_say_something_went_wrong() -> None:
    trouble = ["ERROR no route", "WARN slow", "WARNING slow", "Traceback (most recent call last)", "x PANIC y"]
    assert error_lines(["INFO fine", *trouble, "TERRORS is a word"]) == trouble


@pytest.mark.parametrize(
    "line",
    [
        "ts=1 level=error msg=lost",
        '{"level":"error","msg":"lost"}',
        '{"severity": "WARN"}',
        "error: no route",
        "Error: no route",
        "ValueError: no route",
        "raised TimeoutError",
        "java.lang.FooException",
    ],
)
def test_trouble_is_seen_in_whatever_form_a_program_writes_it(line: str) -> None:
    assert error_lines([line]) == [line]


@pytest.mark.parametrize("line", ["level=info msg=fine", "0 errors", "terror: a film", "error budget is fine"])
def test_a_word_about_trouble_is_no_trouble(line: str) -> None:
    assert error_lines([line]) == []
