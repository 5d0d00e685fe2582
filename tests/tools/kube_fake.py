"""A strict Kubernetes API over TLS on loopback, written from its specification, over the objects of `kube_store`.

It refuses unknown paths, parameters, media types and tokens, and whatever the role does not allow.
"""

import datetime
import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.tools.kube_store import Json, Objects, Wrong

PATCHES = frozenset(
    {"application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"}
)
QUERIES: Mapping[str, frozenset[str]] = {
    "get": frozenset(),
    "list": frozenset({"labelSelector", "fieldSelector", "limit", "continue", "resourceVersion"}),
    "patch": frozenset({"fieldManager", "fieldValidation", "dryRun", "force"}),
    "create": frozenset({"fieldManager", "fieldValidation", "dryRun"}),
}
GROUPS = {
    "/api/v1": ("pods", "nodes", "events"),
    "/apis/apps/v1": ("deployments", "statefulsets", "daemonsets", "replicasets"),
    "/apis/autoscaling/v2": ("horizontalpodautoscalers",),
}
PATH = re.compile(
    r"(/api/v1|/apis/[a-z]+/v\d)(?:/namespaces/([a-z0-9-]+))?/([a-z]+)(?:/([a-z0-9.-]+))?(?:/(eviction))?"
)


@dataclass
class Cluster:
    """The API. `role` is what the token may do, as verb and resource; `faults` answers a verb in its own way once."""

    token: str
    objects: Objects = field(default_factory=Objects)
    role: set[tuple[str, str]] = field(default_factory=set)
    faults: dict[str, str] = field(default_factory=dict)
    requests: list[Json] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def writes(self) -> list[Json]:
        """The requests that were no dry run and no read."""
        return [r for r in self.requests if r["verb"] in ("patch", "create") and "dryRun" not in r["query"]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that go away, or that do not trust the certificate, are part of the tests."""


@dataclass
class Running:
    """The server while it runs; `tls.crt` in the folder is what a caller has to trust."""

    cluster: Cluster
    folder: Path

    def __enter__(self) -> Self:
        certify(self.folder)
        self.server = _Server(self.cluster, self.folder)
        self.cluster.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.cluster.released.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: two would wait for each other

    def log_message(self, *words: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            code, value = self._route(raw)
        except Wrong as wrong:
            self.server.cluster.refused.append(f"{self.command} {self.path}: {wrong.message}")
            code, value = wrong.code, _status(wrong)
        except _CutError:
            return self.connection.shutdown(socket.SHUT_RDWR)
        return self._send(code, value)

    def _send(self, code: int, value: Json) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if code == 429:
            self.send_header("Retry-After", "10")
        self.end_headers()
        self.wfile.write(body)

    def _route(self, raw: bytes) -> tuple[int, Json]:
        cluster, parts = self.server.cluster, urlsplit(self.path)
        if self.headers.get("Authorization") != f"Bearer {cluster.token}":
            raise Wrong(401, "Unauthorized", "Unauthorized")
        found = PATH.fullmatch(parts.path)
        if not found or found[3] not in GROUPS.get(found[1], ()):
            raise Wrong(404, "NotFound", "the server could not find the requested resource")
        _group, namespace, resource, name, sub = found.groups()
        verb = {"GET": "get" if name else "list", "PATCH": "patch", "POST": "create"}.get(self.command, "")
        query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        cluster.requests.append({"verb": verb, "path": parts.path, "query": query, "body": raw.decode()})
        thing = f"{resource}/{sub}" if sub else resource
        if not verb or (sub and verb != "create") or (verb == "create" and not sub) or (verb == "patch" and not name):
            raise Wrong(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        if (verb, thing) not in cluster.role:
            raise Wrong(403, "Forbidden", f'{thing} is forbidden: User "nightshift" cannot {verb} resource "{thing}"')
        if odd := set(query) - QUERIES[verb]:
            raise Wrong(400, "BadRequest", f"unknown parameters {sorted(odd)}")
        if query.get("dryRun", "All") != "All" or query.get("fieldValidation", "Strict") not in (
            "Strict",
            "Warn",
            "Ignore",
        ):
            raise Wrong(422, "Invalid", "options: unsupported value")
        return self._do(verb, thing, namespace or "", name or "", query, raw)

    def _do(
        self, verb: str, thing: str, namespace: str, name: str, query: dict[str, str], raw: bytes
    ) -> tuple[int, Json]:
        cluster, dry = self.server.cluster, "dryRun" in query
        fault = "" if dry else cluster.faults.pop(verb, "")
        if fault.isdecimal():
            raise Wrong(int(fault), {"410": "Expired", "429": "TooManyRequests"}.get(fault, "InternalError"), "a fault")
        if fault == "cut_before":
            raise _CutError
        if verb == "get":
            return 200, cluster.objects.get(thing, namespace, name)
        if verb == "list":
            labels = dict(word.split("=", 1) for word in query.get("labelSelector", "").split(",") if word)
            return 200, {"kind": "List", "metadata": {}, "items": cluster.objects.select(thing, namespace, labels)}
        value = self._write(verb, thing, namespace, name, raw, dry=dry)
        if fault == "cut_after":
            raise _CutError
        if fault == "hang":
            cluster.released.wait(20)
        return value

    def _write(self, verb: str, thing: str, namespace: str, name: str, raw: bytes, *, dry: bool) -> tuple[int, Json]:
        objects, media = self.server.cluster.objects, self.headers.get("Content-Type", "")
        if verb == "patch":
            if media not in PATCHES:
                raise Wrong(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {media}")
            return 200, objects.patch(thing, namespace, name, media, _json(raw), dry=dry)
        body = _json(raw)
        if media != "application/json" or (body.get("apiVersion"), body.get("kind")) != ("policy/v1", "Eviction"):
            raise Wrong(400, "BadRequest", "no policy/v1 Eviction as JSON")
        if odd := set(body) - {"apiVersion", "kind", "metadata", "deleteOptions"}:
            raise Wrong(400, "BadRequest", f"strict decoding error: unknown field {sorted(odd)}")
        objects.evict(namespace, name, body, dry=dry)
        return 201, {"kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201}


class _CutError(Exception):
    """The connection ends here."""


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise Wrong(400, "BadRequest", "couldn't get version/kind; json parse error") from None


def _status(wrong: Wrong) -> Json:
    return {
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": wrong.message, "reason": wrong.reason,
        "code": wrong.code,
    }  # fmt: skip


def certify(folder: Path) -> None:
    """A certificate of our own for 127.0.0.1, as `tls.crt` and `tls.key`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a cluster on loopback")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "tls.key").write_bytes(private)
