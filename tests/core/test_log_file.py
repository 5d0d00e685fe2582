"""Names that count, lines that end, and places to go on from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import log_file
from core.log_file import (
    CUT_MARK,
    LINE_BYTES_MAX,
    Begin,
    NameReason,
    Split,
    fingerprint,
    is_excluded,
    judge_begin,
    judge_name,
    may_be_copy,
    split_lines,
)

PIECES = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\0", b"\xff", "ü".encode(), b"bb"]), max_size=30)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("shop.log", NameReason.WANTED),
        ("deep/er/SHOP.LOG", NameReason.WANTED),
        ("shop.txt", NameReason.OTHER_SUFFIX),
        ("shop.log.1", NameReason.OTHER_SUFFIX),
        ("shop.log.gz", NameReason.COMPRESSED),
        ("shop.log.1.ZST", NameReason.COMPRESSED),
        ("debug.log", NameReason.EXCLUDED),
        ("old/shop.log", NameReason.EXCLUDED),
        ("not-old/shop.log", NameReason.WANTED),
        *[(name, NameReason.TEMPORARY) for name in (
            "shop.log.tmp", "shop.log.part", "shop.log.crdownload", ".shop.log.swp", "shop.log~", "shop.log.filepart",
            "shop.log.download", "shop.log.PARTIAL", ".hidden.log", "~$shop.log", "#shop.log#",
        )],
    ],
)  # fmt: skip
def test_a_name_is_judged_with_its_reason(path: str, reason: NameReason) -> None:
    assert judge_name(path, (".log",), ("debug*", "old/*")) is reason


def test_no_suffix_means_every_suffix_and_an_exclusion_names_a_path_or_its_last_part() -> None:
    assert judge_name("shop", (), ()) is NameReason.WANTED
    assert is_excluded("a/b/c", ("c",))
    assert is_excluded("a/b/c", ("a/*",))
    assert not is_excluded("a/b/c", ("b",))


def test_a_copy_lies_beside_its_original_and_begins_like_it() -> None:
    assert may_be_copy("x/shop.log.1", "x/shop.log")
    assert may_be_copy("x/shop-2026.log", "x/shop.log")
    assert not may_be_copy("y/shop.log.1", "x/shop.log")
    assert not may_be_copy("x/cart.log", "x/shop.log")


@pytest.mark.parametrize(
    ("data", "given", "split"),
    [
        (b"", {}, Split((), 0, False)),
        (b"a\r\nb\n\nc", {}, Split(("a", "b"), 6, False)),
        (b"a\nb", {"take_rest": True}, Split(("a", "b"), 3, False)),
        (b"rest\na\n", {"in_cut": True}, Split(("a",), 7, False)),
        (b"more", {"in_cut": True}, Split((), 4, True)),
        (b"more", {"in_cut": True, "take_rest": True}, Split((), 4, True)),
        (b"\n", {"in_cut": True}, Split((), 1, False)),
        (b"\0\0\0a\0b\n\xff\n", {}, Split(("a\ufffdb", "\ufffd"), 9, False)),
        (b"\0" * (LINE_BYTES_MAX + 1), {}, Split((), LINE_BYTES_MAX + 1, False)),
        (b"x" * (LINE_BYTES_MAX + 1), {}, Split(("x" * LINE_BYTES_MAX + CUT_MARK,), LINE_BYTES_MAX + 1, True)),
        (b"x" * LINE_BYTES_MAX, {}, Split((), 0, False)),
        (b"x" * 20_000 + b"\ny\n", {}, Split(("x" * LINE_BYTES_MAX + CUT_MARK, "y"), 20_003, False)),
    ],
)
def test_lines_are_split(data: bytes, given: dict[str, bool], split: Split) -> None:
    assert split_lines(data, **given) == split


@given(PIECES, st.integers(0, 30))
def test_however_a_file_grows_its_lines_are_the_same(pieces: list[bytes], at: int) -> None:
    whole = b"".join(pieces) + b"\n"
    first = split_lines(whole[:at])
    rest = split_lines(whole[first.taken :])
    assert first.lines + rest.lines == split_lines(whole).lines
    assert first.taken + rest.taken == len(whole)


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_a_long_line_is_cut_the_same_in_pieces(parts: list[bytes]) -> None:
    data = b"x" * (LINE_BYTES_MAX + 1) + b"".join(parts).replace(b"\n", b"") + b"\nnext\n"
    first = split_lines(data[: LINE_BYTES_MAX + 1])
    second = split_lines(data[first.taken :], in_cut=first.in_cut)
    assert (first.lines + second.lines, second.in_cut) == (split_lines(data).lines, False)


def test_where_reading_begins() -> None:
    assert judge_begin(5, 4, same=True) is Begin.TRUNCATED
    assert judge_begin(5, 5, same=True) is Begin.GOES_ON
    assert judge_begin(5, 9, same=False) is Begin.REWRITTEN


def test_a_fingerprint_tells_where_the_head_ends() -> None:
    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc")
    assert len(fingerprint(b"", b"")) == 16
    assert log_file.HEAD_BYTES > log_file.TAIL_BYTES
