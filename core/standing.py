"""A standing approval: a named person lets one version of a playbook act unasked, within limits, until a day."""

from dataclasses import dataclass
from datetime import datetime

from core.playbook import Playbook
from core.policy_rules import AutoRule, Case, matches

EXPIRES_S_MAX = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class Record:
    """Outcomes of a playbook on one kind of trouble in one environment; `low` and `high` end the 95 % interval."""

    stable: int = 0
    tried: int = 0
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """The row, and how often it was used in the last hour."""

    id: str
    playbook_version: int
    person: str
    expires_at: datetime
    environments: tuple[str, ...] = ("*",)
    services: tuple[str, ...] = ("*",)
    actions_per_hour_max: int = 1
    used_last_hour: int = 0

    def fault(self, book: Playbook, case: Case, now: datetime) -> str:
        """Why it does not hold for this case now; empty where it does."""
        if now >= self.expires_at:
            return f"it expired at {self.expires_at.isoformat(timespec='minutes')}"
        if book.version != self.playbook_version:
            return f"it is for version {self.playbook_version}, the playbook is at {book.version}"
        if not matches(case.environment, self.environments):
            return f"it is not for the environment {case.environment}"
        if not matches(case.service, self.services):
            return f"it is not for {case.service}"
        if self.used_last_hour >= self.actions_per_hour_max:
            return f"it was used {self.used_last_hour} times in the last hour, its limit"
        return ""


def never_auto(book: Playbook) -> str:
    """Why a playbook is not of the kind that may act unasked; empty where it is."""
    if not book.acts:
        return "it does nothing that has to be asked for"
    if book.dry_run:
        return "it only says what it would do"
    if book.destructive or not (book.tier == 1 or book.reversible):
        return "only what restarts something or can be undone may act unasked"
    return f"{book.approvers} people must agree" if book.approvers > 1 else ""


def auto_fault(book: Playbook, approvers: int, record: Record, rule: AutoRule) -> str:
    """Why a playbook may not act unasked, whoever would stand for it; empty where it may."""
    if not rule.allowed:
        return "the policy does not allow it"
    if fault := never_auto(book):
        return fault
    if approvers > 1:
        return f"{approvers} people must agree"
    if record.stable < rule.stable_min:
        return f"it helped {record.stable} times here, at least {rule.stable_min} are needed"
    if record.low < rule.rate_min:
        return f"it helped {record.stable} of {record.tried} times, which may be as low as {record.low * 100:.0f} %"
    return ""
