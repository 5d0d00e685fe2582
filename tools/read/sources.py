"""Which sources a site has: the built-in collector, Prometheus, log files."""

import httpx

from core.site import Site
from store.pool import Store
from tools.read.logs import LogSource
from tools.read.metrics import CollectorMetrics, FirstThatKnows, MetricsSource, PrometheusMetrics
from tools.read.stored_logs import LogsByService


def open_metrics(store: Store, site: Site, client: httpx.AsyncClient) -> MetricsSource:
    """The collector first, then Prometheus, whichever knows the series."""
    collector = CollectorMetrics(store)
    if not site.prometheus_url:
        return collector
    return FirstThatKnows([collector, PrometheusMetrics(site.prometheus_url, client)])


def open_logs(site: Site, store: Store) -> LogSource:
    """The site's log files: watched ones out of the store, the others as they lie."""
    return LogsByService(site, store)
