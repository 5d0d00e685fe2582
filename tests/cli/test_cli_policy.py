"""Policy, playbooks, standing approvals and switches, as an operator types them."""

import json
from pathlib import Path
from typing import Any

POLICY = """\
actions_per_hour_max: 5
freezes:
- id: always
  title: the year's end
  at: {at}
  for_s: 86400
"""
BOOK = "id: {id}\ntitle: Restart it\naction: restart_instance\nclasses: [down]\ntier: 1\n"


async def test_a_policy_is_checked_with_its_line_then_rules_and_explains_itself(office: Any, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.format(at="24:00"))
    bad = await office.run(None, "policy", "check", str(file))
    assert (bad.code, bad.out) == (2, "")
    assert bad.err.strip() == f"{file}:5: freezes[0].at: '24:00' is no time of day; write it like '18:00'"
    assert (await office.run("admin", "policy", "apply", str(file))).code == 2
    assert "nobody applied a policy" in (await office.run("viewer", "policy", "show")).out

    file.write_text(POLICY.format(at="00:00"))
    assert (await office.run(None, "policy", "check", str(file))).out == f"{file}: good\n"
    number = await office.trouble()
    before = await office.run("viewer", "playbooks", "explain", str(number), "--json")
    answers = {p["playbook_id"]: p for p in json.loads(before.out)["items"]}
    assert answers["rollback-bad-release"]["guardrail"] == "tier", answers["rollback-bad-release"]

    refused = await office.run("operator", "policy", "apply", str(file))
    assert (refused.code, "admin" in refused.err) == (2, True)
    applied = await office.run("admin", "policy", "apply", str(file))
    assert (applied.code, "0 open approvals are void" in applied.out) == (0, True)
    assert "nothing changed" in (await office.run("admin", "policy", "apply", str(file))).out
    shown = (await office.run("viewer", "policy", "show")).out
    assert "actions_per_hour_max: 5" in shown
    assert "requester_may_approve: true" in shown
    assert "requester_may_approve" not in (await office.run("viewer", "policy", "show", "--written")).out
    assert "person:admin" in (await office.run("viewer", "policy", "versions")).out

    table = (await office.run("viewer", "playbooks", "explain", f"#{number}")).out
    assert "frozen by the year's end until" in table
    assert "ask-a-human" in table
    whole = (await office.run("viewer", "playbooks", "explain", str(number), "--playbook", "rollback-bad-release")).out
    for guardrail in ("kill_switch", "freeze", "blast_radius", "tier"):
        assert guardrail in whole
    assert "rollback-bad-release: refuse (freeze)" in whole
    unknown = await office.run("viewer", "playbooks", "explain", str(number), "--playbook", "nothing")
    assert (unknown.code, "No playbook 'nothing' rules" in unknown.err) == (1, True)


async def test_a_folder_is_brought_in_and_a_bad_file_costs_no_other(office: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(BOOK.format(id=name))
    (tmp_path / "three.yaml").write_text(BOOK.format(id="three") + "tier: 3\n")
    checked = await office.run(None, "playbooks", "check", str(tmp_path))
    assert (checked.code, checked.out) == (2, "2 good, 1 bad\n")
    applied = await office.run("operator", "playbooks", "apply", str(tmp_path))
    assert applied.code == 2
    assert applied.out.splitlines() == ["one: version 1, published", "two: version 1, published"]
    assert applied.err.strip() == f"{tmp_path}/three.yaml:6: 'tier' is there twice: keep one of the two"
    (tmp_path / "three.yaml").unlink()
    again = await office.run("operator", "playbooks", "apply", str(tmp_path))
    assert (again.code, "one: version 1, published, unchanged" in again.out) == (0, True)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "there is no *.yaml file" in (await office.run("operator", "playbooks", "apply", str(empty))).err


async def test_a_draft_is_published_and_a_playbook_withdrawn(office: Any, tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(BOOK.format(id="our-own"))
    none = await office.run("operator", "playbooks", "publish", "our-own")
    assert none.code == 1
    drafted = await office.run("operator", "playbooks", "apply", str(file), "--draft")
    assert drafted.out == "our-own: version 1, draft\n"
    assert "our-own" not in (await office.run("viewer", "playbooks")).out
    assert "draft" in (await office.run("viewer", "playbooks", "list", "--all")).out
    assert (await office.run("operator", "playbooks", "publish", "our-own")).out == "our-own: version 2, published\n"
    shown = (await office.run("viewer", "playbooks", "show", "our-own")).out
    assert shown.startswith("# version 2, published, from api\nid: our-own\n")
    assert (await office.run("operator", "playbooks", "withdraw", "our-own")).out == "our-own: version 3, withdrawn\n"
    assert "withdrawn" in (await office.run("viewer", "playbooks", "versions", "our-own")).out
    assert (await office.run("operator", "playbooks", "publish", "our-own", "--version", "2")).out.startswith(
        "our-own: version 4"
    )
    assert (await office.run("viewer", "playbooks", "withdraw", "our-own")).code == 2


async def test_schemas_are_printed_without_a_server(office: Any) -> None:
    for group, key in (("policy", "freezes"), ("playbooks", "diagnosis")):
        printed = await office.run(None, group, "schema")
        assert key in json.loads(printed.out)["properties"]


async def test_a_standing_approval_is_given_listed_and_taken_back(office: Any) -> None:
    assert "Nothing acts unasked" in (await office.run("viewer", "auto")).err
    refused = await office.run("operator", "auto", "grant", "rollback-bad-release", "--reason", "it helps")
    assert (refused.code, "never acts unasked" in refused.err) == (2, True)
    limits = ("--for", "12h", "--per-hour", "2", "--service", "check*", "--environment", "production")
    denied = await office.run("approver", "auto", "grant", "restart-instance", "--reason", "it helps", *limits)
    assert (denied.code, "operator" in denied.err) == (2, True)
    given = await office.run("operator", "auto", "grant", "restart-instance", "--reason", "it helps", *limits)
    assert "restart-instance version 1 may act unasked until" in given.out
    assert "in the name of operator" in given.out
    listed = (await office.run("viewer", "auto")).out
    for shown in ("restart-instance v1", "operator", "check*", "production", "0/2", "it helps"):
        assert shown in listed
    key = given.out.split()[-1]
    assert (await office.run("responder", "auto", "end", "zzz", "--reason", "no")).code == 1
    ended = await office.run("responder", "auto", "end", key[:20], "--reason", "it looks wrong")
    assert ended.out == "restart-instance asks again from now on\n"
    assert "Nothing acts unasked" in (await office.run("viewer", "auto")).err
    assert "ended by person:responder" in (await office.run("viewer", "auto", "list", "--all")).out


async def test_switches_are_turned_and_only_an_operator_turns_them_off(office: Any) -> None:
    for command, title in (("kill", "kill switch"), ("observe", "observe-only switch"), ("shadow", "shadow mode")):
        assert (await office.run("viewer", command)).out == f"{title} off\n"
        turned = await office.run("responder", command, "on", "--reason", "provider maintenance")
        assert turned.out.startswith(f"{title} ON: ")
        assert "by person:responder: provider maintenance" in turned.out
        assert (await office.run("responder", command, "off")).code == 2
        assert (await office.run("operator", command, "off")).out.startswith(f"{title} off since")
