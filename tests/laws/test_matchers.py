"""Patterns against the standard library's own, and matchers against what their words say."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.matcher import Breadth, Matcher, Operator, all_match, breadth, read_matcher, read_matchers
from core.pattern import PATTERN_CHARS_MAX, compile_pattern
from tests.laws.size import LABELS, law

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\.", "[a-c]", "x", r"\W", "[]a]", "[a-]", "[^]a]"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?"])).map(
            lambda n: f"({n[0]}){n[1]}"
        ),
    ),
    max_leaves=6,
)
TEXTS = st.text("abcxA1.]-\n", max_size=8)
EVIL = ["(a+)+", "(a|a)*", "(a|aa)+", "(.*)*x", "(a*)*b", "a?" * 30 + "a" * 30, ".*.*.*.*.*.*.*.*x", "((a+)+)+"]


# Half of the texts are made to match.
PAIRS = PATTERNS.flatmap(
    lambda pattern: st.tuples(
        st.just(pattern), TEXTS | st.from_regex(re.compile(pattern, re.DOTALL | re.ASCII), fullmatch=True)
    )
)


@law
@given(PAIRS)
def test_a_pattern_matches_what_the_standard_library_matches(pair: tuple[str, str]) -> None:
    pattern, text = pair
    oracle = re.fullmatch(pattern, text, re.DOTALL | re.ASCII)
    assert compile_pattern(pattern).matches(text) is (oracle is not None)
    assert compile_pattern(f"^{pattern}$").matches(text) is (oracle is not None)


@law
@given(st.text(max_size=20), TEXTS)
def test_whatever_is_written_is_a_pattern_or_is_refused_in_words(pattern: str, text: str) -> None:
    refused = ""
    try:
        compile_pattern(pattern).matches(text)
    except BadInput as error:
        refused = error.detail
    assert not refused or "at character" in refused or "too large" in refused


@pytest.mark.parametrize("pattern", EVIL)
def test_no_pattern_is_slow(pattern: str) -> None:
    """Each of these costs a backtracking engine minutes or ages; the bound is generous for a busy machine."""
    before = time.process_time()
    assert compile_pattern(pattern).matches("a" * 1_000 + "!") is False
    assert time.process_time() - before < 2.0


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=a)", "look-around"),
        ("(?P<n>a)", "names"),
        (r"\1", "not known"),
        (r"\b", "not known"),
        ("a**", "repetition of a repetition"),
        ("(a", "never closed"),
        ("a)", "closing bracket"),
        ("[a", "too early"),
        ("[b-a]", "range"),
        ("a{5,2}", "small to large"),
        ("a{101}", "at most 100"),
        ("*", "nothing to repeat"),
        ("a^b", "anyway"),
        ("a\\", "too early"),
        ("(" * 11 + "a" + ")" * 11, "deep"),
        ("((a{100}){100}){100}", "too large"),
        ("a" * (PATTERN_CHARS_MAX + 1), "at most 256"),
    ],
)
def test_what_a_pattern_cannot_say_is_refused_with_its_place(pattern: str, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        compile_pattern(pattern)


def test_case_is_ignored_only_where_asked_for() -> None:
    assert compile_pattern("(?i)disk[a-z]+").matches("DiskFull")
    assert not compile_pattern("disk[a-z]+").matches("DiskFull")


@law
@given(LABELS, st.sampled_from("abcd"), st.sampled_from(["", "x", "xy"]))
def test_each_operator_is_the_opposite_of_its_twin(labels: dict[str, str], name: str, value: str) -> None:
    says = {operator: Matcher(name, operator, value).matches(labels) for operator in Operator}
    assert says[Operator.EQUAL] is (labels.get(name, "") == value)
    assert says[Operator.LIKE] is says[Operator.EQUAL]  # these values hold no special character
    assert says[Operator.NOT_EQUAL] is not says[Operator.EQUAL]
    assert says[Operator.UNLIKE] is not says[Operator.LIKE]


@law
@given(st.sampled_from(["a", "team.name", "k8s/pod"]), st.sampled_from(Operator), st.text("xyz =~!", max_size=6))
def test_a_matcher_reads_back_as_it_is_shown(name: str, operator: Operator, value: str) -> None:
    matcher = read_matcher(f'{name}{operator}"{value}"')
    assert (matcher.label, matcher.operator, matcher.value) == (name, operator, value)
    if value == value.strip() and not value.startswith(("=", "~")):
        assert read_matcher(str(matcher)) == matcher


@law
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(Operator), st.sampled_from(["", "x"])), max_size=4))
def test_a_narrow_set_never_matches_an_alert_without_labels(given_: list[tuple[str, Operator, str]]) -> None:
    matchers = [Matcher(*one) for one in given_]
    found = breadth(matchers)
    assert (found is Breadth.EVERYTHING) is (not matchers)
    if found is Breadth.NARROW:
        assert not all_match(matchers, {})


@pytest.mark.parametrize("text", ["", "cart", "=cart", "a b=c", "9=x", "a~b"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is not a matcher"):
        read_matcher(text)


def test_twenty_matchers_are_enough() -> None:
    assert len(read_matchers(["a=b"] * 20)) == 20
    with pytest.raises(BadInput, match="At most 20"):
        read_matchers(["a=b"] * 21)


ODD = st.text(' \t\n"~=!.*(\\\u2003ab', max_size=8)


@law
@given(st.sampled_from(["a", "x-y/z", "_1"]), st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]), ODD | st.text())
def test_a_matcher_that_is_written_down_is_read_as_what_it_was(label: str, operator: Operator, value: str) -> None:
    """Values come from alerts, and so from strangers: none of them may become a pattern, or unreadable."""
    matcher = Matcher(label, operator, value)
    assert read_matcher(str(matcher)) == matcher
    assert read_matcher(f'{label}{operator}"{value}"') == matcher
