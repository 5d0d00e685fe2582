"""The signals of an incident at one moment: its own service, the touched service, and the traffic."""

from dataclasses import dataclass
from datetime import datetime

from core.errors import Unavailable
from core.site import Site
from core.verdict import CheckState, worst
from engine.evaluator import SOURCE
from engine.house import House
from store import alerts, executions, staleness
from store.pool import Row
from tools.read.health import check_service, usual_traffic
from tools.read.sources import open_metrics

CLOCK_MARGIN_S = 2.0
"""How much a sender's clock may differ from ours before its word on the past counts."""


@dataclass(frozen=True)
class Signals:
    """What the signals say; windows in seconds, traffic in requests per second."""

    state: CheckState
    detail: str
    traffic: float | None
    usual_traffic: float | None
    window_s: float
    interval_s: float
    counts_traffic: bool = False


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
        once = await executions.told_once(conn, incident["id"])
    said = f"{outside} alerts of their senders still fire" if outside else ""
    said += f", {unknown} of them not repeated any more" if unknown else ""
    if incident["service"] not in watched:
        # Its senders' word is the only signal there is for this service.
        word = CheckState.BAD if outside > unknown else CheckState.MISSING if unknown else CheckState.GOOD
        if not incident["alert_count"]:  # a stand-in for an incident that was lost: nobody ever said anything
            word, said = CheckState.MISSING, "there is no signal"
    else:
        # The rules judge; an alert that its sender has not ended yet keeps the judgement open, no more. A job that
        # failed tells that it did, and nobody waits for its word that it did not: that is what the rules are for.
        word = CheckState.MISSING if outside > once else CheckState.GOOD
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
        counts_traffic=own is not None and site.service(incident["service"]).traffic is not None,
    )


async def was_well(house: House, site: Site, incident: Row, execution: Row, at: datetime) -> bool:
    """Was everything well at an earlier moment, by what is known now? Without any signal of that time: no."""
    services = {incident["service"], str(execution["intent"]["parameters"].get("service") or incident["service"])}
    watched = sorted(name for name in services if any(rule.service == name for rule in site.rules))
    async with house.store.begin() as conn:
        told = await executions.alerts_at(conn, incident["id"], SOURCE, at=at, margin_s=CLOCK_MARGIN_S)
    if told["firing"] or not (told["alerts"] or watched) or (told["once"] and not watched):
        return False
    metrics = open_metrics(house.store, site, house.client)
    try:
        checks = [await check_service(metrics, site, name, at) for name in watched]
    except Unavailable:
        return False
    return all(check.state is CheckState.GOOD for check in checks)
