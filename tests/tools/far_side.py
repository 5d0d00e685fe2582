"""Strict trackers and settings on loopback, each written from the API that it stands for, with a log of effects."""

import base64
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
Reply = tuple[int, Any]


@dataclass
class Asked:
    """A request, with lower-case header names."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class FarSide:
    """A server. `fault` is what goes wrong with the next write: `cut_before`, `cut_after`, or a status."""

    answer: Callable[[Asked], Reply]
    fault: str = ""
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def writes(self) -> list[Asked]:
        """Everything but reads."""
        return [one for one in self.asked if one.method != "GET"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, side: FarSide) -> None:
        self.side = side
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    wbufsize = -1  # an answer in one piece: two would wait for each other

    def log_message(self, *words: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        side, parts = self.server.side, urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {k: v[0] for k, v in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, query, headers, json.loads(raw) if raw else None)
        side.asked.append(asked)
        fault = "" if self.command == "GET" else side.fault
        if fault == "cut_before":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, value = (int(fault), {"message": "a fault"}) if fault.isdecimal() else side.answer(asked)
        if fault == "cut_after":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass
class Issues:
    """The issues of one project in a tracker; the three forms differ in everything but the idea."""

    token: str
    rows: list[Json] = field(default_factory=list)
    search_lags: bool = False

    def github(self, asked: Asked) -> Reply:
        """GitHub's REST API, version 2022-11-28."""
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return 401, {"message": "Bad credentials"}
        if asked.headers.get("x-github-api-version") != "2022-11-28":
            return 400, {"message": "an unknown version"}
        if asked.path != "/repos/team/shop/issues":
            return 404, {"message": "Not Found"}
        if asked.method == "GET":
            if not set(asked.query) <= {"labels", "state", "per_page", "page"} or asked.query.get("state") != "all":
                return 422, {"message": "Validation Failed"}
            wanted = asked.query["labels"]
            return 200, [r for r in self.rows if wanted in [label["name"] for label in r["labels"]]]
        if not set(asked.body) <= {"title", "body", "labels"} or not isinstance(asked.body.get("title"), str):
            return 422, {"message": "Validation Failed"}
        row = {"title": asked.body["title"], "body": asked.body["body"], "html_url": "https://github.test/shop/7"}
        self.rows.append({**row, "labels": [{"name": label} for label in asked.body["labels"]]})
        return 201, self.rows[-1]

    def gitlab(self, asked: Asked) -> Reply:
        """GitLab's REST API, version 4."""
        if asked.headers.get("private-token") != self.token:
            return 401, {"message": "401 Unauthorized"}
        if unquote(asked.path) != "/api/v4/projects/team/sub/shop/issues" or "team%2Fsub%2Fshop" not in asked.path:
            return 404, {"message": "404 Project Not Found"}
        if asked.method == "GET":
            return 200, [row for row in self.rows if asked.query["labels"] in row["labels"]]
        if not set(asked.body) <= {"title", "description", "labels"} or not isinstance(asked.body["labels"], str):
            return 400, {"error": "labels is invalid"}
        row = {"title": asked.body["title"], "body": asked.body["description"], "web_url": "https://gitlab.test/shop/7"}
        self.rows.append({**row, "labels": asked.body["labels"].split(",")})
        return 201, self.rows[-1]

    def jira(self, asked: Asked) -> Reply:
        """Jira's REST API, version 2."""
        pair = base64.b64encode(f"robot@shop.example:{self.token}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}":
            return 401, {"errorMessages": ["You are not authenticated"]}
        if (asked.method, asked.path) == ("GET", "/rest/api/2/search"):
            found = re.fullmatch(r'project = "SHOP" AND labels = "([a-z0-9-]+)"', asked.query["jql"])
            if not found:
                return 400, {"errorMessages": ["Error in the JQL Query"]}
            rows = [] if self.search_lags else [r for r in self.rows if found[1] in r["fields"]["labels"]]
            return 200, {"startAt": 0, "total": len(rows), "issues": rows}
        if (asked.method, asked.path) != ("POST", "/rest/api/2/issue"):
            return 404, {}
        fields = asked.body["fields"]
        if set(fields) != {"project", "issuetype", "summary", "description", "labels"} or "\n" in fields["summary"]:
            return 400, {"errors": {"summary": "The summary is invalid"}}
        if fields["project"] != {"key": "SHOP"} or fields["issuetype"] != {"name": "Task"}:
            return 400, {"errors": {"project": "project is required"}}
        self.rows.append({"key": "SHOP-7", "fields": fields, "title": fields["summary"], "body": fields["description"]})
        return 201, {"id": "10007", "key": "SHOP-7"}

    def webhook(self, asked: Asked) -> Reply:
        """A door of somebody's own."""
        if asked.headers.get("authorization") != f"Bearer {self.token}" or asked.path != "/tickets":
            return 403, {}
        if asked.method != "POST" or set(asked.body) != {"title", "body", "mark", "labels"}:
            return 400, {}
        self.rows.append({**asked.body, "key": asked.headers["idempotency-key"]})
        return 202, {}


@dataclass
class Knob:
    """A setting of a service behind `GET` and `PUT /settings/limit`."""

    value: Any = 10
    token: str = ""
    effects: list[Any] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        """Read it or set it."""
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return 401, {"error": "who is it?"}
        if asked.path != "/settings/limit":
            return 404, {}
        if asked.method == "GET":
            return 200, {"value": self.value}
        if asked.method != "PUT" or set(asked.body) != {"value"}:
            return 400, {}
        self.value = asked.body["value"]
        self.effects.append((self.value, asked.headers["idempotency-key"]))
        return 200, {"value": self.value}
