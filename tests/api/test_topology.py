"""Dependencies from the file and from labels: seen with their origin, used for grouping, forgotten in time."""

from typing import Any

import pytest

from core.site import Service, Site
from core.topology import Direction, Learning
from store import dependencies

PATH = "/api/v1/topology"


async def fire(door: Any, service: str, name: str = "Slow", **labels: str) -> int:
    """The number of the incident that this alert belongs to."""
    alert = {"name": f"{name}-{service}", "service": service, "status": "firing", "labels": labels}
    answer = await door.post("/api/v1/webhooks/generic/shopmon", alert, "shopmon")
    assert answer.status_code == 200, answer.text
    [row] = await door.rows(
        "SELECT i.number FROM alerts a JOIN incidents i ON i.id = a.incident_id WHERE a.name = %s"
        " ORDER BY a.received_at DESC LIMIT 1",
        alert["name"],
    )
    return int(row["number"])


def describe(monkeypatch: pytest.MonkeyPatch, door: Any, **more: Any) -> None:
    site = Site(1, "test", **more)

    async def ruling() -> Site:
        return site

    monkeypatch.setattr(door.house, "site", ruling)
    monkeypatch.setattr(door.house.intake, "_site", ruling)


async def test_a_label_teaches_an_edge_and_the_other_side_joins(door: Any) -> None:
    first = await fire(door, "cart", peer_service="orders-db, mail")
    assert await fire(door, "orders-db") == first
    assert await fire(door, "mail") == first
    assert await fire(door, "unrelated") != first
    edges = (await door.get(PATH)).json()["edges"]
    assert [(e["service"], e["depends_on"], e["from"], e["label"], e["source"], e["used"]) for e in edges] == [
        ("cart", "mail", "labels", "peer_service", "shopmon", True),
        ("cart", "orders-db", "labels", "peer_service", "shopmon", True),
    ]
    assert all(e["first_seen"] <= e["last_seen"] < e["expires_at"] for e in edges)


async def test_a_learned_service_joins_one_of_the_site_whose_environment_it_does_not_name(door: Any) -> None:
    first = await fire(door, "shop", upstream="payments")
    assert await fire(door, "payments") == first
    assert await fire(door, "payments", "Other", environment="elsewhere") != first


async def test_what_the_file_says_of_a_service_wins_and_shows(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    services = {"cart": Service("cart", depends_on=("orders-db",)), "orders-db": Service("orders-db")}
    describe(monkeypatch, door, services=services)
    first = await fire(door, "cart", depends_on="mail")
    assert await fire(door, "mail") != first
    assert await fire(door, "orders-db") == first
    edges = (await door.get(PATH)).json()["edges"]
    assert [(e["depends_on"], e["from"], e["used"]) for e in edges] == [
        ("orders-db", "file", True), ("mail", "labels", False),
    ]  # fmt: skip


async def test_alerts_without_such_labels_write_nothing_and_an_edge_is_forgotten(door: Any) -> None:
    await fire(door, "cart", team="shop")
    assert await door.rows("SELECT 1 FROM dependencies") == []
    await fire(door, "cart", "Wrong", depends_on="mail")
    await door.rows("UPDATE dependencies SET last_seen = store.now() - interval '8 days' RETURNING 1")
    assert (await door.get(PATH)).json()["edges"] == []
    assert await fire(door, "mail") != await fire(door, "cart", "Slow")
    async with door.store.begin() as conn:
        await dependencies.forget(conn, older_than_s=7 * 86_400)
    assert await door.rows("SELECT 1 FROM dependencies") == []


async def test_labels_are_the_operators_choice_and_their_number_is_bounded(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(monkeypatch, door, learning=Learning({"used_by": Direction.NEEDS_IT}, edges_max=2))
    await fire(door, "db", used_by="cart", depends_on="disk")
    await fire(door, "db", "More", used_by="shop mail app")
    await fire(door, "db", "Odd", used_by="'; DROP TABLE alerts --")
    rows = await door.rows("SELECT service, depends_on FROM dependencies")
    assert len(rows) <= 4, "about as many as are allowed: one delivery may pass the line"
    assert {"service": "cart", "depends_on": "db"} in rows
    before = len(rows)
    await fire(door, "db", "Again", used_by="cart further")
    assert len(await door.rows("SELECT 1 FROM dependencies")) == before


async def test_services_are_taken_over_from_a_file_and_the_rest_of_the_site_stays(door: Any) -> None:
    async with door.client("admin") as admin:
        whole = {"environment": "test", "services": {"shop": {"kind": "http", "signals": {}}, "mail": {}}}
        assert (await admin.put("/api/v1/site", json=whole)).status_code == 200
        wanted = {"services": {"shop": {"depends_on": ["orders-db"]}, "orders-db": {"kind": "postgres"}}}
        said = await admin.put(f"{PATH}/services", json=wanted)
        assert (said.status_code, said.json()["changed"]) == (200, True), said.text
        body = (await admin.get("/api/v1/site")).json()["body"]
        assert body == {
            "environment": "test",
            "services": {
                "shop": {"kind": "http", "signals": {}, "depends_on": ["orders-db"]},
                "mail": {},
                "orders-db": {"kind": "postgres", "depends_on": []},
            },
        }
        assert (await admin.put(f"{PATH}/services", json=wanted)).json()["changed"] is False
        lost = await admin.put(f"{PATH}/services", json={"services": {"shop": {"depends_on": ["nowhere"]}}})
        assert (lost.status_code, "nowhere" in lost.json()["detail"]) == (422, True)
        odd = await admin.put("/api/v1/site", json={"topology": {"labels": {"upstream": "sideways"}}})
        assert (odd.status_code, "needed, needs_it" in odd.json()["detail"]) == (422, True)
    async with door.client("operator") as operator:
        assert (await operator.put(f"{PATH}/services", json=wanted)).status_code == 403
