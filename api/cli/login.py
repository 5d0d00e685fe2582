"""`nightshift login`, `password` and `enrol`: from a password to a key for this terminal."""

import os
import sys
from typing import Annotated, Any

import typer

from api.cli import client
from api.cli.client import API, Json, Trouble, base_url
from api.cli.durations import seconds
from api.cli.screen import line, print_json
from api.cli.sources import print_key

Lasts = Annotated[str, typer.Option("--for", help="How long the key works, such as 12h.")]
Typed = Annotated[bool, typer.Option("--stdin", help="Read what is asked for from stdin, a line each.")]


def login(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your name here.")],
    lasts: Lasts = "12h",
    stdin: Typed = False,
    as_json: Json = False,
) -> None:
    """Log in and print a key that ends by itself: export NIGHTSHIFT_TOKEN=$(nightshift login NAME)."""
    import httpx

    expires_s = seconds(lasts)
    asked: dict[str, Any] = {"name": name, "password": _secret("Password", stdin)}
    try:
        with httpx.Client(base_url=base_url(), timeout=30.0) as http:
            answer = http.post(f"{API}/auth/login", json=asked)
            if answer.status_code == 401 and answer.json().get("reason") == "code_needed":
                asked["code"] = _secret("Code", stdin)
                answer = http.post(f"{API}/auth/login", json=asked)
            me = _told(answer)
            token = {"X-CSRF-Token": me["csrf_token"]}
            body = {"label": "nightshift login", "expires_s": expires_s}
            made = http.post(f"{API}/auth/keys", json=body, headers=token)
            http.post(f"{API}/auth/logout", headers=token)  # the key does the rest
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Trouble(f"No answer of Nightshift from {base_url()} ({error or type(error).__name__}).") from None
    print_key(_told(made), as_json)


def password(stdin: Typed = False, as_json: Json = False) -> None:
    """Set or change the password of whoever NIGHTSHIFT_TOKEN belongs to; also the first admin's first one."""
    me = client.get("/auth/session")
    body = {"new": _secret(f"New password of {me['name']}", stdin)}
    try:
        ended = client.post("/auth/password", body)
    except Trouble as trouble:
        if trouble.problem.get("reason") != "has_password":
            raise
        ended = client.post("/auth/password", {**body, "current": _secret("Present password", stdin)})
    if as_json:
        print_json(ended)
    else:
        line(f"The password of {me['name']} is set; {ended['ended']} sessions ended")


def enrol(stdin: Typed = False, as_json: Json = False) -> None:
    """Set a password with the one-time token that an admin handed over (`nightshift people enrolment NAME`)."""
    body = {"token": _secret("One-time token", stdin), "password": _secret("New password", stdin)}
    done = client.post("/auth/enrol", body)
    if as_json:
        print_json(done)
    else:
        line(f"{done['name']} can log in now: nightshift login {done['name']}")


def _secret(what: str, stdin: bool) -> str:
    """Never an argument: those are seen by everybody on the machine."""
    if stdin:
        return sys.stdin.readline().rstrip("\n")
    if not os.isatty(0):
        raise Trouble(f"{what}: there is nobody to type it; use --stdin.", 2)
    return str(typer.prompt(what, hide_input=True, err=True))


def _told(answer: Any) -> Any:
    if answer.is_error:
        problem = answer.json()
        raise Trouble(f"{problem.get('detail')} [{problem.get('reason', answer.status_code)}]", 2, problem)
    return answer.json()
