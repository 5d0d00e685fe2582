"""The built-in collector: scrapes every target of the site and stores the samples."""

import asyncio
import math
from collections.abc import Iterator, Mapping
from time import monotonic

import httpx
import structlog
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from core.plain_text import storable_value
from core.site import Site, Target
from engine.house import House
from store.pool import now
from store.samples import Sample, SeriesIndex

log = structlog.get_logger(__name__)

SCRAPE_TIMEOUT_S = 5.0
SCRAPE_BYTES_MAX = 8 * 1024 * 1024
SAMPLES_PER_TARGET_MAX = 20_000
ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


class Collector:
    """One process leads; a target that does not answer is `up 0`, and its series simply end."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._index = SeriesIndex()

    async def run(self) -> None:
        """One scrape of everything, then the pause that is left of the interval."""
        started = monotonic()
        site = await self._house.site()
        if site.targets:
            await self._scrape_all(site)
        await self._house.rest(started, lambda timings: timings.scrape_s)

    async def _scrape_all(self, site: Site) -> None:
        answers = await asyncio.gather(*(self._scrape(site, target) for target in site.targets))
        async with self._house.store.begin() as conn:
            at = await now(conn)
            try:
                await self._index.insert(conn, at, [sample for answer in answers for sample in answer])
            except Exception:
                self._index = SeriesIndex()  # what it learned in this transaction was rolled back
                raise

    async def _scrape(self, site: Site, target: Target) -> list[Sample]:
        labels = {"environment": site.environment, "service": target.service, "instance": target.instance}
        timeout = min(SCRAPE_TIMEOUT_S, max(site.timings.scrape_s, 0.5))
        try:
            text, openmetrics = await self._fetch(target.url, timeout)
            found = list(_samples(text, openmetrics, labels))
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            log.info("scrape.failed", target=target.instance, error=repr(error)[:200])
            return [("up", labels, 0.0)]
        return [("up", labels, 1.0), *found]

    async def _fetch(self, url: str, timeout_s: float) -> tuple[str, bool]:
        body = bytearray()
        async with (
            asyncio.timeout(timeout_s),
            self._house.client.stream("GET", url, headers={"Accept": ACCEPT}) as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > SCRAPE_BYTES_MAX:
                    raise ValueError("the answer is larger than 8 MiB")
        return body.decode(), "openmetrics" in answer.headers.get("content-type", "")


def _samples(text: str, openmetrics: bool, labels: Mapping[str, str]) -> Iterator[Sample]:
    """The scraped labels, under the target's own, which a service cannot forge."""
    count = 0
    for family in (read_openmetrics if openmetrics else read_prometheus)(text):
        for sample in family.samples:
            if sample.name.endswith("_created") or not math.isfinite(sample.value):
                continue
            count += 1
            if count > SAMPLES_PER_TARGET_MAX:
                raise ValueError(f"more than {SAMPLES_PER_TARGET_MAX} samples")
            yield sample.name, {**storable_value(sample.labels), **labels}, sample.value
