"""What was learned, on the command line: a chart of plain text, recommendations, and what people did by hand."""

import json
from typing import Any

from api.cli.chart import chart, shortened

COLUMNS = 80


async def test_stats_are_a_chart_that_fits_in_eighty_columns_and_in_a_pipe(office: Any) -> None:
    empty = await office.run("viewer", "playbooks", "stats")
    assert (empty.code, empty.out, empty.err) == (0, "", "Nothing learned.\n")
    await office.learned("stable", "stable", "stable", "ineffective", "unknown")
    drawn = await office.run("viewer", "playbooks", "stats", COLUMNS="300")
    assert drawn.out.splitlines() == [
        "rollback-bad-release                0 %                  100 %",
        "  v1|HighErrorRate|http|errors      [       ───────────●──── ]  3 of 4 (30-95 %)",
        "    not counted: 1",
    ]
    assert "\x1b" not in drawn.out
    items = json.loads((await office.run("viewer", "playbooks", "stats", "--json")).out)["items"]
    assert (items[0]["helped"], items[0]["tried"], items[0]["apart"]) == (3, 4, 1)


def item(playbook: str, signature: str, helped: int, tried: int, **more: int) -> dict[str, Any]:
    rate = helped / tried if tried else None
    words = f"{helped} of {tried} (1-99 %)" if tried else "never tried here"
    numbers = {"helped": helped, "returned": 0, "by_hand": 0, "apart": 0, **more}
    return {
        "playbook_id": playbook, "signature": signature, "rate": rate, "low": 0.01, "high": 0.99, "words": words,
        **numbers,
    }  # fmt: skip


def test_a_chart_is_aligned_whatever_is_in_it() -> None:
    long = "v1|AVeryLongNameOfAnAlertThatSomebodyThoughtOf|kubernetes-deployment|crash_loop"
    items = [
        item("a", "v1|A|http|errors", 1_234, 5_678, returned=3, by_hand=2, apart=1),
        item("a", long, 1, 2),
        item("a-playbook-with-a-name-that-is-longer-than-any-column", "v1|B|http|down", 0, 0),
        item("z", "v1|evil\x1b[31m\nname|http|down", 3, 3),
    ]
    drawn = list(chart(items, COLUMNS))
    assert max(len(text) for text in drawn) == COLUMNS
    bars = [text for text in drawn if "[" in text and "]" in text]
    assert len(bars) == 4
    assert {text.index("[") for text in bars[:3]} == {bars[0].index("[")}
    assert all(text.index("0 %") == bars[0].index("[") for text in drawn if text.endswith("100 %"))
    assert drawn[2] == "    back within 24 h: 3 of 1234 · by hand: 2 · not counted: 1"
    assert "●" not in bars[2], "what was never tried has no rate"
    assert not any("\x1b" in text or "\n" in text for text in drawn)
    assert list(chart([], COLUMNS)) == []


def test_a_long_name_keeps_both_its_ends() -> None:
    assert shortened("v1|HighErrorRate|http|errors", 20) == "v1|HighEr…ttp|errors"
    assert shortened("short", 20) == "short"


async def test_what_people_did_is_told_and_summed_up(office: Any) -> None:
    await office.learned("stable", "ineffective")
    number = str(await office.trouble("CertificateExpires"))
    told = await office.run(
        "responder", "incidents", "fixed-by", number, "renewed it", "--playbook", "rollback-bad-release"
    )
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("rollback-bad-release · renewed it\n")
    alone = await office.run("responder", "incidents", "fixed-by", number, "--alone")
    assert alone.out.endswith("it went away alone\n")
    nothing = await office.run("responder", "incidents", "fixed-by", number)
    assert nothing.code == 1
    assert "--alone where nobody did anything" in nothing.err
    summed = await office.run("viewer", "playbooks", "learned", "--json")
    assert json.loads(summed.out)["shadow"]["compared"] == 0
    shown = await office.run("viewer", "playbooks", "learned")
    assert "shadow mode: nothing to compare yet" in shown.out


async def test_recommendation_says_why(office: Any) -> None:
    number = str(await office.trouble())
    await office.learned(*["stable"] * 5)
    said = await office.run("viewer", "playbooks", "recommend", number, "--json")
    answer = json.loads(said.out)
    shown = (await office.run("viewer", "playbooks", "recommend", f"#{number}")).out.splitlines()
    assert [text for text in shown if text.startswith("why: ")] == [f"why: {text}" for text in answer["reasons"]]
    assert answer["reasons"]
    assert shown[0].startswith(answer["recommendation"]["playbook_id"])
