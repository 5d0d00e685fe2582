"""What the gate looks at: the wish, and the facts that were read at the moment of the decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.alert import AlertClass
from core.intent import Intent
from core.playbook import Playbook
from core.policy_rules import Case, Policy
from core.standing import Record, Standing


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the gate looks at, read at the moment of decision.

    `last_attempt_at`, `attempts` and `failures` count committed tries; `allowed` holds the inventory's values for each
    kind of parameter; `available` the action types that something here can carry out; `also_touched` what stands behind
    the resource that is named: its service, its host; `asked_by_person` is true where somebody, and no thread, asked.
    """

    now: datetime
    policy: Policy = field(default_factory=Policy)
    service: str = ""
    environment: str = ""
    alert_class: AlertClass = AlertClass.OTHER
    kill_switch: bool = False
    observe_only: bool = False
    maintenance_until: datetime | None = None
    incident_over: bool = False
    incident_resources: frozenset[str] = frozenset()
    available: frozenset[str] = frozenset()
    also_touched: tuple[str, ...] = ()
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    endpoint_known: bool = False
    target_fault: str = ""
    open_execution_id: str = ""
    cascade: str = ""
    attempts_in_incident: int = 0
    last_attempt_at: datetime | None = None
    failures: tuple[datetime, ...] = ()
    actions_last_hour: int = 0
    service_actions_last_hour: int = 0
    record: Record = field(default_factory=Record)
    standing: tuple[Standing, ...] = ()
    asked_by_person: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """What somebody wants done. `playbook` is None where the named one does not exist."""

    intent: Intent
    playbook: Playbook | None

    @property
    def touches(self) -> bool:
        """Would it change anything that runs? A playbook that nobody knows might, and another action than its own."""
        book = self.playbook
        return book is None or book.touches or self.intent.action != book.action

    def case(self, facts: Facts) -> Case:
        """What the rules of the policy are compared with; an unknown playbook counts as a change."""
        tier = self.playbook.tier if self.playbook else 3
        intent = self.intent
        return Case(intent.playbook_id, intent.action, tier, intent.resource_id, facts.service, facts.environment)
