"""The demo's site file: what an operator would write about the shop, with timings shortened for a demo."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.demo.catalogue import PRICING_INSTANCE

WINDOW_S = 3
TIMINGS = {
    "scrape_s": 1,
    "evaluate_s": 1,
    "settle_s": 2,
    "resolve_after_s": 1.5,
    "reopen_s": 0,
    "approval_expires_s": 300,
    "lease_s": 3,
    "verify_every_s": 1,
    "change_lookback_s": 15,
    "before_s": 15,
    "watch_s": 3,
    "cooldown_s": 0,
}
SHOP = {"service": "shop"}


def demo_site(shop_ports: Sequence[int], pricing_port: int, deployer_port: int, pager_port: int, logs: Path) -> Any:
    """The body of the site file."""
    deployer = f"http://127.0.0.1:{deployer_port}"
    common = {"token_env": "DEPLOYER_TOKEN", "allow_private": True, "probe_url": f"{deployer}/operations/{{key}}"}
    targets = [
        {"service": "shop", "instance": f"shop-{n}", "url": f"http://127.0.0.1:{port}/metrics"}
        for n, port in enumerate(shop_ports, 1)
    ]
    pricing = {
        "service": "pricing",
        "instance": PRICING_INSTANCE,
        "url": f"http://127.0.0.1:{pricing_port}/metrics",
    }
    return {
        "environment": "demo",
        "services": _services(),
        "targets": [*targets, pricing],
        "logs": [
            {"service": "shop", "pattern": str(logs / "shop-*.log")},
            {"service": "pricing", "pattern": str(logs / "pricing-*.log")},
        ],
        "rules": _rules(),
        "endpoints": [
            {
                "id": "shop-rollback", "action": "deploy_rollback", "service": "shop",
                "url": f"{deployer}/rollback", **common,
            },
            {
                "id": "pricing-restart", "action": "restart_instance", "service": "pricing", "allow_restart": True,
                "url": f"{deployer}/restart", **common,
            },
            {
                "id": "orders-db-restart", "action": "restart_instance", "service": "orders-db", "allow_restart": True,
                "url": f"{deployer}/drop-database", **common,
            },
        ],
        "channels": [{"id": "pager", "kind": "webhook", "url": f"http://127.0.0.1:{pager_port}/page"}],
        "timings": TIMINGS,
    }  # fmt: skip


def _services() -> dict[str, Any]:
    errors = {
        "kind": "ratio", "metric": "shop_request_errors_total", "divide_by": "shop_requests_total",
        "by": ["instance"], "window_s": WINDOW_S,
    }  # fmt: skip
    price_age = {"kind": "value", "metric": "shop_price_age_seconds", "aggregate": "max", "window_s": WINDOW_S}
    up = {"kind": "value", "metric": "up", "by": ["instance"], "aggregate": "min", "window_s": WINDOW_S}
    traffic = {"kind": "rate", "metric": "shop_requests_total", "window_s": WINDOW_S}
    prices = {"kind": "rate", "metric": "pricing_requests_total", "window_s": WINDOW_S}
    return {
        "shop": {
            "kind": "http",
            "depends_on": ["pricing", "orders-db"],
            "signals": {"errors": errors, "price_age": price_age, "up": up},
            "traffic": traffic,
        },
        "pricing": {"kind": "http", "signals": {"up": up, "requests": prices}},
        "orders-db": {"kind": "database"},
    }


def _rules() -> list[dict[str, Any]]:
    errors = {
        "kind": "ratio", "metric": "shop_request_errors_total", "divide_by": "shop_requests_total",
        "by": ["instance", "route"], "window_s": WINDOW_S, "matchers": SHOP,
    }  # fmt: skip
    up = {"kind": "value", "metric": "up", "by": ["instance"], "aggregate": "min", "window_s": WINDOW_S}
    return [
        {
            "name": "RouteErrorsHigh", "query": errors, "comparison": ">", "threshold": 0.2, "for_s": 1,
            "labels": {"service": "shop", "severity": "critical"}, "summary": "more than 20 % of requests fail",
        },
        *(
            {
                "name": "TargetDown", "query": {**up, "matchers": {"service": service}}, "comparison": "<",
                "threshold": 1, "for_s": 1, "labels": {"service": service, "severity": "critical"},
                "summary": "the instance does not answer its scrapes",
            }
            for service in ("shop", "pricing")
        ),
    ]  # fmt: skip
