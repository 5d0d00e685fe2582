"""What the hands of a site must hold to: every reference leads somewhere, and nothing is left open by accident."""

import re
from collections.abc import Iterable
from ipaddress import ip_network
from urllib.parse import urlsplit

from core.cluster import Cluster
from core.command import DIAGNOSTICS
from core.errors import BadConfiguration
from core.kube_object import is_name
from core.machine import ContainerEngine, SshHost
from core.setting import Setting, SettingKind
from core.site import Endpoint, Site
from core.tracker import Tracker, TrackerKind

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}", re.ASCII)
HOST_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,}={0,2}( .*)?", re.ASCII)
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}", re.ASCII)
HAND_PREFIXES = ("docker:", "host:", "k8s:", "setting:", "tracker:")


def check_reach(site: Site, place: str) -> None:
    """Raise BadConfiguration at the first thing that is wrong with hosts, commands, engines, clusters and the rest."""
    for label, ids in (
        ("hosts", [h.id for h in site.hosts]),
        ("engines", [e.id for e in site.engines]),
        ("clusters", [c.id for c in site.clusters]),
        ("settings", [s.id for s in site.settings]),
        ("trackers", [t.id for t in site.trackers]),
        ("commands", [c.id for c in (*DIAGNOSTICS, *site.commands)]),
    ):
        _ids(ids, f"{place}.{label}")
    for n, endpoint in enumerate(site.endpoints):
        _endpoint(endpoint, f"{place}.endpoints[{n}]")
    for n, host in enumerate(site.hosts):
        _host(site, host, f"{place}.hosts[{n}]")
    for n, command in enumerate(site.commands):
        here = f"{place}.commands[{n}]"
        if fault := command.fault():
            raise BadConfiguration(f"{here}: {fault}")
        _known(command.hosts, [h.id for h in site.hosts], f"{here}.hosts")
    for n, engine in enumerate(site.engines):
        _engine(site, engine, f"{place}.engines[{n}]")
    for n, cluster in enumerate(site.clusters):
        _cluster(site, cluster, f"{place}.clusters[{n}]")
    for n, setting in enumerate(site.settings):
        _setting(site, setting, f"{place}.settings[{n}]")
    for n, tracker in enumerate(site.trackers):
        _tracker(site, tracker, f"{place}.trackers[{n}]")


def _ids(ids: list[str], place: str) -> None:
    if (bad := next((text for text in ids if not NAME.fullmatch(text)), None)) is not None:
        raise BadConfiguration(f"{place}: the id {bad!r} has other characters than letters, digits, dot, dash")
    if (twice := next((text for text in ids if ids.count(text) > 1), None)) is not None:
        raise BadConfiguration(f"{place}: the id {twice!r} is there twice")


def _known(names: Iterable[str], known: Iterable[str], place: str) -> None:
    there = set(known)
    if (unknown := next((name for name in names if name not in there), None)) is not None:
        raise BadConfiguration(f"{place}: {unknown!r} is not registered; known: {', '.join(sorted(there)) or 'none'}")


def _secret(file: str, variable: str, place: str, *, needed: bool) -> None:
    """A secret stays outside: a file by its whole path, or a variable by its name."""
    if bool(file) and bool(variable):
        raise BadConfiguration(f"{place}: name either a file or a variable for the secret, not both")
    if needed and not (file or variable):
        raise BadConfiguration(f"{place}: the secret is missing: name its file or its environment variable")
    if file and not file.startswith("/"):
        raise BadConfiguration(f"{place}: {file!r} must be an absolute path to the file with the secret")
    if variable and not VARIABLE.fullmatch(variable):
        raise BadConfiguration(f"{place}: this names no environment variable; a secret itself never stands here")


def _url(url: str, place: str, *, https: bool = False) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadConfiguration(f"{place}: {url!r} is not an address: {error}") from error
    if parts.username is not None or parts.password is not None:
        raise BadConfiguration(f"{place}: an address with a name or password in it; a secret never stands here")
    if parts.scheme not in ("https",) if https else parts.scheme not in ("http", "https"):
        raise BadConfiguration(f"{place}: {url!r} does not begin with {'https' if https else 'http or https'}")
    if not parts.hostname or port == 0 or parts.fragment:
        raise BadConfiguration(f"{place}: {url!r} needs a host, a real port, and no fragment")


def _networks(networks: Iterable[str], place: str) -> None:
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise BadConfiguration(f"{place}.networks: {network!r} is not a network such as 10.1.0.0/16") from error


def _endpoint(endpoint: Endpoint, place: str) -> None:
    _networks(endpoint.networks, place)
    if endpoint.id.startswith(HAND_PREFIXES):
        raise BadConfiguration(f"{place}.id: {endpoint.id!r} begins like the id of something else")
    _url(endpoint.url, f"{place}.url")
    if endpoint.probe_url:
        _url(endpoint.probe_url, f"{place}.probe_url")
    _secret("", endpoint.token_env, f"{place}.token_env", needed=False)


def _host(site: Site, host: SshHost, place: str) -> None:
    if not HOST_NAME.fullmatch(host.address):
        raise BadConfiguration(f"{place}.address: {host.address!r} is not a host name or address")
    if not 0 < host.port < 65_536:
        raise BadConfiguration(f"{place}.port: {host.port} is not a port")
    if not NAME.fullmatch(host.user):
        raise BadConfiguration(f"{place}.user: {host.user!r} is not an account's name")
    if not host.host_keys:
        raise BadConfiguration(f"{place}.host_keys: none is pinned; print them on the host: cat /etc/ssh/*key.pub")
    if (bad := next((key for key in host.host_keys if not HOST_KEY.fullmatch(key)), None)) is not None:
        raise BadConfiguration(f"{place}.host_keys: {bad[:40]!r} is not a public key such as 'ssh-ed25519 AAAA...'")
    _secret(host.key_file, host.key_env, f"{place}.key_file", needed=True)
    _known(host.services, site.services, f"{place}.services")
    if host.jump:
        _known([host.jump], [h.id for h in site.hosts if h.id != host.id], f"{place}.jump")
        if any(other.id == host.jump and other.jump for other in site.hosts):
            raise BadConfiguration(f"{place}.jump: {host.jump!r} has a jump host itself; one jump is the most")


def _engine(site: Site, engine: ContainerEngine, place: str) -> None:
    if bool(engine.socket) == bool(engine.host):
        raise BadConfiguration(f"{place}: either a socket of this machine or the id of a host, one of the two")
    if engine.socket and not engine.socket.startswith("/"):
        raise BadConfiguration(f"{place}.socket: {engine.socket!r} must be an absolute path")
    if engine.host:
        _known([engine.host], [h.id for h in site.hosts], f"{place}.host")
    _ids([c.name for c in engine.containers], f"{place}.containers")
    _known([c.service for c in engine.containers], site.services, f"{place}.containers")


def _cluster(site: Site, cluster: Cluster, place: str) -> None:
    _url(cluster.url, f"{place}.url", https=True)
    _secret(cluster.token_file, cluster.token_env, f"{place}.token_file", needed=True)
    _known([w.service for w in cluster.workloads], site.services, f"{place}.workloads")
    _known([n.service for n in cluster.nodes], site.services, f"{place}.nodes")
    _known([w.namespace for w in cluster.workloads], cluster.namespaces, f"{place}.workloads: the namespace")
    names = [*cluster.namespaces, *(w.name for w in cluster.workloads), *(n.name for n in cluster.nodes)]
    if (bad := next((name for name in names if not is_name(name)), None)) is not None:
        raise BadConfiguration(f"{place}: {bad!r} is not a Kubernetes name")
    for n, workload in enumerate(cluster.workloads):
        if not 0 < workload.replicas_least <= workload.replicas_max:
            raise BadConfiguration(f"{place}.workloads[{n}]: replicas_least is from 1 up to replicas_max")


def _setting(site: Site, setting: Setting, place: str) -> None:
    _networks(setting.networks, place)
    _known([setting.service], site.services, f"{place}.service")
    _url(setting.url, f"{place}.url")
    _secret("", setting.token_env, f"{place}.token_env", needed=False)
    if setting.method not in ("POST", "PUT", "PATCH"):
        raise BadConfiguration(f"{place}.method: must be POST, PUT or PATCH")
    if setting.kind is SettingKind.CHOICE and not setting.choices:
        raise BadConfiguration(f"{place}.choices: a choice needs at least one")
    if setting.kind is SettingKind.INTEGER and setting.minimum >= setting.maximum:
        raise BadConfiguration(f"{place}: minimum must be less than maximum")


def _tracker(site: Site, tracker: Tracker, place: str) -> None:
    _networks(tracker.networks, place)
    _known(tracker.services, site.services, f"{place}.services")
    _url(tracker.url, f"{place}.url")
    webhook = tracker.kind is TrackerKind.WEBHOOK
    _secret(tracker.token_file, tracker.token_env, f"{place}.token_file", needed=not webhook)
    if bool(tracker.user) != (tracker.kind is TrackerKind.JIRA):
        raise BadConfiguration(f"{place}.user: Jira needs the account's address, the others need none")
    shape = r"[\w.-]+/[\w.-]+" if tracker.kind is TrackerKind.GITHUB else r"[\w.-]+(/[\w.-]+)*"
    if webhook and tracker.project:
        raise BadConfiguration(f"{place}.project: a webhook has none")
    if not webhook and not re.fullmatch(shape, tracker.project, re.ASCII):
        raise BadConfiguration(f"{place}.project: {tracker.project!r} is not a project of {tracker.kind}")
