"""Each kind of hand from the wish to its effect: looked at, shown, approved, looked at again, done once, probed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.card import card_lines
from store import incidents
from store.pool import Row
from tests.engine.ward import EVERY_S, Ward
from tests.tools.engine_fake import Box, Engine
from tests.tools.far_side import FarSide, Issues, Knob
from tests.tools.kube_fake import Cluster, Running
from tests.tools.kube_store import Json
from tests.tools.test_act_kubernetes import READS, TOKEN, WRITES, fill
from tools.act.inventory import fill_parameters, read_inventory
from tools.act.looking import look_around
from tools.act.proposals import current_playbooks, submit_by_person

SERVICE = {"service": {"kind": "service"}}
BOOKS: tuple[Json, ...] = (
    {"id": "restart-box", "action": "docker_restart", "parameters": {**SERVICE, "container": {"kind": "container"}}},
    {"id": "more-pods", "action": "scale", "reversible": True, "undo": "set it back",
     "parameters": {**SERVICE, "workload": {"kind": "workload"},
                    "replicas": {"kind": "integer", "minimum": 1, "maximum": 9, "step": 1}}},
    {"id": "evict", "action": "evict_pod", "parameters": {**SERVICE, "pod": {"kind": "pod"}}},
    {"id": "earlier", "action": "rollout_to_revision", "tier": 3,
     "parameters": {**SERVICE, "workload": {"kind": "workload"}, "revision": {"kind": "revision"}}},
    {"id": "set-limit", "action": "config_change", "tier": 3, "reversible": True, "undo": "set it back",
     "parameters": {**SERVICE, "setting": {"kind": "setting"},
                    "value": {"kind": "integer", "minimum": 1, "maximum": 99}}},
    {"id": "ticket", "action": "open_ticket", "tier": 4, "parameters": SERVICE},
    {"id": "say", "action": "ssh_command", "parameters": {
        **SERVICE, "host": {"kind": "host"}, "command": {"kind": "choice", "choices": ["unit_status", "rm"]},
        "unit": {"kind": "choice", "choices": ["worker.service"]}}},
)  # fmt: skip


@pytest.fixture
def engine(data_dir: Path) -> Iterator[Engine]:
    with Engine(str(data_dir / "engine.sock")) as running:
        running.add(Box("3f" * 32, "worker", labels={"com.docker.compose.project": "shop"}))
        yield running


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[Cluster, Json]]:
    api = Cluster(TOKEN, role=READS | WRITES)
    fill(api)
    (tmp_path / "token").write_text(TOKEN)
    with Running(api, tmp_path):
        cart = {"service": "svc-0", "namespace": "shop", "name": "cart", "replicas_max": 5}
        yield api, {
            "id": "prod", "url": f"https://127.0.0.1:{api.port}", "namespaces": ["shop"], "workloads": [cart],
            "token_file": str(tmp_path / "token"), "ca_file": str(tmp_path / "tls.crt"),
        }  # fmt: skip


async def furnished(ward: Ward, **sections: Any) -> str:
    """A service in trouble, with the hands of these sections of the site and playbooks for them."""
    service = await ward.add_service()
    for book in BOOKS:
        await ward.put_playbook(**{"title": f"Do {book['id']}", "tier": 1, **book})
    await ward.furnish(**sections)
    return service


async def wish(ward: Ward, playbook: str, **parameters: Any) -> Row:
    """A person asks for it; the execution."""
    incident = await ward.incident("svc-0")
    site = await ward.house.site()
    sights = await look_around(ward.store, site, incident["id"])
    async with ward.store.begin() as conn:
        return await submit_by_person(
            conn, site, incident, person="carer", playbook_id=playbook,
            parameters={"service": "svc-0", **parameters}, reason="a hunch", sights=sights,
        )  # fmt: skip


async def approved(ward: Ward, playbook: str, **parameters: Any) -> UUID:
    """An execution that may be claimed."""
    row = await wish(ward, playbook, **parameters)
    assert row["state"] == "awaiting_approval", row["decision"]
    await ward.decide(row["id"])
    return UUID(str(row["id"]))


async def said(ward: Ward, key: UUID) -> str:
    """Why the last step was taken, in the words on record."""
    return str((await ward.audit(key))[-1]["detail"])


def box_site(engine: Engine) -> Mapping[str, Any]:
    worker = {"name": "worker", "service": "svc-0"}
    return {"engines": [{"id": "near", "socket": engine.path, "containers": [worker]}]}


async def test_a_container_is_restarted_after_approval(ward: Ward, engine: Engine) -> None:
    await furnished(ward, **box_site(engine))
    key = await approved(ward, "restart-box", container="worker")
    lines = dict(card_lines((await ward.execution(key))["card"]))
    assert lines["Does"] == "restart the container docker:near/worker"
    assert lines["Blast radius"].startswith("one container")
    assert lines["May undo it"] == "Compose project (shop)"

    await ward.reached(key, "verifying")
    assert engine.effects == [("restart", "3f" * 32)]
    assert engine.refused == []


async def test_a_container_that_was_made_anew_after_the_yes_is_left_alone(ward: Ward, engine: Engine) -> None:
    await furnished(ward, **box_site(engine))
    key = await approved(ward, "restart-box", container="worker")
    engine.boxes["worker"].id = "bb" * 32

    await ward.reached(key, "invalidated")
    assert "is not what was shown" in await said(ward, key)
    assert engine.effects == []


@pytest.mark.parametrize(("fault", "end"), [("cut_after", "verifying"), ("cut_before", "failed")])
async def test_a_lost_answer_is_unknown_until_the_daemon_tells(
    ward: Ward, engine: Engine, fault: str, end: str
) -> None:
    await furnished(ward, **box_site(engine))
    key = await approved(ward, "restart-box", container="worker")
    engine.fault = fault
    await ward.work()
    assert (await ward.execution(key))["state"] == "unknown"
    ward.clock.advance(60)  # the daemon's clock is the real one: whatever the machine is busy with, this is enough
    await ward.reached(key, end)

    assert "unknown" in await ward.path(key)
    assert sum("/restart" in request for request in engine.requests) == 1
    assert len(engine.effects) == (1 if fault == "cut_after" else 0)


async def test_an_engine_that_is_away_is_said_before_anybody_is_asked(ward: Ward, engine: Engine) -> None:
    await furnished(ward, **box_site(engine))
    [near] = ward.site["engines"]
    await ward.furnish(engines=[{**near, "socket": engine.path + ".gone"}])
    row = await wish(ward, "restart-box", container="worker")

    assert (row["state"], row["decision"]["guardrail"]) == ("denied", "no_endpoint")
    assert "does not answer" in row["decision"]["detail"]
    other = await wish(ward, "restart-box", container="other")
    assert (other["state"], other["decision"]["guardrail"]) == ("denied", "unknown_parameter")


async def test_pods_are_added_and_an_autoscaler_is_left_its_work(ward: Ward, cluster: tuple[Cluster, Json]) -> None:
    api, place = cluster
    await furnished(ward, clusters=[place])
    key = await approved(ward, "more-pods", workload="cart", replicas=4)
    row = await ward.execution(key)
    assert (row["resource_id"], row["observed"]["before"]) == ("k8s:prod/shop/deployment/cart", {"replicas": 2})
    assert dict(card_lines(row["card"]))["Does"] == "run 4 pods of k8s:prod/shop/deployment/cart in place of 2"
    await ward.reached(key, "verifying")
    assert [e["changed"] for e in api.objects.effects] == [{"replicas": 4}]

    many = await wish(ward, "more-pods", workload="cart", replicas=9)
    assert many["decision"]["detail"].endswith("replicas must be a whole number from 1 to 5")
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "cart"}, "maxReplicas": 9}
    api.objects.put("horizontalpodautoscalers", "HorizontalPodAutoscaler", "shop", "cart", spec=spec)
    denied = await wish(ward, "more-pods", workload="cart", replicas=5)
    assert (denied["state"], denied["decision"]["guardrail"]) == ("denied", "no_endpoint")
    assert "is scaled by HorizontalPodAutoscaler cart" in denied["decision"]["detail"]


async def test_somebody_scaled_it_after_the_yes(ward: Ward, cluster: tuple[Cluster, Json]) -> None:
    api, place = cluster
    await furnished(ward, clusters=[place])
    key = await approved(ward, "more-pods", workload="cart", replicas=4)
    api.objects.get("deployments", "shop", "cart")["spec"]["replicas"] = 3

    await ward.reached(key, "invalidated")
    assert "replicas is 3 by now, not 2" in await said(ward, key)
    assert api.writes == []


async def test_rights_that_went_away_show_before_anything_is_sent(ward: Ward, cluster: tuple[Cluster, Json]) -> None:
    api, place = cluster
    await furnished(ward, clusters=[place])
    key = await approved(ward, "more-pods", workload="cart", replicas=4)
    api.role = set(READS)

    await ward.reached(key, "invalidated")
    assert "a dry run is refused: 403 Forbidden" in await said(ward, key)
    assert api.writes == []


async def test_the_rules_fill_in_the_only_unready_pod_and_the_revision_before(
    ward: Ward, cluster: tuple[Cluster, Json]
) -> None:
    api, place = cluster
    await furnished(ward, clusters=[place])
    incident, site = await ward.incident("svc-0"), await ward.house.site()
    sights = await look_around(ward.store, site, incident["id"])
    async with ward.store.begin() as conn:
        inventory = await read_inventory(conn, site, await incidents.get(conn, incident["id"]), sights)
        books = await current_playbooks(conn, site)
    assert fill_parameters(books["evict"], inventory, "svc-0") == {"service": "svc-0", "pod": "cart-2-a"}
    more = fill_parameters(books["more-pods"], inventory, "svc-0")
    assert more == {"service": "svc-0", "workload": "cart", "replicas": 3}
    earlier = fill_parameters(books["earlier"], inventory, "svc-0")
    assert earlier == {"service": "svc-0", "workload": "cart", "revision": "1"}

    stray = await wish(ward, "evict", pod="stray")
    assert (stray["state"], stray["decision"]["guardrail"]) == ("denied", "unknown_parameter")
    key = await approved(ward, "evict", pod="cart-2-a")
    await ward.reached(key, "verifying")
    assert [e["evicted"] for e in api.objects.effects] == ["cart-2-a"]


async def test_a_setting_that_did_harm_is_proposed_to_go_back(ward: Ward) -> None:
    knob = Knob()
    with FarSide(knob.answer) as side:
        limit = {
            "id": "limit", "service": "svc-0", "url": f"{side.url}/settings/limit", "kind": "integer",
            "minimum": 1, "maximum": 99, "allow_private": True,
        }  # fmt: skip
        service = await furnished(ward, settings=[limit])
        key = await approved(ward, "set-limit", setting="limit", value=20)
        await ward.run(4 * EVERY_S)
        assert knob.effects == [(20, str(key))]
        await ward.clear(service)
        await ward.reached(key, "verified")
        await ward.alert(service)
        await ward.reached(key, "regressed")

        await ward.work()
        [told] = await ward.told(service, "rollback.proposed")
        back = await ward.execution(UUID(told["body"]["proposed"]))
        assert back["state"] == "awaiting_approval", back["decision"]
        assert back["intent"]["parameters"] == {"service": "svc-0", "setting": "limit", "value": 10}
        assert dict(card_lines(back["card"]))["Does"] == "set limit to 10 in place of 20"
        await ward.decide(back["id"])
        await ward.reached(back["id"], "verifying")
        assert knob.value == 10


async def test_a_ticket_is_opened_with_what_the_card_says(ward: Ward, tmp_path: Path) -> None:
    issues = Issues("tok")
    (tmp_path / "tok").write_text("tok")
    with FarSide(issues.github) as side:
        desk = {
            "id": "desk", "kind": "github", "url": side.url, "project": "team/shop", "allow_private": True,
            "token_file": str(tmp_path / "tok"),
        }  # fmt: skip
        await furnished(ward, trackers=[desk])
        key = await approved(ward, "ticket")
        await ward.reached(key, "verifying")

        [row] = issues.rows
        assert row["title"] == f"Incident #{(await ward.incident('svc-0'))['number']}: carer asked for it: a hunch"
        assert {label["name"] for label in row["labels"]} > {"nightshift"}


async def test_a_command_is_shown_as_the_line_that_will_run(ward: Ward, tmp_path: Path) -> None:
    key = "ssh-ed25519 " + "A" * 68
    host = {
        "id": "web-1", "address": "127.0.0.1", "port": 1, "user": "healer", "host_keys": [key],
        "key_file": str(tmp_path / "none"), "services": ["svc-0"],
    }  # fmt: skip
    await furnished(ward, hosts=[host])
    row = await wish(ward, "say", host="web-1", command="unit_status", unit="worker.service")
    assert row["state"] == "awaiting_approval", row["decision"]
    card = dict(card_lines((await ward.execution(row["id"]))["card"]))
    assert card["Does"] == "run on host:web-1: systemctl --no-pager status -- worker.service"
    other = await wish(ward, "say", host="web-1", command="rm", unit="worker.service")
    assert (other["state"], other["decision"]["guardrail"]) == ("denied", "no_endpoint")
    assert "no command 'rm' in the allow-list" in other["decision"]["detail"]
