"""The inventory: every value that an action on an incident may name, read from the site and from deploy events.

Nothing here comes from logs, labels chosen by an outsider, or a model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.intent import Intent
from core.playbook import ParameterKind, Playbook
from core.site import Site
from store import alerts, changes
from store.pool import Connection, Row


@dataclass(frozen=True)
class Inventory:
    """Services of the incident and what they depend on, their instances, and what runs there."""

    site: Site
    services: frozenset[str]
    current: Mapping[str, str]
    previous: Mapping[str, str]

    def instances(self, service: str) -> list[str]:
        """The known instances of a service, in order."""
        return [target.instance for target in self.site.targets if target.service == service]

    def allowed(self, service: str) -> dict[str, frozenset[str]]:
        """The values each kind of parameter may have for an action on this service."""
        previous = self.previous.get(service)
        return {
            ParameterKind.SERVICE: self.services,
            ParameterKind.INSTANCE: frozenset(self.instances(service)),
            ParameterKind.PREVIOUS_RELEASE: frozenset({previous} if previous else ()),
        }

    def resources(self) -> frozenset[str]:
        """The resources that belong to the incident."""
        whole = {self.site.resource(name) for name in self.services}
        return frozenset(whole | {self.instance_resource(s, i) for s in self.services for i in self.instances(s)})

    def instance_resource(self, service: str, instance: str) -> str:
        """The resource id of one instance."""
        return f"instance:{self.site.environment}/{service}/{instance}"


async def read_inventory(conn: Connection, site: Site, incident: Row) -> Inventory:
    """Read what belongs to an incident now."""
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
    return Inventory(site, frozenset(services), current, previous)


def fill_parameters(playbook: Playbook, inventory: Inventory, service: str, instance: str = "") -> dict[str, Any]:
    """The playbook's parameters for a service, as far as the inventory knows them; gaps are left to the gate."""
    instances = inventory.instances(service)
    known: dict[str, str | None] = {
        ParameterKind.SERVICE: service,
        ParameterKind.PREVIOUS_RELEASE: inventory.previous.get(service),
        ParameterKind.INSTANCE: instance or (instances[0] if len(instances) == 1 else None),
    }
    filled = {name: known.get(rule.kind) for name, rule in playbook.parameters.items()}
    return {name: value for name, value in filled.items() if value is not None}


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
    instance = parameters.get("instance")
    resource = inventory.instance_resource(service, str(instance)) if instance else site.resource(service)
    endpoint = site.endpoint(playbook.action, service) if playbook else None
    release = inventory.current.get(service, "")
    return Intent(
        action=playbook.action if playbook else "unknown",
        playbook_id=playbook_id,
        playbook_version=playbook.version if playbook else 0,
        parameters=dict(parameters),
        resource_id=resource,
        target_identity=f"release:{release}" if release else resource,
        endpoint_id=endpoint.id if endpoint else "",
        incident_id=str(incident["id"]),
        policy_version=site.version,
        observed={"release": release},
    )
