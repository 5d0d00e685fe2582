"""The inventory: every value that an action on an incident may name, read from the site and from deploy events.

Nothing here comes from logs, labels chosen by an outsider, or a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.hand import HTTP_ACTIONS, NAMED_BY, Hand, hand_for, hands_of
from core.intent import Intent
from core.playbook import ActionType, ParameterKind, Playbook
from core.site import Site
from store import alerts, changes
from store.pool import Connection, Row
from tools.act import ssh_command
from tools.act.ruling import ruled
from tools.act.sight import Sight, Sights, before, identity_of


@dataclass(frozen=True)
class Inventory:
    """Services of the incident and what they depend on, their instances, and what runs there.

    `sights` is what was read of the registered things beforehand; what nobody looked at is not in it.
    """

    site: Site
    services: frozenset[str]
    current: Mapping[str, str]
    previous: Mapping[str, str]
    sights: Sights = field(default_factory=dict)

    def instances(self, service: str) -> list[str]:
        """The known instances of a service, in order."""
        return [target.instance for target in self.site.targets if target.service == service]

    def allowed(self, service: str) -> dict[str, frozenset[str]]:
        """The values each kind of parameter may have for an action on this service."""
        previous = self.previous.get(service)
        return {
            **{kind: frozenset(h.name for h in self.hands(a) if h.service == service) for a, kind in _NAMES.items()},
            ParameterKind.SERVICE: self.services,
            ParameterKind.INSTANCE: frozenset(self.instances(service)),
            ParameterKind.PREVIOUS_RELEASE: frozenset({previous} if previous else ()),
            ParameterKind.POD: frozenset(pod for sight in self.seen_of(service) for pod in sight.pods),
            ParameterKind.REVISION: frozenset(word for sight in self.seen_of(service) for word in sight.revisions),
        }

    def hands(self, action: ActionType) -> list[Hand]:
        """What is registered for the services of the incident and an action type."""
        return [hand for hand in hands_of(self.site, action) if hand.service in self.services]

    def seen_of(self, service: str) -> list[Sight]:
        """What was read of the workloads of a service."""
        hands = [hand for hand in self.hands(ActionType.ROLLOUT_RESTART) if hand.service == service]
        return [self.sights[hand.id] for hand in hands if hand.id in self.sights]

    def resources(self) -> frozenset[str]:
        """The resources that belong to the incident."""
        whole = {self.site.resource(name) for name in self.services}
        instances = {self.instance_resource(s, i) for s in self.services for i in self.instances(s)}
        hands = {hand.resource_id for action in NAMED_BY for hand in self.hands(action)}
        return frozenset(whole | instances | hands)

    def instance_resource(self, service: str, instance: str) -> str:
        """The resource id of one instance."""
        return f"instance:{self.site.environment}/{service}/{instance}"


_NAMES: Mapping[ActionType, ParameterKind] = {
    action: kind for action, kind in NAMED_BY.items() if kind is not ParameterKind.POD
}


async def read_inventory(conn: Connection, site: Site, incident: Row, sights: Sights | None = None) -> Inventory:
    """Read what belongs to an incident now, and the policy that rules now; `sights` were seen a moment ago."""
    site = await ruled(conn, site)
    own = {row["service"] for row in await alerts.resources(conn, incident["id"])} | {incident["service"]}
    services = own | {name for service in own for name in site.topology.dependencies(service)}
    current: dict[str, str] = {}
    previous: dict[str, str] = {}
    for service in sorted(services):
        release = await changes.current_release(conn, incident["environment"], service)
        if release:
            current[service] = release["version"]
            # After a rollback the release before it is the bad one: there is nothing good to go back to.
            if release["kind"] == "deploy" and release["previous_version"]:
                previous[service] = release["previous_version"]
    return Inventory(site, frozenset(services), current, previous, sights or {})


def fill_parameters(playbook: Playbook, inventory: Inventory, service: str, instance: str = "") -> dict[str, Any]:
    """The playbook's parameters for a service, as far as the inventory knows them; gaps are left to the gate."""
    instances = inventory.instances(service)
    known: dict[str, str | None] = {
        ParameterKind.SERVICE: service,
        ParameterKind.PREVIOUS_RELEASE: inventory.previous.get(service),
        ParameterKind.INSTANCE: instance or (instances[0] if len(instances) == 1 else None),
        **_seen_words(playbook.action, inventory, service),
    }
    hand = hand_for(inventory.site, playbook.action, service, {})
    seen = inventory.sights.get(hand.id, Sight()).seen if hand else {}
    filled = {
        name: known.get(rule.kind, rule.only if rule.only is not None else rule.after(seen.get(name)))
        for name, rule in playbook.parameters.items()
    }
    return {name: value for name, value in filled.items() if value is not None}


def _seen_words(action: ActionType, inventory: Inventory, service: str) -> dict[str, str | None]:
    """The only registered thing of a service, its only unready pod, and the revision before today's."""
    hand = hand_for(inventory.site, action, service, {})
    if hand is None or action not in NAMED_BY:
        return {}
    sight = inventory.sights.get(hand.id, Sight())
    pods = sight.unready if sight.unready else tuple(sight.pods)
    return {
        **({ParameterKind.WORKLOAD: hand.name} if action is ActionType.EVICT_POD else {NAMED_BY[action]: hand.name}),
        **({ParameterKind.POD: pods[0] if len(pods) == 1 else None} if action is ActionType.EVICT_POD else {}),
        ParameterKind.REVISION: next(iter(sight.revisions), None),
    }


def build_intent(
    inventory: Inventory,
    incident: Row,
    playbook_id: str,
    playbook: Playbook | None,
    parameters: Mapping[str, Any],
) -> Intent:
    """The exact action; unknown playbooks and foreign targets are kept as asked for, and the gate refuses them."""
    site = inventory.site
    service = str(parameters.get("service") or parameters.get("target") or incident["service"])
    hand = hand_for(site, playbook.action, service, parameters) if playbook else None
    release = inventory.current.get(service, "")
    sight = inventory.sights.get(hand.id) if hand else None
    resource = _resource(inventory, hand, service, parameters)
    identity = f"release:{release}" if release and playbook and playbook.action in HTTP_ACTIONS else resource
    observed: dict[str, Any] = {"release": release}
    if hand and playbook and sight:
        identity = identity_of(playbook.action, parameters, sight)
        observed |= {"seen": dict(sight.seen), "before": before(playbook.action, parameters, sight)}
    if playbook and hand and playbook.action is ActionType.SSH_COMMAND:
        observed |= {"line": ssh_command.line_of(site, hand, parameters)}
    return Intent(
        action=playbook.action if playbook else "unknown",
        playbook_id=playbook_id,
        playbook_version=playbook.version if playbook else 0,
        parameters=dict(parameters),
        resource_id=resource,
        target_identity=identity,
        endpoint_id=hand.id if hand else "",
        incident_id=str(incident["id"]),
        policy_version=site.version,
        observed=observed,
    )


def _resource(inventory: Inventory, hand: Hand | None, service: str, parameters: Mapping[str, Any]) -> str:
    """The registered thing itself, else the instance that is named, else the service."""
    if hand and hand.resource_id:
        return hand.resource_id
    instance = parameters.get("instance")
    return inventory.instance_resource(service, str(instance)) if instance else inventory.site.resource(service)
