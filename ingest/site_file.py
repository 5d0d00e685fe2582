"""The site file: YAML in, a validated `Site` out; the checked body is what is stored as a version."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from core.errors import BadConfiguration
from core.site import Site
from ingest.form import read_form

FILE_BYTES_MAX = 1024 * 1024


def load_site_file(path: Path) -> dict[str, Any]:
    """Read and check a site file; its body as plain data. Raises BadConfiguration with file, line or key."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path}: cannot be read ({error}); check NIGHTSHIFT_CONFIG") from error
    if len(text) > FILE_BYTES_MAX:
        raise BadConfiguration(f"{path}: larger than 1 MiB")
    try:
        body = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BadConfiguration(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    read_site(body, 0, str(path))
    return dict(body)


def read_site(body: Mapping[str, Any], version: int, place: str = "site") -> Site:
    """A `Site` from its stored body."""
    if not isinstance(body, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping at the top")
    services = body.get("services")
    named = {name: {"name": name, **(s or {})} for name, s in services.items()} if isinstance(services, Mapping) else {}
    for name, service in named.items():
        _aim(service, name)
    site: Site = read_form(Site, {**body, "services": named, "version": version}, place)
    _check_references(site, place)
    return site


def _aim(service: dict[str, Any], name: str) -> None:
    """A service's own questions are about that service unless they say otherwise."""
    queries = [*(service.get("signals") or {}).values(), service.get("traffic")]
    for query in queries:
        if isinstance(query, dict):
            query.setdefault("matchers", {"service": name})


def _check_references(site: Site, place: str) -> None:
    known = set(site.services)
    for label, names in (
        ("targets", [t.service for t in site.targets]),
        ("logs", [log.service for log in site.logs]),
        ("endpoints", [e.service for e in site.endpoints]),
        ("services", [d for s in site.services.values() for d in s.depends_on]),
    ):
        if unknown := [name for name in names if name not in known]:
            raise BadConfiguration(f"{place}: {label} name the service {unknown[0]!r}, which is not under services")
    for label, ids in (("endpoints", [e.id for e in site.endpoints]), ("channels", [c.id for c in site.channels])):
        if len(ids) != len(set(ids)):
            raise BadConfiguration(f"{place}: two {label} have the same id")
    for endpoint in site.endpoints:
        if endpoint.method not in ("POST", "PUT", "PATCH"):
            raise BadConfiguration(f"{place}: endpoint {endpoint.id}: the method must be POST, PUT or PATCH")
