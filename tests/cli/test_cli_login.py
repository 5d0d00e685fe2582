"""From the first admin's key to a password, and from a password to a key, at the command line."""

from typing import Any

from store import identities, one_time_codes
from store.identities import Account
from store.one_time_codes import Purpose

PASSWORD = "four words in a row"


async def test_the_first_admins_key_sets_a_password_and_the_password_gives_a_key(office: Any) -> None:
    office.house.settings = office.house.settings.model_copy(update={"data_dir": "/nonexistent"})
    first = await office.run("admin", "password", "--stdin", typed=f"{PASSWORD}\n")
    assert (first.code, first.out) == (0, "The password of admin is set; 0 sessions ended\n"), first.err
    made = await office.run(None, "login", "admin", "--for", "1h", "--stdin", typed=f"{PASSWORD}\n")
    assert (made.code, made.out.startswith("ns_")) == (0, True), made.err
    office.keys["by login"] = made.out.strip()
    shown = await office.run("by login", "people", "show", "admin")
    assert ("nightshift login" in shown.out, "Password" in shown.out) == (True, True), shown.err
    changed = await office.run("admin", "password", "--stdin", typed=f"five {PASSWORD}\n{PASSWORD}\n")
    assert changed.code == 0, changed.err
    old = await office.run(None, "login", "admin", "--stdin", typed=f"{PASSWORD}\n")
    assert (old.code, old.out, len(old.err.splitlines())) == (2, "", 1)
    assert "The name, the password or the code is wrong. [login_failed]" in old.err


async def test_an_admin_hands_over_a_one_time_token(office: Any) -> None:
    token = await office.run("admin", "people", "enrolment", "responder")
    assert (token.out.startswith("nse_"), "works once" in token.err) == (True, True)
    done = await office.run(None, "enrol", "--stdin", typed=f"{token.out.strip()}\n{PASSWORD}\n")
    assert done.out == "responder can log in now: nightshift login responder\n", done.err
    again = await office.run(None, "enrol", "--stdin", typed=f"{token.out.strip()}\n{PASSWORD}\n")
    assert (again.code, again.out, "ask an admin for a new one" in again.err) == (1, "", True), again.err
    made = await office.run(None, "login", "responder", "--stdin", typed=f"{PASSWORD}\n")
    assert made.code == 0, made.err
    assert (await office.run("admin", "people", "end-sessions", "responder")).out == "responder: 0 sessions ended\n"
    reset = await office.run("admin", "people", "reset-second-factor", "responder")
    assert reset.out == "responder has no second factor now\n"
    asked = await office.run(None, "login", "responder")
    assert (asked.code, "--stdin" in asked.err) == (2, True), "nobody is asked where nobody types"


async def test_a_chat_account_is_linked_listed_and_revoked(office: Any) -> None:
    code = await office.run("responder", "identities", "link")
    assert (len(code.out.strip()), "works once" in code.err) == (11, True), code.err
    async with office.house.store.begin() as conn:
        person = await one_time_codes.take(conn, Purpose.LINK, code.out.strip().replace("-", ""))
        assert person is not None
        row = await identities.link(conn, person, Account("telegram", "7301", "99"))
    assert "telegram" in (await office.run("responder", "identities")).out
    assert "7301" in (await office.run("admin", "identities", "list", "--of", "responder")).out
    assert (await office.run("viewer", "identities", "list", "--of", "responder")).code == 2
    assert (await office.run("viewer", "identities", "revoke", str(row["id"]))).code == 1
    gone = await office.run("responder", "identities", "revoke", str(row["id"]))
    assert gone.out == f"{row['id']} is revoked\n", gone.err
    assert "None. Link one" in (await office.run("responder", "identities")).err
