"""Persons, keys and teams at the command line: every refusal is one line, a key is printed once and alone."""

import json
from typing import Any


async def test_a_person_comes_gets_a_key_and_leaves(office: Any) -> None:
    added = await office.run("admin", "people", "add", "early", "--role", "responder")
    assert (added.code, added.out.startswith("ns_"), len(added.out.split())) == (0, True, 1), added.err
    office.keys["early"] = added.out.strip()
    raised = await office.run("admin", "people", "role", "early", "operator")
    assert raised.out == "early is operator now\n", raised.err
    assert (await office.run("early", "sources")).code == 0
    made = await office.run("admin", "people", "key", "early", "--label", "laptop", "--for", "12h")
    listed = await office.run("admin", "people", "keys", "early")
    assert "laptop" in listed.out
    assert made.out.strip() not in listed.out
    shown = await office.run("admin", "people", "show", "early")
    for word in ("early (operator)", "works here", "laptop", "until it is revoked", "Second factor"):
        assert word in shown.out
    gone = await office.run("admin", "people", "revoke", "early", made.out.strip()[-4:])
    assert gone.out == f"The key …{made.out.strip()[-4:]} of early is revoked\n", gone.err
    assert (await office.run("admin", "people", "deactivate", "early")).out == "early is deactivated\n"
    out = await office.run("early", "sources")
    assert (out.code, "NIGHTSHIFT_TOKEN is not known" in out.err) == (1, True)
    assert "deactivated" in (await office.run("admin", "people")).out
    assert (await office.run("admin", "people", "activate", "early")).out == "early works here\n"


async def test_refusals_are_one_line(office: Any) -> None:
    for words, code, said in (
        (("people", "deactivate", "admin"), 2, "make somebody else admin first. [last_admin]"),
        (("people", "show", "no body"), 1, "There is no person 'no body'"),
        (("people", "show", ".."), 1, "is not the name of a person"),
        (("people", "revoke", "viewer", "zzzz"), 1, "has no key 'zzzz'"),
        (("teams", "add", "No Team"), 2, "does not have the form"),
        (("teams", "owner", "checkout"), 2, "Nobody owns checkout"),
        (("teams", "show", "../people"), 1, "Not Found"),
    ):
        ran = await office.run("admin", *words)
        assert (ran.code, ran.out) == (code, ""), (words, ran)
        assert said in ran.err, ran.err
        assert len(ran.err.splitlines()) == 1


async def test_a_team_owns_a_service(office: Any) -> None:
    words = ("teams", "add", "payments", "--member", "responder", "--member", "approver", "--service", "checkout")
    added = await office.run("admin", *words)
    assert added.out == "payments: 2 members, 1 services\n", added.err
    assert (await office.run("viewer", "teams", "owner", "checkout")).out == "payments: approver, responder\n"
    changed = await office.run(
        "admin", "teams", "change", "payments", "--service", "cart", "--drop", "approver", "--json"
    )
    team = json.loads(changed.out)
    assert ([one["name"] for one in team["members"]], team["services"]) == (["responder"], ["cart", "checkout"])
    assert "cart, checkout" in (await office.run("viewer", "teams")).out
    assert "responder" in (await office.run("viewer", "teams", "show", "payments")).out
    odd = await office.run("admin", "teams", "change", "payments", "--drop", "nobody")
    assert (odd.code, "does not belong" in odd.err) == (1, True)
    assert (await office.run("operator", "teams", "remove", "payments")).code == 2
    assert (await office.run("admin", "teams", "remove", "payments")).out == "payments is removed\n"


async def test_who_is_on_call_is_one_command(office: Any) -> None:
    nobody = await office.run("viewer", "oncall", "checkout")
    assert (nobody.code, nobody.out, "No rota says whom to call" in nobody.err) == (2, "", True)
    words = (
        "rota", "add", "house", "--shift", "mon 00:00-mon 00:00=responder", "--fallback", "approver",
        "--first-day", "2026-01-05", "--zone", "Europe/Berlin",
    )  # fmt: skip
    added = await office.run("operator", *words)
    assert added.out == "house: 1 shifts, version 1\n", added.err
    assert (await office.run("viewer", "oncall", "checkout")).out == "responder\n"
    stands_in = await office.run(
        "responder", "rota", "override", "house", "operator", "--for", "2h", "--reason", "swap"
    )
    assert "operator stands in until" in stands_in.out, stands_in.err
    now = await office.run("viewer", "oncall")
    assert ("operator" in now.out, "override" in now.out, "house" in now.out) == (True, True, True)
    page = await office.run("viewer", "rota", "show", "house")
    for word in ("mon 00:00 to mon 00:00: responder", "Europe/Berlin", "Otherwise", "swap"):
        assert word in page.out
    ended = await office.run("responder", "rota", "end-override", "house", stands_in.out.split(":")[0])
    assert ended.code == 0, ended.err
    assert (await office.run("viewer", "oncall", "checkout")).out == "responder\n"
    past = await office.run("viewer", "oncall", "checkout", "--at", "2025-12-31T12:00:00+01:00")
    assert past.out == "approver\n", past.err
    changed = await office.run(
        "operator", "rota", "change", "house", "--shift", "sat 08:00-sun 20:00=operator,approver"
    )
    assert changed.out == "house: 1 shifts, version 2\n", changed.err
    assert "house" in (await office.run("viewer", "rota")).out
    odd = await office.run("operator", "rota", "add", "x", "--shift", "soon=me", "--fallback", "a", "--first-day", "b")
    assert (odd.code, "write a shift as" in odd.err, len(odd.err.splitlines())) == (1, True, 1)
    assert (await office.run("operator", "rota", "remove", "house")).out == "house is removed\n"
