"""Silences at the command line: added, listed, ended; every refusal is one line."""

import json
from typing import Any

import pytest

WORDS = ("silences", "add", "service=checkout", "alertname=~High.*", "--reason", "we are on it")


async def test_a_silence_is_added_listed_and_ended(office: Any) -> None:
    added = await office.run("responder", *WORDS, "--for", "1h30m")
    assert added.code == 0, added.err
    silence, rest = added.out.split(": ", 1)
    assert rest.startswith("active until ")
    listed = await office.run("viewer", "silences")
    for word in (silence, "service=checkout alertname=~High.*", "person:responder", "we are on it"):
        assert word in listed.out
    ended = await office.run("responder", "silences", "expire", silence)
    assert ended.out == f"{silence}: expired\n"
    assert "No silences" in (await office.run("viewer", "silences", "list")).err
    every = json.loads((await office.run("viewer", "silences", "list", "--all", "--json")).out)
    assert [(one["id"], one["version"]) for one in every["items"]] == [(silence, 2)]
    again = await office.run("responder", "silences", "expire", silence)
    assert (again.code, again.out) == (2, "")
    assert "over already" in again.err


@pytest.mark.parametrize(
    ("who", "words", "code", "said"),
    [
        ("viewer", WORDS, 2, "role_missing"),
        ("responder", ("silences", "add", "service=~.*", "--reason", "x"), 2, "too broad"),
        ("responder", ("silences", "add", "checkout", "--reason", "x"), 2, "is not a matcher"),
        ("responder", (*WORDS, "--for", "soon"), 1, "is no duration"),
    ],
)
async def test_a_refusal_is_one_line(office: Any, who: str, words: tuple[str, ...], code: int, said: str) -> None:
    ran = await office.run(who, *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


async def test_an_operator_overrules_the_guard_by_its_name(office: Any) -> None:
    ran = await office.run("operator", "silences", "add", "service=~.*", "--reason", "drill", "--override", "too_broad")
    assert ran.code == 0, ran.err
