"""The objects of a small cluster, and what the API does to them: versions, patches of three kinds, preconditions."""

import copy
import itertools
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str, str]
TEMPLATED = ("deployments", "statefulsets", "daemonsets")
SPEC_FIELDS = {
    "deployments": {"replicas", "selector", "template", "strategy", "paused", "revisionHistoryLimit"},
    "statefulsets": {"replicas", "selector", "template", "serviceName"},
    "daemonsets": {"selector", "template", "updateStrategy"},
    "nodes": {"unschedulable", "taints", "podCIDR"},
}
CONTAINER_FIELDS = {"name", "image", "resources", "env", "ports"}


class Wrong(Exception):
    """What the API answers instead: a code, a reason, a message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


@dataclass
class Objects:
    """Everything by (resource, namespace, name); `effects` is what really changed, in order."""

    rows: dict[Key, Json] = field(default_factory=dict)
    effects: list[Json] = field(default_factory=list)
    budgets: dict[tuple[str, str], int] = field(default_factory=dict)
    _versions: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1000))

    def put(self, resource: str, kind: str, namespace: str, name: str, **body: Any) -> Json:
        """A new object; `meta` is more metadata."""
        meta = {
            "name": name,
            "namespace": namespace,
            "uid": str(uuid.UUID(int=next(self._versions))),
            **body.pop("meta", {}),
        }
        row = {"kind": kind, "metadata": {**meta, "resourceVersion": str(next(self._versions))}, **body}
        self.rows[resource, namespace, name] = row
        return row

    def get(self, resource: str, namespace: str, name: str) -> Json:
        """The object. Raises 404."""
        row = self.rows.get((resource, namespace, name))
        if row is None:
            raise Wrong(404, "NotFound", f'{resource} "{name}" not found')
        return row

    def select(self, resource: str, namespace: str, labels: dict[str, str]) -> list[Json]:
        """Objects of a namespace that have these labels."""
        rows = [row for (r, n, _), row in self.rows.items() if (r, n) == (resource, namespace)]
        return [row for row in rows if labels.items() <= row["metadata"].get("labels", {}).items()]

    def patch(self, resource: str, namespace: str, name: str, kind: str, body: Any, *, dry: bool) -> Json:
        """Apply a patch of one of the three kinds, all of it or nothing."""
        old = self.get(resource, namespace, name)
        new = copy.deepcopy(old)
        if kind == "application/json-patch+json":
            _json_patch(new, body)
        else:
            if not isinstance(body, dict):
                raise Wrong(400, "BadRequest", "a merge patch is an object")
            _merge(new, body, lists=kind == "application/strategic-merge-patch+json")
        self._check(resource, old, new)
        if not dry:
            self._store(resource, namespace, name, old, new)
        return new

    def evict(self, namespace: str, name: str, body: Json, *, dry: bool) -> None:
        """Evict a pod, as far as the budget of its application allows."""
        pod = self.get("pods", namespace, name)
        if body.get("metadata", {}).get("name") != name:
            raise Wrong(400, "BadRequest", "the name of the eviction is another than that of the pod")
        wanted = body.get("deleteOptions", {}).get("preconditions", {})
        for field_name in ("uid", "resourceVersion"):
            if field_name in wanted and wanted[field_name] != pod["metadata"][field_name]:
                raise Wrong(409, "Conflict", f"the {field_name} in the precondition is another than the object's")
        app = pod["metadata"].get("labels", {}).get("app", "")
        if self.budgets.get((namespace, app), 1) < 1:
            raise Wrong(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.")
        if not dry:
            self.effects.append({"evicted": name, "uid": pod["metadata"]["uid"]})
            pod["metadata"]["deletionTimestamp"] = "2026-11-21T03:00:00Z"
            condition = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
            pod["status"]["conditions"].append(condition)

    def _check(self, resource: str, old: Json, new: Json) -> None:
        before, after = old["metadata"], new["metadata"]
        if after["uid"] != before["uid"]:
            raise Wrong(409, "Conflict", f"Precondition failed: UID in precondition: {after['uid']}")
        if after["resourceVersion"] != before["resourceVersion"]:
            raise Wrong(
                409, "Conflict", "the object has been modified; please apply your changes to the latest version"
            )
        if any(after[name] != before[name] for name in ("name", "namespace")):
            raise Wrong(422, "Invalid", "metadata.name: field is immutable")
        if odd := set(new.get("spec", {})) - SPEC_FIELDS.get(resource, set()):
            raise Wrong(400, "BadRequest", f'strict decoding error: unknown field "spec.{sorted(odd)[0]}"')
        if not all(isinstance(v, str) for v in after.get("annotations", {}).values()):
            raise Wrong(400, "BadRequest", "metadata.annotations: a value that is no string")
        spec = new.get("spec", {})
        if "replicas" in spec and (not isinstance(spec["replicas"], int) or spec["replicas"] < 0):
            raise Wrong(422, "Invalid", "spec.replicas: must be greater than or equal to 0")
        for container in spec.get("template", {}).get("spec", {}).get("containers", []):
            if odd := set(container) - CONTAINER_FIELDS:
                raise Wrong(400, "BadRequest", f'strict decoding error: unknown field "{sorted(odd)[0]}"')
        labels = spec.get("template", {}).get("metadata", {}).get("labels", {})
        if resource in TEMPLATED and not spec["selector"]["matchLabels"].items() <= labels.items():
            raise Wrong(422, "Invalid", "spec.template.metadata.labels: `selector` does not match template `labels`")

    def _store(self, resource: str, namespace: str, name: str, old: Json, new: Json) -> None:
        new["metadata"]["resourceVersion"] = str(next(self._versions))
        rolled = new.get("spec", {}).get("template") != old.get("spec", {}).get("template")
        self.rows[resource, namespace, name] = new
        changed = {n: v for n, v in new.get("spec", {}).items() if v != old.get("spec", {}).get(n)}
        marks = new["metadata"].get("annotations", {})
        self.effects.append({"patched": name, "changed": changed, "mark": marks.get("nightshift.dev/execution")})
        if resource == "deployments" and rolled:
            self._roll(namespace, new)

    def _roll(self, namespace: str, deployment: Json) -> None:
        """What the controller does: the replica set of a known template is taken up again, else a new one is made."""
        mine = [
            row for row in self.select("replicasets", namespace, {}) if _owner(row) == deployment["metadata"]["uid"]
        ]
        number = str(1 + max(int(row["metadata"]["annotations"][REVISION]) for row in mine))
        bare = {k: v for k, v in deployment["spec"]["template"].items() if k != "status"}
        found = next((row for row in mine if _without_hash(row["spec"]["template"]) == bare), None)
        if found is None:
            name = f"{deployment['metadata']['name']}-{number}"
            found = self.replica_set(deployment, name, number, bare)
        found["metadata"]["annotations"][REVISION] = number
        deployment["metadata"].setdefault("annotations", {})[REVISION] = number

    def replica_set(self, deployment: Json, name: str, number: str, template: Json) -> Json:
        """A revision of a deployment."""
        meta = deployment["metadata"]
        labels = {**template["metadata"]["labels"], "pod-template-hash": name}
        inner = {**copy.deepcopy(template), "metadata": {**copy.deepcopy(template["metadata"]), "labels": labels}}
        owner = {"kind": "Deployment", "name": meta["name"], "uid": meta["uid"], "controller": True}
        more = {"annotations": {REVISION: number}, "ownerReferences": [owner], "labels": labels}
        return self.put("replicasets", "ReplicaSet", meta["namespace"], name, meta=more, spec={"template": inner})


REVISION = "deployment.kubernetes.io/revision"


def _owner(row: Json) -> str:
    return next((ref["uid"] for ref in row["metadata"].get("ownerReferences", []) if ref.get("controller")), "")


def _without_hash(template: Json) -> Json:
    bare: Json = json.loads(json.dumps(template))
    bare["metadata"]["labels"].pop("pod-template-hash", None)
    return bare


def _merge(into: Json, patch: Json, *, lists: bool) -> None:
    for name, value in patch.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value, lists=lists)
        elif lists and name == "containers" and isinstance(value, list):
            for item in value:  # the strategic form merges containers by their names
                same = next((c for c in into[name] if c["name"] == item["name"]), None)
                if same is None:
                    into[name].append(item)
                else:
                    _merge(same, item, lists=lists)
        else:
            into[name] = copy.deepcopy(value)


def _json_patch(into: Json, steps: Any) -> None:
    if not isinstance(steps, list):
        raise Wrong(400, "BadRequest", "a JSON patch is a list")
    for step in steps:
        *path, last = [word.replace("~1", "/").replace("~0", "~") for word in step["path"].split("/")[1:]]
        place: Any = into
        for word in path:
            place = place.get(word) if isinstance(place, dict) else None
        if not isinstance(place, dict) or (step["op"] in ("replace", "test") and last not in place):
            raise Wrong(422, "Invalid", "the server rejected our request due to an error in our request")
        if step["op"] == "test" and place[last] != step["value"]:
            raise Wrong(422, "Invalid", "the server rejected our request due to an error in our request")
        if step["op"] in ("add", "replace"):
            place[last] = copy.deepcopy(step["value"])
        elif step["op"] != "test":
            raise Wrong(400, "BadRequest", f"op {step['op']}")
