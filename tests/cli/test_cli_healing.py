"""At the command line: change, take back or force an approval, and say what was seen where nobody else could tell."""

import json
from typing import Any

ROLLBACK = ("rollback-bad-release", "service=checkout", "to_version=v41", "--reason", "errors began with v42")
REASON = "the shop is down and nobody else is awake"


async def asked(office: Any, number: str) -> str:
    """A rollback that waits; the approval's id."""
    proposed = await office.run("responder", "incidents", "propose", number, *ROLLBACK)
    assert proposed.code == 0, proposed.err
    return str(json.loads((await office.run("approver", "approvals", "--json")).out)["items"][0]["id"])


async def test_what_waits_is_edited_within_policy_or_taken_back(office: Any) -> None:
    number = str(await office.trouble())
    approval = await asked(office, number)
    why = ("--reason", "that one had the leak")
    elsewhere = await office.run("approver", "approvals", "edit", approval, "--set", "to_version=v40", *why)
    assert elsewhere.code == 2
    assert "refused" in elsewhere.err
    unknown = await office.run("approver", "approvals", "edit", approval, "--set", "colour=red", *why)
    assert unknown.code != 0
    assert "colour" in unknown.err
    same = await office.run("approver", "approvals", "edit", approval, "--set", "to_version=v41", *why)
    assert same.code == 2
    assert "Nothing was edited" in same.err

    back = await office.run("approver", "approvals", "withdraw", approval, "--reason", "fixed by hand")
    assert (back.code, back.out) == (0, "superseded\n"), back.err
    late = await office.run("approver", "approvals", "approve", approval, "--yes")
    assert late.code == 2


async def test_glass_is_broken_by_an_operator_with_a_reason(office: Any) -> None:
    number = str(await office.trouble())
    approval = await asked(office, number)
    for who, reason, said in (("approver", REASON, "operator"), ("operator", "now", "Refused")):
        no = await office.run(who, "approvals", "break-glass", approval, "--yes", "--reason", reason)
        assert no.code == 2
        assert said in no.err
    yes = await office.run("operator", "approvals", "break-glass", approval, "--reason", REASON, typed="y\n")
    assert yes.code == 0, yes.err
    assert yes.out.endswith("approved\n")


async def test_i_checked_is_said_at_the_command_line_under_ones_own_name(office: Any) -> None:
    number = str(await office.trouble())
    await asked(office, number)
    async with office.house.store.begin() as conn:
        await conn.execute("UPDATE executions SET state = 'needs_human'")
    [row] = json.loads((await office.run("viewer", "executions", "--json")).out)["items"]
    short = row["id"][:13]
    tap = ("executions", "checked", short, "--happened", "--reason", "the deploy list shows v41")
    assert (await office.run("responder", *tap)).code == 2
    done = await office.run("approver", *tap)
    assert (done.code, done.out) == (0, "succeeded\n"), done.err
    assert (await office.run("approver", *tap)).code == 2
    shown = await office.run("viewer", "executions", "show", short)
    assert "checked_by_person" in shown.out
    assert "person:approver" in shown.out
