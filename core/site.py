"""The site: what the operator told us about services, targets, rules, endpoints, channels, policy and timings."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.playbook import ActionType
from core.policy import PROTECTED_BY_DEFAULT
from core.resource import service_resource
from core.rule import Rule
from core.series import MetricQuery
from core.topology import Topology


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


@dataclass(frozen=True, slots=True)
class LogFile:
    """Log files of a service; `pattern` is a glob inside its folder."""

    service: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A registered address that one action type may call, for one service. The token comes from the environment.

    `probe_url` answers, read-only, whether a call with an idempotency key happened; `{key}` stands for it.
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


@dataclass(frozen=True, slots=True)
class Channel:
    """Where people are told; `webhook` posts JSON, `log` writes to Nightshift's own log."""

    id: str
    kind: str = "log"
    url: str = ""
    token_env: str = ""


@dataclass(frozen=True, slots=True)
class Timings:
    """All in seconds. The defaults are for production; a demo shortens them and says so."""

    scrape_s: float = 15.0
    evaluate_s: float = 30.0
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


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows beyond the playbooks."""

    protected: tuple[str, ...] = PROTECTED_BY_DEFAULT
    actions_per_hour_max: int = 20
    attempts_max: int = 3


@dataclass(frozen=True, slots=True)
class Site:
    """Everything together. `version` is the row that it was read from; the policy version of an intent."""

    version: int = 0
    environment: str = "-"
    services: Mapping[str, Service] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    logs: tuple[LogFile, ...] = ()
    rules: tuple[Rule, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    channels: tuple[Channel, ...] = (Channel("log"),)
    prometheus_url: str = ""
    policy: Policy = Policy()
    timings: Timings = Timings()

    @property
    def topology(self) -> Topology:
        """Who depends on whom."""
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

    def resource(self, service: str) -> str:
        """The resource id of a service here."""
        return service_resource(self.environment, service)
