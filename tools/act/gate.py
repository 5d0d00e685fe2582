"""Reading the facts that the policy decides on, at the moment of the decision."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from core.intent import Intent
from core.maintenance import Maintenance, in_maintenance
from core.notice_rule import NoticeKind, window_of
from core.playbook import ActionType, Playbook
from core.policy import Facts
from core.regrouping import OVER
from core.site import Site
from store import executions, firing, incidents, notice_rules
from store.pool import Connection, now
from store.site import switch_is_on
from tools.act.inventory import Inventory

KILL_SWITCH = "kill"
FIRING_MAX = 10_000


async def read_facts(
    conn: Connection, inventory: Inventory, intent: Intent, *, except_execution: UUID | None = None
) -> Facts:
    """Everything the guardrails look at; `except_execution` is the one that is being claimed itself."""
    tries = await executions.attempts(conn, UUID(intent.incident_id), intent.playbook_id, intent.resource_id)
    blocking = await executions.open_on(conn, intent.resource_id)
    if blocking and blocking["id"] == except_execution:
        blocking = None
    service = str(intent.parameters.get("service", ""))
    moment = await now(conn)
    incident = await incidents.get(conn, UUID(intent.incident_id))
    maintenance = await maintenance_of(conn, UUID(intent.incident_id), moment)
    return Facts(
        now=moment,
        maintenance_until=maintenance.until if maintenance else None,
        incident_over=incident["state"] in OVER,
        kill_switch=await switch_is_on(conn, KILL_SWITCH),
        protected=inventory.site.policy.protected,
        incident_resources=inventory.resources(),
        allowed=inventory.allowed(service),
        endpoint_known=_endpoint_known(inventory.site, intent),
        open_execution_id=str(blocking["id"]) if blocking else "",
        attempts_in_incident=tries["in_incident"],
        last_attempt_at=tries["last_at"],
        actions_last_hour=tries["last_hour"],
        actions_per_hour_max=inventory.site.policy.actions_per_hour_max,
    )


async def maintenance_of(conn: Connection, incident_id: UUID, moment: datetime) -> Maintenance | None:
    """The maintenance that any firing alert of an incident is in; None where there is none."""
    windows = [window_of(row) for row in await notice_rules.in_force(conn, [NoticeKind.WINDOW])]
    if not windows:
        return None
    alerts = await firing.of_incident(conn, incident_id, rows_max=FIRING_MAX)
    return next((found for alert in alerts if (found := in_maintenance(alert.labels, windows, moment))), None)


def with_timings(playbook: Playbook, site: Site) -> Playbook:
    """A playbook with the site's own cooldown and watch window, where the site sets them."""
    timings = site.timings
    cooldown = playbook.cooldown_s if timings.cooldown_s is None else timings.cooldown_s
    watch = playbook.watch_s if timings.watch_s is None else timings.watch_s
    return replace(playbook, cooldown_s=cooldown, watch_s=watch)


def _endpoint_known(site: Site, intent: Intent) -> bool:
    endpoint = site.endpoint_by_id(intent.endpoint_id)
    if endpoint is None:
        return False
    return endpoint.allow_restart or endpoint.action is not ActionType.RESTART_INSTANCE
