"""The command line as a client of a running server: every failure becomes one line that says what to do."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8080"
API = "/api/v1"
TIMEOUT_S = 30.0
REFUSALS = frozenset({403, 409, 412, 422, 428})
BROKEN, REFUSED = 1, 2

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def lists(app: typer.Typer) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The command `list` of a group, which is also what the group does where no command is named."""

    def register(show: Callable[..., None]) -> Callable[..., None]:
        @app.callback(invoke_without_command=True)
        def default(context: typer.Context, as_json: Json = False) -> None:
            if context.invoked_subcommand is None:
                show(as_json=as_json)

        return app.command("list")(show)

    return register


class Trouble(Exception):
    """What ends a command: the line to show, the exit code, and the problem that the server told, if it did."""

    def __init__(self, message: str, code: int = BROKEN, problem: Mapping[str, Any] | None = None) -> None:
        self.code = code
        self.problem = dict(problem or {})
        super().__init__(message)


def get(path: str, **params: Any) -> Any:
    """GET below /api/v1. Parameters that are None are left out. Raises Trouble."""
    return _ask("GET", path, params=_given(params))


def post(path: str, body: Mapping[str, Any]) -> Any:
    """POST below /api/v1, under a fresh idempotency key. Raises Trouble."""
    return _ask("POST", path, json=dict(body), headers={"Idempotency-Key": os.urandom(16).hex()})


def put(path: str, body: Mapping[str, Any], **headers: str) -> Any:
    """PUT below /api/v1. Raises Trouble."""
    return _ask("PUT", path, json=dict(body), headers=headers)


def delete(path: str, **params: Any) -> Any:
    """DELETE below /api/v1. Raises Trouble."""
    return _ask("DELETE", path, params=_given(params))


def events(path: str, after: int) -> Iterator[dict[str, Any]]:
    """Rows of a timeline as they come, read on from the last number after every lost connection. Raises Trouble."""
    import json
    import time

    import httpx

    attempts = 0
    while True:
        try:
            with (
                _open(read_s=45.0) as http,
                http.stream("GET", API + path, headers={"Last-Event-ID": str(after)}) as answer,
            ):
                if answer.is_error:
                    answer.read()
                    raise _told(answer)
                for text in answer.iter_lines():
                    if text.startswith("data:"):
                        row = json.loads(text[5:])
                        after, attempts = row["seq"], 0
                        yield row
        except httpx.HTTPError as error:
            attempts += 1
            if attempts > 5:
                raise _unreachable(error) from None
        time.sleep(min(0.2 * 2**attempts, 5.0))


def every(path: str, *, pages_max: int = 20, **params: Any) -> Iterator[dict[str, Any]]:
    """The items of a paged list, page after page."""
    cursor = None
    for _ in range(pages_max):
        page = get(path, before=cursor, **params)
        yield from page["items"]
        cursor = page.get("next")
        if cursor is None:
            return


def base_url() -> str:
    """Where the server is."""
    return os.environ.get("NIGHTSHIFT_URL", DEFAULT_URL).rstrip("/")


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _open(read_s: float = TIMEOUT_S) -> "httpx.Client":
    import httpx

    token = os.environ.get("NIGHTSHIFT_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return httpx.Client(base_url=base_url(), headers=headers, timeout=httpx.Timeout(TIMEOUT_S, read=read_s))
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Trouble(f"NIGHTSHIFT_URL or NIGHTSHIFT_TOKEN cannot be used: {error}") from None


def _ask(method: str, path: str, **request: Any) -> Any:
    import httpx

    try:
        with _open() as http:
            answer = http.request(method, API + path, **request)
        if answer.is_error:
            raise _told(answer)
        return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unreachable(error) from None
    except ValueError:
        raise Trouble(f"{base_url()} does not answer like Nightshift. Is NIGHTSHIFT_URL right?") from None


def _unreachable(error: Exception) -> Trouble:
    why = str(error) or type(error).__name__
    return Trouble(
        f"No answer from {base_url()} ({why}). Start it with `nightshift up`, or set NIGHTSHIFT_URL to where it runs."
    )


def _told(answer: "httpx.Response") -> Trouble:
    """An error answer as Trouble: the problem's own words, else its status."""
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    said = problem.get("detail") or problem.get("title") or answer.reason_phrase
    text = said if isinstance(said, str) else str(said)
    if answer.status_code == 401 and "reason" not in problem:
        hint = "is not known" if os.environ.get("NIGHTSHIFT_TOKEN") else "is not set"
        return Trouble(f"NIGHTSHIFT_TOKEN {hint} at {base_url()}: set it to a key of a person there.", problem=problem)
    if reason := problem.get("reason"):
        text = f"{text} [{reason}]"
    refused = answer.status_code in REFUSALS
    return Trouble(f"{'Refused: ' if refused else ''}{text}", REFUSED if refused else BROKEN, problem)
