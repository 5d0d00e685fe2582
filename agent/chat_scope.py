"""What a chat may look at: an incident with all services of the site, or the services alone."""

from dataclasses import replace
from datetime import timedelta

from agent.about import About
from agent.diagnosis_form import diagnosis_from_json
from agent.scope import SERVICES_MAX, SIGNALS_MAX, Scope, read_scope
from agent.trouble import STEPS_MAX, Trouble
from core.diagnosis import Cause, Diagnosis
from core.regrouping import OVER
from store import diagnoses

NOTHING_FOUND = "Nothing was investigated yet."


async def read_chat_scope(about: About, *, may_propose: bool) -> Scope:
    """The scope of a turn; actions are on offer only on an incident that is not over, to who may propose them."""
    ctx, incident = about.ctx, about.incident
    if incident is None:
        blank = Diagnosis(Cause.UNKNOWN, "", NOTHING_FOUND, (), (), confirmed=False)
        return _with_all_services(Scope(ctx, None, blank, _now(about), (), (), ()))
    async with ctx.store.begin() as conn:
        known = await diagnoses.last(conn, incident["id"])
    blank = Diagnosis(Cause.UNKNOWN, incident["service"], NOTHING_FOUND, (), (), confirmed=False)
    draft = diagnosis_from_json(known["body"]) if known else blank
    may = may_propose and incident["state"] not in OVER
    return _with_all_services(await read_scope(ctx, incident, draft, may_act=may))


def _now(about: About) -> Trouble:
    """No trouble, only the time: the last quarter is compared with what was before."""
    site = about.ctx.site
    start = about.now - timedelta(seconds=site.timings.before_s)
    return Trouble(
        environment=site.environment,
        service="",
        dependencies=(),
        alerted=frozenset(),
        started_at=about.now,
        start=start,
        boundary=about.now - (about.now - start) / 4,
        end=about.now,
        step_s=max(site.timings.scrape_s, site.timings.before_s / STEPS_MAX),
    )


def _with_all_services(scope: Scope) -> Scope:
    """The incident's services first: people also ask about others."""
    site = scope.ctx.site
    services = tuple(dict.fromkeys((*scope.services, *sorted(site.services))))[:SERVICES_MAX]
    signals = tuple(f"{name}/{signal}" for name in services for signal in site.service(name).signals)
    return replace(scope, services=services, signals=signals[:SIGNALS_MAX])
