"""One change of one registered object in a cluster: the one that was meant, in the version that was read, marked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.cluster import Cluster as ClusterPlace
from core.cluster import Node, Workload, WorkloadKind
from core.hand import hand_by_id
from core.intent import Intent
from core.playbook import ActionType
from core.site import Service, Site
from tests.tools.kube_fake import Cluster, Running, certify
from tests.tools.kube_store import Json, Wrong
from tools.act import hands
from tools.act.actuator import Effect, Order, Probe
from tools.act.sight import Sights, before, identity_of, look_at, look_for, target_fault

TOKEN = "eyJ-the-token-of-the-robot"
CART, NODE = "k8s:prod/shop/deployment/cart", "k8s:prod/node/node-1"
RESTART, SCALE, LIMITS, REVISION, EVICT, CORDON = (
    ActionType.ROLLOUT_RESTART, ActionType.SCALE, ActionType.SET_RESOURCES, ActionType.ROLLOUT_TO_REVISION,
    ActionType.EVICT_POD, ActionType.CORDON,
)  # fmt: skip
GIVEN: dict[ActionType, dict[str, Any]] = {
    RESTART: {}, SCALE: {"replicas": 4}, LIMITS: {"memory_mib": 512, "cpu_millis": 500}, REVISION: {"revision": "1"},
    EVICT: {"pod": "cart-2-a"}, CORDON: {},
}  # fmt: skip
GUIDE = (Path(__file__).parents[2] / "docs" / "actions.md").read_text("utf-8")
RIGHTS = yaml.safe_load_all(GUIDE.partition("# rbac.yaml\n")[2].partition("```")[0])
# The role of these tests is the one that the guide tells people to make.
ROLE = {(v, r) for part in RIGHTS for rule in part["rules"] for r in rule["resources"] for v in rule["verbs"]}
WRITES = {(verb, resource) for verb, resource in ROLE if verb in ("patch", "create")}
READS = ROLE - WRITES


@dataclass
class Place:
    """The cluster's API, and the site that registers a part of it."""

    api: Cluster
    site: Site

    async def order(self, action: ActionType, **parameters: Any) -> Order:
        """The action with what is seen now, as it would be proposed."""
        hand = NODE if action is CORDON else CART
        bare = Intent(action, "book", 1, GIVEN[action] | parameters, hand, "", hand, "i", 1)
        known = hand_by_id(self.site, action, hand)
        assert known
        sight = (await look_at(self.site, [(action, known)]))[hand]
        identity = identity_of(action, bare.parameters, sight)
        seen = {"seen": dict(sight.seen)}
        return Order(self.site, replace(bare, target_identity=identity, observed=seen), "key-1", timeout_s=3.0)

    def deployment(self, name: str = "cart") -> Json:
        """A deployment as it is now."""
        return self.api.objects.get("deployments", "shop", name)

    async def sights(self, order: Order) -> Sights:
        """What is seen of the target of an order."""
        return await look_for(order.site, order.intent)


def template(image: str) -> Json:
    """A pod template."""
    limits = {"memory": "256Mi", "cpu": "250m"}
    box = {"name": "cart", "image": image, "resources": {"limits": limits, "requests": limits}}
    return {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [box]}}


def fill(api: Cluster) -> None:
    """A deployment with two revisions and two pods, another one's pod, a stateful set, and a node."""
    objects = api.objects
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "cart"}}, "template": template("cart:2")}
    meta = {"annotations": {"deployment.kubernetes.io/revision": "2", "note": "kept"}}
    cart = objects.put("deployments", "Deployment", "shop", "cart", meta=meta, spec=spec)
    objects.replica_set(cart, "cart-1", "1", template("cart:1"))
    newest = objects.replica_set(cart, "cart-2", "2", template("cart:2"))
    for name, owner, ready in (("cart-2-a", newest, "False"), ("cart-2-b", newest, "True"), ("stray", None, "True")):
        refs = [{"kind": "ReplicaSet", "uid": owner["metadata"]["uid"], "controller": True}] if owner else []
        status = {"conditions": [{"type": "Ready", "status": ready}]}
        objects.put(
            "pods", "Pod", "shop", name, meta={"labels": {"app": "cart"}, "ownerReferences": refs}, status=status
        )
    inner = {"selector": {"matchLabels": {"app": "queue"}}, "replicas": 1, "template": template("queue:1")}
    inner["template"]["metadata"]["labels"] = {"app": "queue"}
    objects.put("statefulsets", "StatefulSet", "shop", "queue", spec=inner)
    objects.put("nodes", "Node", "", "node-1", spec={})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    api = Cluster(TOKEN, role=READS | WRITES)
    fill(api)
    (tmp_path / "token").write_text(TOKEN + "\n")
    with Running(api, tmp_path):
        workloads = (
            Workload("shop", "shop", "cart", replicas_max=5, memory_mib_max=1024, cpu_millis_max=1000),
            Workload("shop", "shop", "queue", WorkloadKind.STATEFULSET),
        )
        cluster = ClusterPlace(
            "prod", f"https://127.0.0.1:{api.port}", ("shop",), workloads, (Node("node-1", "shop"),),
            token_file=str(tmp_path / "token"), ca_file=str(tmp_path / "tls.crt"),
        )  # fmt: skip
        yield Place(api, Site(environment="prod", services={"shop": Service("shop")}, clusters=(cluster,)))


async def test_a_restart_gives_the_template_a_new_mark(place: Place) -> None:
    order = await place.order(RESTART)
    assert (await hands.probe(order))[0] is Probe.NO_EFFECT
    answer = await hands.act(order)

    assert answer.effect is Effect.DONE
    marks = place.deployment()["spec"]["template"]["metadata"]["annotations"]
    assert marks["nightshift.dev/execution"] == "key-1"
    assert marks["kubectl.kubernetes.io/restartedAt"].startswith("20")
    assert place.deployment()["metadata"]["annotations"]["note"] == "kept"
    assert len(place.api.writes) == len(place.api.objects.effects) == 1
    assert (await hands.probe(order))[0] is Probe.SAW_EFFECT
    assert place.api.refused == []


async def test_scaling_keeps_to_what_is_registered_and_knows_the_way_back(place: Place) -> None:
    order = await place.order(SCALE)
    sights = await place.sights(order)
    assert target_fault(order.site, order.intent, sights) == ""
    assert before(SCALE, order.intent.parameters, sights[CART]) == {"replicas": 2}

    assert (await hands.act(order)).effect is Effect.DONE
    assert place.deployment()["spec"]["replicas"] == 4
    for replicas in (0, 6, -1, True, "4", 2.0, None):
        wrong = await place.order(SCALE, replicas=replicas)
        assert (await hands.act(wrong)).effect is Effect.REFUSED, replicas
    assert len(place.api.objects.effects) == 1


async def test_limits_are_set_for_one_container(place: Place) -> None:
    assert (await hands.act(await place.order(LIMITS))).effect is Effect.DONE
    box = place.deployment()["spec"]["template"]["spec"]["containers"][0]
    assert box["resources"]["limits"] == {"memory": "512Mi", "cpu": "500m"}
    assert box["image"] == "cart:2"
    for wrong in ({"memory_mib": 2048}, {"cpu_millis": 0}, {"container": "other"}, {"memory_mib": "1Gi"}):
        assert (await hands.act(await place.order(LIMITS, **wrong))).effect is Effect.REFUSED, wrong


async def test_an_earlier_revision_is_put_in_place_of_todays(place: Place) -> None:
    order = await place.order(REVISION)
    sights = await place.sights(order)
    assert sights[CART].revisions == ("1",)
    assert before(REVISION, order.intent.parameters, sights[CART]) == {"revision": "2"}

    assert (await hands.act(order)).effect is Effect.DONE
    assert place.deployment()["spec"]["template"]["spec"]["containers"][0]["image"] == "cart:1"
    assert "pod-template-hash" not in place.deployment()["spec"]["template"]["metadata"]["labels"]
    assert (await hands.probe(order))[0] is Probe.SAW_EFFECT
    # Revision 1 became 3, as its controller does; 2 is still there to go back to.
    assert (await place.sights(order))[CART].revisions == ("2",)
    assert "keeps no revision 9" in (await hands.act(await place.order(REVISION, revision="9"))).detail


async def test_a_pod_is_evicted_within_its_budget(place: Place) -> None:
    order = await place.order(EVICT)
    assert order.intent.target_identity.startswith("uid:")
    place.api.objects.budgets["shop", "cart"] = 0
    answer = await hands.act(order)
    assert (answer.effect, "disruption budget" in answer.detail, "again in 10 s" in answer.detail) == (
        Effect.REFUSED, True, True,
    )  # fmt: skip
    assert (await hands.probe(order))[0] is Probe.NO_EFFECT

    place.api.objects.budgets["shop", "cart"] = 1
    assert (await hands.act(order)).effect is Effect.DONE
    assert [e["evicted"] for e in place.api.objects.effects] == ["cart-2-a"]
    assert (await hands.probe(order))[0] is Probe.SAW_EFFECT
    del place.api.objects.rows["pods", "shop", "cart-2-a"]
    assert (await hands.probe(order))[0] is Probe.CANNOT_TELL


@pytest.mark.parametrize("pod", ["stray", "db-0", "nowhere", "../../../nodes/node-1", "cart-2-a/eviction", "", "*"])
async def test_only_pods_of_the_workload_are_evicted(place: Place, pod: str) -> None:
    order = await place.order(EVICT, pod=pod)
    assert target_fault(order.site, order.intent, await place.sights(order))
    uid = place.api.objects.rows.get(("pods", "shop", pod), {"metadata": {"uid": "x"}})["metadata"]["uid"]
    forged = replace(order, intent=replace(order.intent, target_identity=f"uid:{uid}"))

    assert (await hands.act(forged)).effect is Effect.REFUSED
    assert place.api.objects.effects == []


async def test_a_node_takes_no_new_pods(place: Place) -> None:
    order = await place.order(CORDON)
    assert (await hands.act(order)).effect is Effect.DONE
    assert place.api.objects.get("nodes", "", "node-1")["spec"] == {"unschedulable": True}
    assert (await hands.probe(order))[0] is Probe.SAW_EFFECT


@pytest.mark.parametrize("action", [RESTART, SCALE, LIMITS, REVISION, EVICT, CORDON])
async def test_another_object_of_the_same_name_is_left_alone(place: Place, action: ActionType) -> None:
    order = await place.order(action)
    for resource, namespace, name in list(place.api.objects.rows):
        place.api.objects.rows[resource, namespace, name]["metadata"]["uid"] = "another"

    assert (await hands.act(order)).effect is Effect.REFUSED
    assert target_fault(order.site, order.intent, await place.sights(order))
    assert place.api.writes == []


async def test_a_change_in_between_is_a_conflict_and_changes_nothing(place: Place) -> None:
    """Between our read and our write somebody writes; the version in the patch makes the API refuse ours."""
    for action in (RESTART, SCALE, LIMITS, REVISION, CORDON):
        order = await place.order(action)
        place.api.faults["patch"] = "409"
        answer = await hands.act(order)
        assert (answer.effect, answer.detail[:3]) == (Effect.REFUSED, "409"), action
    body = place.api.writes[0]["body"]
    assert f'"resourceVersion": "{place.deployment()["metadata"]["resourceVersion"]}"' in body
    assert f'"uid": "{place.deployment()["metadata"]["uid"]}"' in body
    assert place.api.objects.effects == []


async def test_the_versions_in_the_bodies_really_guard(place: Place) -> None:
    for action in (RESTART, SCALE, LIMITS, REVISION, CORDON, EVICT):
        order = await place.order(action)
        await hands.act(order)
    writes, objects = list(place.api.writes), place.api.objects
    assert len(writes) == len(objects.effects) == 6
    objects.get("pods", "shop", "cart-2-a")["metadata"]["resourceVersion"] = "9999"
    for write in writes:
        *_, resource, name = write["path"].split("/")
        body, namespace = json.loads(write["body"]), "" if resource == "nodes" else "shop"
        kind = "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
        again = (
            partial(objects.evict, namespace, "cart-2-a", body, dry=False)
            if name == "eviction"
            else partial(objects.patch, resource, namespace, name, kind, body, dry=False)
        )
        with pytest.raises(Wrong):
            again()
    assert len(objects.effects) == 6


async def test_the_old_value_has_to_be_the_one_that_was_shown(place: Place) -> None:
    order = await place.order(SCALE)
    place.deployment()["spec"]["replicas"] = 3
    assert "replicas is 3 by now, not 2" in (await hands.act(order)).detail
    assert "replicas is 3 by now" in target_fault(order.site, order.intent, await place.sights(order))
    same = await place.order(SCALE, replicas=3)
    assert "is 3 already" in target_fault(same.site, same.intent, await place.sights(same))
    assert place.api.writes == []


async def test_who_else_changes_it_is_named_and_an_autoscaler_is_left_its_work(place: Place) -> None:
    marks = place.deployment()["metadata"]
    marks["annotations"]["argocd.argoproj.io/tracking-id"] = "shop:apps/Deployment:shop/cart"
    marks["labels"] = {"kustomize.toolkit.fluxcd.io/name": "apps", "app.kubernetes.io/managed-by": "Helm"}
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "cart"}, "minReplicas": 2, "maxReplicas": 9}
    place.api.objects.put("horizontalpodautoscalers", "HorizontalPodAutoscaler", "shop", "cart", spec=spec)

    order = await place.order(SCALE)
    assert order.seen["owners"] == [
        "Argo CD (shop:apps/Deployment:shop/cart)", "Flux (apps)", "Helm",
        "HorizontalPodAutoscaler cart (2 to 9 replicas)",
    ]  # fmt: skip
    fault = target_fault(order.site, order.intent, await place.sights(order))
    assert "is scaled by HorizontalPodAutoscaler cart" in fault
    other = await place.order(RESTART)
    assert target_fault(other.site, other.intent, await place.sights(other)) == ""
    place.deployment()["spec"]["paused"] = True
    assert "is paused" in target_fault(other.site, other.intent, await place.sights(other))


@pytest.mark.parametrize("action", [RESTART, SCALE, LIMITS, REVISION, CORDON, EVICT])
async def test_rights_that_are_missing_show_in_a_dry_run_before_anybody_acts(place: Place, action: ActionType) -> None:
    order = await place.order(action)
    assert target_fault(order.site, order.intent, await place.sights(order)) == ""
    place.api.role = set(READS)
    fault = target_fault(order.site, order.intent, await place.sights(order))

    assert "a dry run is refused: 403 Forbidden" in fault
    assert place.api.writes == []
    answer = await hands.act(order)
    assert (answer.effect, answer.detail[:13]) == (Effect.REFUSED, "403 Forbidden")
    assert place.api.objects.effects == []


@pytest.mark.parametrize(
    ("fault", "effect", "seen"),
    [
        ("cut_before", Effect.UNKNOWN, Probe.NO_EFFECT), ("cut_after", Effect.UNKNOWN, Probe.SAW_EFFECT),
        ("hang", Effect.UNKNOWN, Probe.SAW_EFFECT), ("500", Effect.UNKNOWN, Probe.NO_EFFECT),
        ("504", Effect.UNKNOWN, Probe.NO_EFFECT), ("410", Effect.REFUSED, Probe.NO_EFFECT),
        ("429", Effect.REFUSED, Probe.NO_EFFECT), ("422", Effect.REFUSED, Probe.NO_EFFECT),
    ],
)  # fmt: skip
async def test_what_is_not_answered_is_unknown_and_the_mark_tells(
    place: Place, fault: str, effect: Effect, seen: Probe
) -> None:
    order = replace(await place.order(RESTART), timeout_s=1.0)
    place.api.faults["patch"] = fault
    answer = await hands.act(order)

    assert answer.effect is effect, answer
    assert len(place.api.writes) == 1  # never sent again
    assert (await hands.probe(order))[0] is seen


@pytest.mark.parametrize("fault", ["410", "500", "429"])
async def test_a_list_that_is_gone_is_no_empty_list(place: Place, fault: str) -> None:
    order = await place.order(EVICT)
    place.api.faults["list"] = fault
    assert (await hands.act(order)).effect is Effect.REFUSED
    assert place.api.objects.effects == []


async def test_a_wrong_token_is_refused_and_never_shown(place: Place, tmp_path: Path) -> None:
    order = await place.order(RESTART)
    (tmp_path / "token").write_text("another-token-of-ours")
    answer = await hands.act(order)

    assert (answer.effect, "401" in answer.detail) == (Effect.REFUSED, True)
    assert "another-token-of-ours" not in answer.detail
    (tmp_path / "token").unlink()
    assert "cannot be read" in (await hands.act(order)).detail
    assert place.api.objects.effects == []


async def test_a_certificate_that_nobody_vouches_for_ends_it(place: Place, tmp_path: Path) -> None:
    order = await place.order(RESTART)
    certify(tmp_path)  # another one: what the server shows is not what is trusted any more
    cluster = place.site.clusters[0]
    for ca_file in (cluster.ca_file, "", str(tmp_path / "token")):
        site = replace(place.site, clusters=(replace(cluster, ca_file=ca_file),))
        assert (await hands.act(replace(order, site=site))).effect is Effect.REFUSED
    assert place.api.writes == []


async def test_what_is_not_in_a_listed_namespace_is_left_alone(place: Place) -> None:
    order = await place.order(RESTART)
    cluster = replace(place.site.clusters[0], namespaces=("other",))
    answer = await hands.act(replace(order, site=replace(place.site, clusters=(cluster,))))

    assert (answer.effect, "not in a listed namespace" in answer.detail) == (Effect.REFUSED, True)
    assert place.api.writes == []


async def test_a_stateful_set_restarts_and_has_no_revisions(place: Place) -> None:
    hand = "k8s:prod/shop/statefulset/queue"
    bare = Intent(RESTART, "book", 1, {}, hand, "", hand, "i", 1)
    known = hand_by_id(place.site, RESTART, hand)
    assert known
    sight = (await look_at(place.site, [(RESTART, known)]))[hand]
    given = replace(bare, target_identity=sight.identity, observed={"seen": dict(sight.seen)})
    assert (await hands.act(Order(place.site, given, "key-1"))).effect is Effect.DONE
    earlier = replace(given, action=REVISION, parameters={"revision": "1"})
    assert "only a deployment" in (await hands.act(Order(place.site, earlier, "key-2"))).detail
