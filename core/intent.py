"""An intent: the exact action that a person approves, bound by a hash that any edit changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.canonical import sha256


@dataclass(frozen=True, slots=True)
class Intent:
    """What will be done, to what, under which playbook and policy version.

    `target_identity` is the stable identity of the resource (a uid, an image digest, a target revision). Volatile
    state (health, current release, is it still firing) is not part of it: it is recorded beside it and read again.
    """

    action: str
    playbook_id: str
    playbook_version: int
    parameters: Mapping[str, Any]
    resource_id: str
    target_identity: str
    endpoint_id: str
    incident_id: str
    policy_version: int
    observed: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def bound(self) -> dict[str, Any]:
        """The part that the approval is bound to."""
        return {
            "action": self.action,
            "playbook_id": self.playbook_id,
            "playbook_version": self.playbook_version,
            "parameters": dict(self.parameters),
            "resource_id": self.resource_id,
            "target_identity": self.target_identity,
            "endpoint_id": self.endpoint_id,
            "incident_id": self.incident_id,
            "policy_version": self.policy_version,
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the bound part."""
        return sha256(self.bound())

    @classmethod
    def stored(cls, bound: Mapping[str, Any], observed: Mapping[str, Any]) -> "Intent":
        """Read an intent back from its row."""
        return cls(**bound, observed=observed)
