"""Text from outside: storable in PostgreSQL, visible to an eye, and short."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plain_text import cut, storable, storable_value, visible

ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x00\ud800\udfff\u202e\u200b"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(ANY_TEXT)
def test_storable_text_can_be_encoded_and_holds_no_nul(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert "\x00" not in kept
    assert len(kept) == len(text)
    assert storable(kept) == kept


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")))
def test_good_text_stays_as_it_is(text: str) -> None:
    assert storable(text) == text


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value] if isinstance(value, str) else []


@given(JSON)
def test_every_string_of_a_value_becomes_storable(value: Any) -> None:
    kept = storable_value(value)
    assert not [text for text in texts(kept) if storable(text) != text]
    assert type(kept) is type(value)


def test_storable_values_keep_their_shape() -> None:
    assert storable_value({"a\x00": ["\ud800", 1, None, {"b": True}]}) == {"a\ufffd": ["\ufffd", 1, None, {"b": True}]}
    assert storable_value({7: "x"}) == {"7": "x"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pay\u202ecod.exe", "pay\\u202ecod.exe"),
        ("ca\u200brt", "ca\\u200brt"),
        ("\ufeffcart", "\\ufeffcart"),
        ("soft\u00adhyphen", "soft\\u00adhyphen"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("a\u2028Target: b", "a\\u2028Target: b"),
        ("\x1b[2Jcart\r", "\\u001b[2Jcart\\u000d"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("café 日本 👍", "café 日本 👍"),
    ],
)
def test_what_deceives_an_eye_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY_TEXT)
def test_visible_text_moves_no_cursor_and_turns_no_direction(text: str) -> None:
    shown = visible(text)
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not [c for c in shown if unicodedata.bidirectional(c) in turning]
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\t\n"]
    assert visible(shown) == shown


@given(st.text(), st.integers(0, 40))
def test_a_cut_text_is_never_too_long_and_keeps_both_ends(text: str, chars_max: int) -> None:
    short = cut(text, chars_max)
    assert len(short) <= max(chars_max, 1)
    if len(text) <= chars_max:
        assert short == text
    else:
        head, _, tail = short.partition("…") if "…" not in text else (text[:0], "", text[:0])
        assert text.startswith(head)
        assert text.endswith(tail)


def test_a_cut_says_that_it_cut() -> None:
    assert cut("abcdefghij", 6) == "abc…ij"
    assert cut("abcdefghij", 2) == "a…"
    assert cut("abcdefghij", 1) == cut("abcdefghij", 0) == "…"
