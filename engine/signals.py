"""The signals of an incident at one moment: its own service, the touched service, and the traffic."""

from dataclasses import dataclass
from datetime import datetime

from core.errors import Unavailable
from core.site import Site
from core.verdict import CheckState, worst
from engine.evaluator import SOURCE
from engine.house import House
from store import alerts, staleness
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
    """Read them now: the rules about the services, and the senders' own word on the alerts that came from outside."""
    every_s = site.timings.verify_every_s
    services = [incident["service"]]
    touched = execution["intent"]["parameters"].get("service")
    if touched and touched not in services:
        services.append(touched)
    watched = [name for name in services if any(rule.service == name for rule in site.rules)]
    async with house.store.begin() as conn:
        outside = await alerts.firing_elsewhere(conn, incident["id"], SOURCE)
        unknown = await staleness.elsewhere(conn, incident["id"], SOURCE)
    said = f"{outside} alerts of their senders still fire" if outside else ""
    said += f", {unknown} of them not repeated any more" if unknown else ""
    if incident["service"] not in watched:
        # Its senders' word is the only signal there is for this service.
        word = CheckState.BAD if outside > unknown else CheckState.MISSING if unknown else CheckState.GOOD
    else:
        # The rules judge; an alert that its sender has not ended yet keeps the judgement open, no more.
        word = CheckState.MISSING if outside else CheckState.GOOD
    metrics = open_metrics(house.store, site, house.client)
    try:
        checks = {name: await check_service(metrics, site, name, at) for name in watched}
        usual = await usual_traffic(metrics, site, incident["service"], incident["started_at"])
    except Unavailable as error:
        return Signals(CheckState.MISSING, error.detail, None, None, 0.0, every_s)
    own = checks.get(incident["service"])
    details = [*(check.detail for check in checks.values()), said]
    return Signals(
        state=worst([*(check.state for check in checks.values()), word]),
        detail="; ".join(text for text in details if text) or f"{' and '.join(services)}: all well",
        traffic=own.traffic if own else None,
        usual_traffic=usual if own else None,
        window_s=max((check.window_s for check in checks.values()), default=0.0),
        interval_s=every_s,
    )
