"""A message in Telegram's form: nothing is markup, everything is within the limits, in UTF-16 units."""

import re

import pytest

from core.errors import BadInput
from core.message import Button, Message, Style, Tone
from tests.fakes.telegram_keyboard import read_keyboard
from tests.fakes.telegram_markup import check_entities
from tests.fakes.telegram_rules import TEXT_UNITS_MAX
from tools.notify.telegram_form import Form, cut_units, form_of, keyboard_of, plain, units

CARD = Message(
    "Restart checkout-1?",
    Tone.WAITING,
    rows=[("Why", "the heap is full 🔥"), ("Track record", "7/8 worked"), ("", "2 of them today")],
    code="docker restart checkout-1",
    footer="expires 10:15 UTC",
    buttons=[
        [
            Button("Approve", "approve", "0123456789ab", Style.PRIMARY),
            Button("Reject…", "reject", "ba9876543210", Style.DANGER),
        ],
    ],
)


def parts(form: Form) -> dict[str, str]:
    raw = form.text.encode("utf-16-le")
    return {
        raw[one["offset"] * 2 : (one["offset"] + one["length"]) * 2].decode("utf-16-le"): one["type"]
        for one in form.entities
    }


def test_a_card_has_title_labels_code_and_footer_where_their_entities_say() -> None:
    form = form_of(CARD)
    assert form.text == (
        "🟡 Restart checkout-1?\nWhy: the heap is full 🔥\nTrack record: 7/8 worked\n• 2 of them today\n"
        "docker restart checkout-1\nexpires 10:15 UTC"
    )
    assert parts(form) == {
        "Restart checkout-1?": "bold",
        "Why": "bold",
        "Track record": "bold",
        "docker restart checkout-1": "pre",
        "expires 10:15 UTC": "italic",
    }
    assert form.keyboard[0] == [
        {"text": "Approve", "style": "success", "callback_data": "ns:approve:0123456789ab"},
        {"text": "Reject…", "style": "danger", "callback_data": "ns:reject:ba9876543210"},
    ]
    assert form.file is None


@pytest.mark.parametrize(
    "text",
    [
        "<b>a</b> < b",
        "*a* _b_ [x](http://y)",
        "`",
        "a\0b",
        "\ud83d half",
        "\u202eevil",
        "👩\u200d💻",
        "x" * 9000,
        "🔥" * 5000,
        "",
    ],
    ids=["html", "markdown", "tick", "null", "surrogate", "turned", "joined", "long", "long_pairs", "empty"],
)
def test_no_text_from_outside_is_markup_or_too_long(text: str) -> None:
    for message in (
        Message(text),
        Message("t", rows=[("l", text)] * 3),
        Message("t", code=text),
        Message(text, Tone.BAD, rows=[(text, text)], code=text, footer=text),
    ):
        form = form_of(message)
        assert 1 <= units(form.text) <= TEXT_UNITS_MAX
        form.text.encode()
        check_entities(form.text, form.entities)
        if len(text) > 4096:
            assert form.file is not None
            assert text.encode() in form.file[1]


def test_what_is_cut_first_is_code_and_the_footer_stays() -> None:
    form = form_of(Message("title", rows=[("why", "r" * 100)], code="c" * 9000, footer="until 10:15"))
    assert units(form.text) > TEXT_UNITS_MAX - 10
    assert "r" * 100 in form.text
    assert form.text.endswith("until 10:15")


def test_a_hundred_rows_are_within_the_entities() -> None:
    form = form_of(Message("t", rows=[(f"label {n}", "x") for n in range(150)]))
    assert len(form.entities) == 100


def test_long_output_goes_along_as_a_file() -> None:
    form = form_of(Message("done", more="line\n" * 3, more_name="run.log"))
    assert form.file == ("run.log", b"line\nline\nline\n")


def test_half_a_character_is_never_left() -> None:
    assert cut_units("🔥🔥🔥", 4) == "🔥…"
    assert cut_units("abcd", 4) == "abcd"


def test_chinese_labels_have_a_wide_colon() -> None:
    assert form_of(Message("", rows=[("原因", "内存已满")])).text == "原因：内存已满"


def test_buttons_are_within_the_limits() -> None:
    row = [Button(f"b{n} " + "长" * 90, "approve", "0123456789ab") for n in range(20)]
    assert len(read_keyboard({"inline_keyboard": keyboard_of(Message("t", buttons=[row] * 2))})) == 6
    with pytest.raises(BadInput, match="64 bytes"):
        keyboard_of(Message("t", buttons=[[Button("x", "v" * 60, "0123456789ab")]]))


def test_nobody_is_called_by_a_name_in_what_was_observed() -> None:
    """Telegram finds mentions by itself, in any text but code; mail addresses are none."""
    said = "user @early_shift,@night (mail@example.org) logged @ 3:00"
    form = form_of(Message(said, rows=[(said, said)], code=said, footer=said))
    assert len(re.findall(r"(?<![\w@])@(?=\w{3})", form.text)) == 2, "those in the code"
    assert form.text.replace("\u2060", "").count(said) == 5
    assert form.text.count("mail@example.org") == 5
    assert plain("@early_shift") == "@\u2060early_shift"
