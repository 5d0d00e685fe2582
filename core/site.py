"""The site: what the operator told us: services, targets, rules, endpoints, channels, policy, timings, limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.burst import AGGREGATION, STORM, BurstLimits
from core.cluster import Cluster
from core.command import Command
from core.flapping import CHANGES_MAX, WINDOW_S
from core.log_rule import LogRule
from core.machine import ContainerEngine, SshHost
from core.playbook import ActionType
from core.policy_rules import Policy
from core.resource import service_resource
from core.rule import Rule
from core.series import MetricQuery
from core.setting import Setting
from core.topology import Learning, Topology
from core.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its kind, and the questions whose answers say how it is. `traffic` is requests per second."""

    name: str
    kind: str = "service"
    depends_on: tuple[str, ...] = ()
    signals: Mapping[str, MetricQuery] = field(default_factory=dict)
    traffic: MetricQuery | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An address that the collector scrapes."""

    service: str
    instance: str
    url: str


class LogMode(StrEnum):
    """How a file grows: by lines for as long as it lives, or it is dropped whole."""

    FOLLOW = "follow"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class LogFile:
    """Log files of a service, looked at on demand (`pattern`, a glob inside its folder) or watched (`folder`).

    Of a watched folder and all below it, files with one of the `suffixes` (none: all) are read into the log store,
    but for those that a glob of `exclude` names. `settle_s` is the silence after which a file that is dropped whole,
    or a last line without an end, counts as written.
    """

    service: str
    pattern: str = ""
    folder: str = ""
    suffixes: tuple[str, ...] = (".log",)
    exclude: tuple[str, ...] = ()
    mode: LogMode = LogMode.FOLLOW
    settle_s: float = 5.0
    files_max: int = 2_000
    folders_max: int = 1_000
    backlog_bytes_max: int = 64 * 1024 * 1024

    @property
    def watch(self) -> str:
        """Names the watch of a folder; other settings may change while it goes on."""
        return f"{self.service} {self.folder}"


@dataclass(frozen=True, slots=True)
class LogStore:
    """How long lines are kept, and how many bytes of them: the oldest go first. Disk use is less: they compress."""

    retention_s: float = 7 * 86_400.0
    bytes_max: int = 2 * 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered address that one action type may call, for one service. The token comes from the environment.

    `probe_url` answers, read-only, whether a call with an idempotency key happened; `{key}` stands for it. `networks`
    are the private ones (`10.1.0.0/16`) in which the address may be; `allow_private` stands for all of them.
    """

    id: str
    action: ActionType
    service: str
    url: str
    method: str = "POST"
    token_env: str = ""
    probe_url: str = ""
    allow_restart: bool = False
    allow_private: bool = False
    networks: tuple[str, ...] = ()


CHAT_KINDS = ("telegram", "slack")
HEARING = {"telegram": ("polling", "webhook"), "slack": ("socket", "http")}
"""How people are heard, by kind: the first is the default, the second needs an address of ours and a secret."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Where people are told: `webhook` posts JSON, `log` writes to Nightshift's own log, `telegram` and `slack` are
    chats, where people also answer.

    `chat` is the platform's id of the chat. `token_env`, `app_token_env` (Slack's Socket Mode) and `secret_env` (what
    signs or accompanies posts to us) name environment variables. `mode` is how we hear: `polling` or `webhook` in
    Telegram, `socket` or `http` in Slack; the first is the default. `url` is the platform's API where it is not the
    usual one.
    """

    id: str
    kind: str = "log"
    url: str = ""
    token_env: str = ""
    chat: str = ""
    app_token_env: str = ""
    secret_env: str = ""
    mode: str = ""
    language: str = "en"

    @property
    def is_chat(self) -> bool:
        """Do people answer here?"""
        return self.kind in CHAT_KINDS


@dataclass(frozen=True, slots=True)
class Timings:
    """All in seconds. The defaults are for production; a demo shortens them and says so."""

    scrape_s: float = 15.0
    evaluate_s: float = 30.0
    logs_s: float = 1.0
    settle_s: float = 20.0
    resolve_after_s: float = 60.0
    reopen_s: float = 300.0
    approval_expires_s: float = 900.0
    lease_s: float = 60.0
    verify_every_s: float = 15.0
    change_lookback_s: float = 1800.0
    before_s: float = 900.0
    watch_s: float | None = None
    cooldown_s: float | None = None
    retention_s: float = 86_400.0
    quarantine_keep_s: float = 30 * 86_400.0
    idempotency_keep_s: float = 7 * 86_400.0
    rate_half_life_s: float = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is told as one: more alerts of a resource, incidents, or changes of an alert's state than this in a window.

    The windows are in seconds.
    """

    aggregate_alerts_max: int = AGGREGATION.count_max
    aggregate_window_s: float = AGGREGATION.window_s
    storm_incidents_max: int = STORM.count_max
    storm_window_s: float = STORM.window_s
    flap_changes_max: int = CHANGES_MAX
    flap_window_s: float = WINDOW_S

    @property
    def aggregation(self) -> BurstLimits:
        """When alerts of one resource become an aggregate."""
        return BurstLimits(self.aggregate_alerts_max, self.aggregate_window_s)

    @property
    def storm(self) -> BurstLimits:
        """When incidents become a storm."""
        return BurstLimits(self.storm_incidents_max, self.storm_window_s)


@dataclass(frozen=True, slots=True)
class Site:
    """Everything together. `version` is the row that it was read from; the policy version of an intent."""

    version: int = 0
    environment: str = "-"
    services: Mapping[str, Service] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    logs: tuple[LogFile, ...] = ()
    log_store: LogStore = LogStore()
    rules: tuple[Rule, ...] = ()
    log_rules: tuple[LogRule, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    hosts: tuple[SshHost, ...] = ()
    commands: tuple[Command, ...] = ()
    engines: tuple[ContainerEngine, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    settings: tuple[Setting, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    channels: tuple[Channel, ...] = (Channel("log"),)
    prometheus_url: str = ""
    policy: Policy = field(default_factory=Policy)
    timings: Timings = Timings()
    limits: Limits = Limits()
    learning: Learning = field(default_factory=Learning)

    @property
    def topology(self) -> Topology:
        """Who depends on whom, as it is written down; what labels told is no part of it."""
        return Topology({name: service.depends_on for name, service in self.services.items()})

    def service(self, name: str) -> Service:
        """A service by name; one that nobody described has no signals."""
        return self.services.get(name, Service(name))

    def endpoint(self, action: ActionType, service: str) -> Endpoint | None:
        """The registered endpoint of an action type for a service."""
        return next((e for e in self.endpoints if e.action is action and e.service == service), None)

    def endpoint_by_id(self, endpoint_id: str) -> Endpoint | None:
        """A registered endpoint by id."""
        return next((e for e in self.endpoints if e.id == endpoint_id), None)

    def channel(self, channel_id: str) -> Channel | None:
        """A channel by id."""
        return next((one for one in self.channels if one.id == channel_id), None)

    def resource(self, service: str) -> str:
        """The resource id of a service here."""
        return service_resource(self.environment, service)
