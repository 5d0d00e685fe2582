"""A site from plain data, checked: every reference has to lead somewhere."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.errors import BadConfiguration, BadInput
from core.form import read_form
from core.log_rule import WINDOW_S_MAX, part_pattern
from core.policy_form import checked as check_policy
from core.reach_form import check_reach
from core.site import HEARING, Site
from core.topology import Learning


def read_site(body: Mapping[str, Any], version: int, place: str = "site") -> Site:
    """A `Site` from its stored body."""
    if not isinstance(body, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping at the top")
    services = _services(body.get("services"), f"{place}.services")
    values = {name: value for name, value in body.items() if name != "topology"}
    site: Site = read_form(Site, {**values, "services": services, "version": version}, place)
    if body.get("topology") is not None:
        site = replace(site, learning=read_form(Learning, body["topology"], f"{place}.topology"))
    _check_references(site, place)
    check_policy(site.policy, f"{place}.policy")
    return site


def _services(given: Any, place: str) -> dict[str, Any]:
    """The services with their names put in, as new mappings: what the caller gave stays as it was."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping of names to services, got {type(given).__name__}")
    return {str(name): _service(str(name), body, f"{place}.{name}") for name, body in given.items()}


def _service(name: str, given: Any, place: str) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping, got {type(given).__name__}")
    body = {"name": name, **(given or {})}
    if body["name"] != name:
        raise BadConfiguration(f"{place}.name: {body['name']!r} is not the name under services, {name!r}")
    if isinstance(signals := body.get("signals"), Mapping):
        body["signals"] = {key: _aimed(query, name) for key, query in signals.items()}
    if "traffic" in body:
        body["traffic"] = _aimed(body["traffic"], name)
    return body


def _aimed(query: Any, name: str) -> Any:
    """A service's own questions are about that service unless they say otherwise."""
    return {"matchers": {"service": name}, **query} if isinstance(query, Mapping) else query


def _check_references(site: Site, place: str) -> None:
    known = set(site.services)
    for label, names in (
        ("targets", [t.service for t in site.targets]),
        ("logs", [log.service for log in site.logs]),
        ("log_rules", [rule.service for rule in site.log_rules]),
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
    _check_logs(site, place)
    _check_chats(site, place)
    check_reach(site, place)


def _check_chats(site: Site, place: str) -> None:
    chats: dict[tuple[str, ...], str] = {}
    for channel in site.channels:
        if not channel.is_chat:
            continue
        here = f"{place}: channel {channel.id}"
        if not channel.chat or not channel.token_env:
            raise BadConfiguration(f"{here}: {channel.kind} needs chat, its id there, and token_env, a variable's name")
        modes = HEARING[channel.kind]
        if channel.mode not in ("", *modes):
            raise BadConfiguration(f"{here}: the mode of {channel.kind} is {' or '.join(modes)}")
        if channel.mode == modes[1] and not channel.secret_env:
            raise BadConfiguration(
                f"{here}: mode {channel.mode} needs secret_env, which names the variable of its secret"
            )
        other = chats.setdefault((channel.kind, channel.chat, channel.token_env, channel.url), channel.id)
        if other != channel.id:
            raise BadConfiguration(
                f"{here} is the same chat as {other}: leave one out, or everything is said there twice"
            )


def _check_logs(site: Site, place: str) -> None:
    watches: set[str] = set()
    for n, log in enumerate(site.logs):
        here = f"{place}.logs[{n}]"
        if bool(log.pattern) == bool(log.folder):
            raise BadConfiguration(f"{here}: either a pattern (looked at on demand) or a folder (watched)")
        if log.folder and (not log.folder.startswith("/") or ".." in log.folder.split("/")):
            raise BadConfiguration(f"{here}.folder: {log.folder!r} must be an absolute path without '..'")
        if log.folder and log.watch in watches:
            raise BadConfiguration(f"{here}: the folder {log.folder!r} is watched twice for {log.service!r}")
        watches.add(log.watch)
    watched = {log.service for log in site.logs if log.folder}
    for n, rule in enumerate(site.log_rules):
        here = f"{place}.log_rules[{n}]"
        if rule.service not in watched:
            raise BadConfiguration(f"{here}: no folder is watched for {rule.service!r}; add one under logs")
        if not 0 < rule.window_s <= WINDOW_S_MAX:
            raise BadConfiguration(f"{here}.window_s: {rule.window_s!r} is not above 0 and at most {WINDOW_S_MAX:.0f}")
        try:
            part_pattern(rule.pattern)
        except BadInput as error:
            raise BadConfiguration(f"{here}.pattern: {error.detail}") from error
