"""The scope of an investigation: what a model's tools may look at, and nothing beyond it."""

from dataclasses import dataclass

from agent.context import Context
from agent.offer import Offer, read_offers
from agent.trouble import Trouble, trouble_of
from core.diagnosis import Diagnosis
from store import alerts, pool
from store.pool import Row
from tools.act.inventory import read_inventory
from tools.act.looking import look_around

SERVICES_MAX = 30
SIGNALS_MAX = 80


@dataclass(frozen=True)
class Scope:
    """One incident, the rules' result, the times that are compared, the services, and the actions on offer.

    `signals` are the questions that may be put to metrics, as `service/signal`. A chat about nothing in particular has
    no incident, and then no action is on offer.
    """

    ctx: Context
    incident: Row | None
    draft: Diagnosis
    trouble: Trouble
    services: tuple[str, ...]
    signals: tuple[str, ...]
    offers: tuple[Offer, ...]

    @property
    def about(self) -> Row:
        """The incident, for tools that are only there with one."""
        assert self.incident is not None, "tools about an incident are not offered without one"
        return self.incident


async def read_scope(ctx: Context, incident: Row, draft: Diagnosis, *, may_act: bool = True) -> Scope:
    """Read it once at the start of a run, so that equal questions are about equal times.

    Unless it `may_act`, nobody looks for actions, and none is on offer.
    """
    sights = await look_around(ctx.store, ctx.site, incident["id"]) if may_act else {}
    async with ctx.store.begin() as conn:
        now = await pool.now(conn)
        summary = await alerts.summary(conn, incident["id"])
        inventory = await read_inventory(conn, ctx.site, incident)
        offers = await read_offers(conn, ctx.site, incident, sights) if may_act else []
    trouble = trouble_of(ctx.site, incident, summary, now)
    services = tuple(dict.fromkeys((*trouble.services, *sorted(inventory.services))))[:SERVICES_MAX]
    signals = tuple(f"{name}/{signal}" for name in services for signal in ctx.site.service(name).signals)
    return Scope(ctx, incident, draft, trouble, services, signals[:SIGNALS_MAX], tuple(offers))
