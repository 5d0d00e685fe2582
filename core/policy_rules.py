"""What the operator allows: the policy as it is written, before it meets a case."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from core.alert import AlertClass
from core.breaker import Breaker
from core.decision import ROLES
from core.maintenance import Repeat, Window, open_until

# What keeps state: by product, or by `db` as a word of its own (`host:db-1`, `pod/orders-db-0`), never inside another.
PROTECTED_BY_DEFAULT = (
    "*database*", "*postgres*", "*mysql*", "*mariadb*", "*mongo*", "*redis*", "*kafka*", "*etcd*", "*cassandra*",
    "*elasticsearch*", "*opensearch*", "*zookeeper*", "*vault*", "*[-_/:.]db", "*[-_/:.]db[-_/:.0-9]*",
)  # fmt: skip
HANDS_OFF_BY_DEFAULT = frozenset({AlertClass.DATABASE, AlertClass.DNS})
LONG_AGO = "1970-01-01"
EVERYTHING = ("*",)
TIERS = (1, 2, 3)


class Weekday(StrEnum):
    """A day as people write it."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class ApproverRole(StrEnum):
    """Who has to agree; each may also do what those before it may."""

    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule of the policy is compared with."""

    playbook: str
    action: str
    tier: int
    resource: str
    service: str
    environment: str


def matches(value: str, globs: Iterable[str]) -> str:
    """The first glob that a value matches, whatever the case of its letters; empty where none does."""
    return next((glob for glob in globs if fnmatchcase(value.lower(), glob.lower())), "")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may act at all, where an allow-list is written: every glob list must match."""

    playbooks: tuple[str, ...] = EVERYTHING
    actions: tuple[str, ...] = EVERYTHING
    resources: tuple[str, ...] = EVERYTHING
    services: tuple[str, ...] = EVERYTHING
    environments: tuple[str, ...] = EVERYTHING

    def covers(self, case: Case) -> bool:
        """Is this case inside it?"""
        pairs = (
            (case.playbook, self.playbooks), (case.action, self.actions), (case.resource, self.resources),
            (case.service, self.services), (case.environment, self.environments),
        )  # fmt: skip
        return all(matches(value, globs) for value, globs in pairs)


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing of these tiers acts: from `at` (`18:00` in `zone`) for `for_s` seconds, on these days of
    the week (none: every day), from `first_day` to `last_day` (ISO dates, both included; empty: without end)."""

    id: str
    title: str = ""
    zone: str = "UTC"
    at: str = "00:00"
    for_s: float = 86_400.0
    days: tuple[Weekday, ...] = ()
    first_day: str = ""
    last_day: str = ""
    services: tuple[str, ...] = EVERYTHING
    environments: tuple[str, ...] = EVERYTHING
    tiers: tuple[int, ...] = TIERS

    def until(self, case: Case, now: datetime) -> datetime | None:
        """When the occurrence that holds this case now ends; None where none does."""
        if case.tier not in self.tiers or not matches(case.service, self.services):
            return None
        return open_until(self.window(), now) if matches(case.environment, self.environments) else None

    def window(self) -> Window:
        """The same as a window of the calendar. Raises ValueError for a wrong time, day or zone."""
        zone, at = ZoneInfo(self.zone), time.fromisoformat(self.at)
        first = datetime.combine(date.fromisoformat(self.first_day or LONG_AGO), at, tzinfo=zone)
        # Whatever begins on the last day still counts, so it ends with the last moment of that day.
        last = date.fromisoformat(self.last_day) if self.last_day else None
        end = datetime.combine(last, time.max, tzinfo=zone) if last else None
        repeat = Repeat.WEEKLY if self.days else Repeat.DAILY
        numbers = tuple(list(Weekday).index(day) for day in self.days)
        return Window(self.id, (), first, self.for_s, repeat, self.zone, numbers, end, self.title)


@dataclass(frozen=True, slots=True)
class ApproverRule:
    """How many people of which role must agree to what it matches; of several that match, the strictest counts."""

    approvers: int = 2
    role: ApproverRole = ApproverRole.APPROVER
    tiers: tuple[int, ...] = TIERS
    playbooks: tuple[str, ...] = EVERYTHING
    services: tuple[str, ...] = EVERYTHING
    environments: tuple[str, ...] = EVERYTHING

    def covers(self, case: Case) -> bool:
        """Is this case meant?"""
        pairs = (
            (case.playbook, self.playbooks), (case.service, self.services), (case.environment, self.environments),
        )  # fmt: skip
        return case.tier in self.tiers and all(matches(value, globs) for value, globs in pairs)


@dataclass(frozen=True, slots=True)
class AutoRule:
    """When a person's standing approval may stand for an approval: `stable_min` good outcomes of this action on this
    kind of trouble here, and the cautious end of their interval at least `rate_min`."""

    allowed: bool = True
    stable_min: int = 5
    rate_min: float = 0.5


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows beyond the playbooks.

    `hopeless_below`: a playbook whose interval ends lower than this is not proposed any more (0 turns that off); a
    breaker of 0 failures never opens; `requester_may_approve`: may who asked for a restart or for capacity approve it.
    """

    protected: tuple[str, ...] = PROTECTED_BY_DEFAULT
    allow: tuple[Allowance, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    hands_off: frozenset[AlertClass] = HANDS_OFF_BY_DEFAULT
    approvals: tuple[ApproverRule, ...] = ()
    requester_may_approve: bool = True
    actions_per_hour_max: int = 20
    service_actions_per_hour_max: int | None = None
    attempts_max: int = 3
    breaker: Breaker = field(default_factory=Breaker)
    hopeless_below: float = 0.3
    auto: AutoRule = field(default_factory=AutoRule)

    @property
    def of_a_service_max(self) -> int:
        """Actions per hour on one service; where nothing is said, half of all."""
        given = self.service_actions_per_hour_max
        return max(1, self.actions_per_hour_max // 2) if given is None else given

    def frozen(self, case: Case, now: datetime) -> tuple[Freeze, datetime] | None:
        """The freeze that holds a case longest, and until when."""
        open_now = [(until, freeze.id, freeze) for freeze in self.freezes if (until := freeze.until(case, now))]
        if not open_now:
            return None
        until, _, freeze = max(open_now, key=lambda one: one[:2])
        return freeze, until

    def who_agrees(self, case: Case, approvers_min: int) -> tuple[int, str]:
        """How many people, and which role, must agree to a case that needs at least `approvers_min`."""
        asked = [rule for rule in self.approvals if rule.covers(case)]
        approvers = max([approvers_min, *(rule.approvers for rule in asked)])
        return approvers, max([ROLES[0], *(str(rule.role) for rule in asked)], key=ROLES.index)
