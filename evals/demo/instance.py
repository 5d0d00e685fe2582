"""One instance of the shop: its release, its prices, its metrics, its log and how it answers."""

import asyncio
import json
import time
from pathlib import Path
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from evals.demo.catalogue import FIRST_RELEASE, RELEASES, ROUTES, BadCartId, cart_of, total_cent
from evals.demo.connection import Connection
from evals.demo.log_file import LogFile, quoted
from evals.demo.serving import BadBody, Receive, Scope, Send, answer, answer_json, header, read_object

price_refresh_s = 0.5
price_age_max_s = 1.5
price_wait_s = 1.0
# Not a divisor of the number of routes: else a regular load would always show the same routes in the log.
INFO_ONE_IN = 21
BUCKETS_S = (0.001, 0.005, 0.025, 0.1, 0.5)


class PricingUnavailable(Exception):
    """The prices are too old to sell by; look at the pricing service."""


class Instance:
    """An ASGI app that answers the shop's routes."""

    def __init__(self, name: str, log_dir: Path) -> None:
        self.name, self.release = name, FIRST_RELEASE
        self.log = LogFile(log_dir, name)
        self._prices: dict[str, int] = {}
        self._priced_at = time.monotonic()
        self._answered = 0
        self._meter()

    def _meter(self) -> None:
        self.registry = CollectorRegistry()
        requests = Counter("shop_requests", "Requests answered", ["route"], registry=self.registry)
        errors = Counter("shop_request_errors", "Requests answered with 5xx", ["route"], registry=self.registry)
        # Every child exists from the first scrape on, so that a rate has a zero to start from.
        self._requests = {route: requests.labels(route) for route in ROUTES}
        self._errors = {route: errors.labels(route) for route in ROUTES}
        self._seconds = Histogram("shop_request_seconds", "Time to answer", buckets=BUCKETS_S, registry=self.registry)
        age = Gauge("shop_price_age_seconds", "Age of the price table", registry=self.registry)
        age.set_function(self._price_age_s)
        self._info = Info("shop_release", "The release that runs", registry=self.registry)
        self._info.info({"version": self.release})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if path in self._requests:
            status, value = self._shop(path, scope)
            await answer_json(send, status, value)
        elif path == "/metrics":
            await answer(send, 200, generate_latest(self.registry), CONTENT_TYPE_LATEST.encode())
        elif path == "/healthz":
            await answer_json(send, 200, {"ok": True, "instance": self.name, "release": self.release})
        elif path == "/-/release" and scope["method"] == "POST":
            await self._switch(receive, send)
        else:
            agent = quoted(header(scope, b"user-agent"))
            self.log.line("WARN", f"release={self.release} status=404 path={quoted(path)} user_agent={agent}")
            await answer_json(send, 404, {"error": "The shop has no such page."})

    async def refresh_prices(self, host: str, port: int, first_after_s: float) -> None:
        """Fetch the price table again and again; a failure shows as the age of the table we have."""
        pricing = Connection(host, port, f"{self.name}/prices", price_wait_s)
        await asyncio.sleep(first_after_s)
        while True:
            try:
                status, body = await pricing.get("/prices")
                if status == 200:
                    self._prices, self._priced_at = json.loads(body)["prices"], time.monotonic()
            except OSError:
                pass
            await asyncio.sleep(price_refresh_s)

    def _price_age_s(self) -> float:
        return time.monotonic() - self._priced_at

    def _shop(self, route: str, scope: Scope) -> tuple[int, dict[str, str]]:
        began = time.perf_counter()
        cart_id = parse_qs(scope["query_string"].decode("latin-1")).get("cart", ["0"])[0]
        try:
            status, value = 200, self._page(route, cart_id)
        except BadCartId as error:
            status, value = 400, {"error": str(error.__doc__)}
        except PricingUnavailable as error:
            status, value = 503, {"error": "The shop is closed for a moment."}
            self._log_failure(route, status, cart_id, scope, f"PricingUnavailable: {error}")
        except Exception as error:  # as any server does: the request fails, the process stays
            status, value = 500, {"error": "Something went wrong."}
            cause = f"{type(error).__name__}: {error} in {_place_of(error)}"
            self._log_failure(route, status, cart_id, scope, cause)
        self._requests[route].inc()
        self._seconds.observe(time.perf_counter() - began)
        self._answered += 1
        if status < 500 and self._answered % INFO_ONE_IN == 0:
            fields = f"route={route} status={status} cart={quoted(cart_id) if status == 400 else cart_id}"
            self.log.line("INFO", f"release={self.release} {fields}")
        return status, value

    def _page(self, route: str, cart_id: str) -> dict[str, str]:
        cart = cart_of(cart_id)
        age_s = self._price_age_s()
        if age_s > price_age_max_s or not self._prices:
            raise PricingUnavailable(f"price table is {age_s:.1f} s old")
        total = RELEASES[self.release](cart, total_cent(cart, self._prices))
        return {"route": route, "cart": cart.id, "total": total}

    def _log_failure(self, route: str, status: int, cart_id: str, scope: Scope, cause: str) -> None:
        self._errors[route].inc()
        fields = f"release={self.release} route={route} status={status} cart={cart_id}"
        self.log.line("ERROR", f"{fields} {cause} user_agent={quoted(header(scope, b'user-agent'))}")

    async def _switch(self, receive: Receive, send: Send) -> None:
        try:
            version = str((await read_object(receive)).get("version"))
        except BadBody as error:
            return await answer_json(send, 400, {"error": str(error)})
        if version not in RELEASES:
            known = ", ".join(RELEASES)
            return await answer_json(send, 404, {"error": f"Unknown release; send one of {known}."})
        previous, self.release = self.release, version
        self._info.info({"version": version})
        self.log.line("INFO", f"release={version} switched from {previous}")
        return await answer_json(send, 200, {"instance": self.name, "version": version, "previous": previous})


def _place_of(error: Exception) -> str:
    """The function, file and line that raised."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return "an unknown place"
    code = at.tb_frame.f_code
    return f"{code.co_name} ({Path(code.co_filename).name}:{at.tb_lineno})"
