"""The signals of an incident at one moment: its own service, the touched service, and the traffic."""

from dataclasses import dataclass
from datetime import datetime

from core.errors import Unavailable
from core.site import Site
from core.verdict import CheckState, worst
from engine.house import House
from store.pool import Row
from tools.read.health import check_service, usual_traffic
from tools.read.sources import open_metrics


@dataclass(frozen=True)
class Signals:
    """What the signals say; windows in seconds, traffic in requests per second."""

    state: CheckState
    detail: str
    traffic: float | None
    usual_traffic: float | None
    window_s: float
    interval_s: float


async def read_signals(house: House, site: Site, incident: Row, execution: Row, at: datetime) -> Signals:
    """Read them now. Where no rule watches the services, the sender's own word on its alerts is the signal."""
    every_s = site.timings.verify_every_s
    services = [incident["service"]]
    touched = execution["intent"]["parameters"].get("service")
    if touched and touched not in services:
        services.append(touched)
    watched = [name for name in services if any(rule.service == name for rule in site.rules)]
    if not watched:
        state = CheckState.BAD if incident["firing_count"] else CheckState.GOOD
        return Signals(state, f"{incident['firing_count']} alerts fire", None, None, 0.0, every_s)
    metrics = open_metrics(house.store, site, house.client)
    try:
        checks = [await check_service(metrics, site, name, at) for name in watched]
        usual = await usual_traffic(metrics, site, incident["service"], incident["started_at"])
    except Unavailable as error:
        return Signals(CheckState.MISSING, error.detail, None, None, 0.0, every_s)
    return Signals(
        state=worst([check.state for check in checks]),
        detail="; ".join(check.detail for check in checks if check.detail) or f"{' and '.join(watched)} are well",
        traffic=checks[0].traffic,
        usual_traffic=usual,
        window_s=max(check.window_s for check in checks),
        interval_s=every_s,
    )
