"""Pieces and whole texts of an answer come together without a word lost or doubled."""

import pytest

from core.answered import Answered


@pytest.mark.parametrize(
    ("pieces", "final", "rest"),
    [
        ((), "all of it", "all of it"),
        (("all ", "of it"), "all of it", ""),
        (("all ",), "all of it", "of it"),
        (("I look. ", "It is v42."), "It is v42.", ""),
        (("something",), "else", "\n\nelse"),
        (("something",), "", ""),
    ],
)
def test_rest_is_what_is_missing(pieces: tuple[str, ...], final: str, rest: str) -> None:
    answered = Answered()
    for piece in pieces:
        assert answered.more(piece) == piece
    assert answered.rest(final) == rest


def test_a_new_attempt_counts_from_nothing_and_asides_do_not_count() -> None:
    answered = Answered()
    answered.more("half an ans")
    assert answered.aside("(again)") == "\n\n(again)\n\n"
    answered.again()
    answered.more("the whole answer")
    assert answered.rest("the whole answer") == ""


def test_pictures_are_never_loaded_even_where_the_cut_goes_through_their_sign() -> None:
    answered = Answered()
    assert answered.more("see ![x](http://outside.example/?a)") == "see ! [x](http://outside.example/?a)"
    assert answered.more("and !") + answered.more("[y](z)") == "and ! [y](z)"
    assert answered.more("well![link](w)") == "well! [link](w)"


def test_no_tag_loads_anything_where_a_front_end_reads_tags() -> None:
    answered = Answered()
    assert answered.more('a <img src="//outside.example/?a">') == 'a < img src="//outside.example/?a">'
    assert answered.more("b <") + answered.more("video src=x>") + answered.more("</a>") == "b < video src=x>< /a>"
    assert answered.more("p95 < 200 ms, <5 %") == "p95 < 200 ms, <5 %"
    assert answered.rest("a") == "\n\na"
