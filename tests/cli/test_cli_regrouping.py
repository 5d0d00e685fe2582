"""Incidents regrouped at the command line; every refusal is one line that says what to do."""

import json
from typing import Any


async def test_assigned_split_merged_and_reopened(office: Any) -> None:
    number = await office.trouble("HighErrorRate")
    assert await office.trouble("DiskFull") == number
    assigned = await office.run("responder", "incidents", "assign", f"#{number}", "approver", "--reason", "knows it")
    assert (assigned.code, assigned.out) == (0, f"#{number} is assigned to approver\n"), assigned.err
    assert "HighErrorRate" in (await office.run("viewer", "incidents", "list", "--assignee", "approver")).out
    assert "No incidents" in (await office.run("viewer", "incidents", "list", "--assignee", "responder")).err
    split = await office.run("responder", "incidents", "split", str(number), "alertname=DiskFull", "--json")
    made = json.loads(split.out)["number"]
    shown = await office.run("viewer", "incidents", "show", str(made))
    assert f"split from #{number}" in shown.out
    merged = await office.run("responder", "incidents", "merge", f"#{made}", f"#{number}", "--reason", "one cause")
    assert merged.out == f"#{made} is merged into #{number}: 2 of 2 alerts fire\n"
    story = await office.run("viewer", "incidents", "story", str(number))
    assert f"#{made} " in story.out
    assert f"#{number} " in story.out
    nobody = await office.run("responder", "incidents", "assign", str(number), "--nobody")
    assert nobody.out == f"#{number} is assigned to nobody\n"
    await office.run("responder", "incidents", "resolve", str(number))
    again = await office.run("responder", "incidents", "reopen", str(number), "--reason", "it is back")
    assert again.out == f"#{number} is open\n"


async def test_refusals_are_one_line(office: Any) -> None:
    number = await office.trouble()
    for words, code, said in (
        (("merge", str(number), str(number)), 2, "[itself]"),
        (("split", str(number)), 2, "[nothing_chosen]"),
        (("reopen", str(number)), 2, "[not_over]"),
        (("assign", str(number)), 1, "--nobody"),
        (("assign", str(number), "viewer"), 2, "[cannot_answer]"),
    ):
        ran = await office.run("responder", "incidents", *words)
        assert (ran.code, ran.out) == (code, ""), words
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1
