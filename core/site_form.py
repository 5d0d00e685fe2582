"""A site from plain data, checked: every reference has to lead somewhere."""

from collections.abc import Mapping
from typing import Any

from core.errors import BadConfiguration
from core.form import read_form
from core.site import Site


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
