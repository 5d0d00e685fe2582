"""Reading the facts that the policy decides on, at the moment of the decision."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from core.cascade import MAY_DO_HARM, Alarm, Cascade, Heal
from core.hand import hand_by_id
from core.incident import signature_class
from core.intent import Intent
from core.maintenance import Maintenance, in_maintenance
from core.notice_rule import NoticeKind, window_of
from core.playbook import ActionType, Playbook
from core.policy import Facts
from core.rates import Outcome, track_record
from core.regrouping import OVER
from core.site import Site
from core.standing import Record, Standing
from store import executions, firing, incidents, notice_rules, standing
from store import gate as past
from store.pool import Connection, Row, now
from store.site import switch_is_on
from tools.act.hands import ACTUATORS
from tools.act.inventory import Inventory
from tools.act.sight import target_fault

KILL_SWITCH = "kill"
OBSERVE_ONLY = "observe_only"
FIRING_MAX = 10_000


async def read_facts(
    conn: Connection,
    inventory: Inventory,
    intent: Intent,
    *,
    except_execution: UUID | None = None,
    asked_by_person: bool = False,
) -> Facts:
    """Everything the guardrails look at; `except_execution` is the one that is being claimed itself."""
    site, moment = inventory.site, await now(conn)
    incident = await incidents.get(conn, UUID(intent.incident_id))
    service = str(intent.parameters.get("service") or incident["service"])
    tries = await executions.attempts(conn, incident["id"], intent.playbook_id, intent.resource_id)
    maintenance = await maintenance_of(conn, incident["id"], moment)
    counts = await past.counts(
        conn, playbook=intent.playbook_id, action=intent.action, service=service,
        signature=incident["signature"], environment=incident["environment"],
    )  # fmt: skip
    failures = await past.failures(conn, intent.playbook_id, window_s=site.policy.breaker.window_s)
    return Facts(
        now=moment,
        policy=site.policy,
        service=service,
        environment=incident["environment"],
        alert_class=signature_class(incident["signature"]),
        kill_switch=await switch_is_on(conn, KILL_SWITCH),
        observe_only=await switch_is_on(conn, OBSERVE_ONLY),
        maintenance_until=maintenance.until if maintenance else None,
        incident_over=incident["state"] in OVER,
        incident_resources=inventory.resources(),
        available=frozenset(map(str, ACTUATORS)),
        also_touched=_behind(site, intent, service),
        allowed=inventory.allowed(service),
        endpoint_known=endpoint_known(site, intent),
        target_fault=target_fault(site, intent, inventory.sights),
        open_execution_id=await _blocking(conn, intent, except_execution),
        cascade=await cascade_of(conn, site, incident, except_execution),
        attempts_in_incident=tries["in_incident"],
        last_attempt_at=tries["last_at"],
        failures=tuple(row["at"] for row in failures),
        actions_last_hour=tries["last_hour"],
        service_actions_last_hour=counts["service_last_hour"],
        record=_record(counts["outcomes"]),
        standing=tuple(_standing(row) for row in await standing.live(conn, intent.playbook_id)),
        asked_by_person=asked_by_person,
    )


def _behind(site: Site, intent: Intent, service: str) -> tuple[str, ...]:
    """What the action touches besides the resource that it names: the registered thing, and the services of both."""
    hand = hand_by_id(site, intent.action, intent.endpoint_id)
    places = [site.resource(service)] + ([hand.resource_id, site.resource(hand.service or service)] if hand else [])
    return tuple(dict.fromkeys(place for place in places if place))


async def _blocking(conn: Connection, intent: Intent, except_execution: UUID | None) -> str:
    row = await executions.open_on(conn, intent.resource_id)
    return str(row["id"]) if row and row["id"] != except_execution else ""


async def cascade_of(conn: Connection, site: Site, incident: Row, except_execution: UUID | None = None) -> str:
    """What to tell people where services of this incident began to alarm next door to a heal that is still watched.

    The trouble may be an incident of its own, have joined the one that is being healed, or be one that opened again.
    """
    for row in await past.watched(conn, incident["environment"], sorted(MAY_DO_HARM)):
        near = sorted(site.topology.neighbours(row["service"]))
        if row["id"] == except_execution or not near:
            continue
        since = await past.alarmed_since(conn, incident["id"], near, row["acted_at"])
        if since:
            heal = Heal(str(row["id"]), str(row["incident_id"]), row["service"], row["acted_at"], row["state"])
            return Cascade(heal, Alarm(str(incident["id"]), since[0]["service"], since[0]["began_at"])).words()
    return ""


def _record(outcomes: Sequence[str]) -> Record:
    known = track_record(Outcome(outcome) for outcome in outcomes)
    return Record(known.helped, known.tried, *known.interval)


def _standing(row: Row) -> Standing:
    return Standing(
        str(row["id"]), row["playbook_version"], row["person"], row["expires_at"], tuple(row["environments"]),
        tuple(row["services"]), row["actions_per_hour_max"], row["used_last_hour"],
    )  # fmt: skip


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


def endpoint_known(site: Site, intent: Intent) -> bool:
    """Is there a registered place that this action may be sent to?"""
    if hand_by_id(site, intent.action, intent.endpoint_id) is None:
        return False
    endpoint = site.endpoint_by_id(intent.endpoint_id)
    return endpoint is None or endpoint.allow_restart or endpoint.action is not ActionType.RESTART_INSTANCE
