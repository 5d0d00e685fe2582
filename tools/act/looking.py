"""Looking at everything registered that an action on an incident may be about, outside of any transaction."""

from collections.abc import Collection
from uuid import UUID

from core.hand import LOOKED_AT
from core.playbook import ActionType
from core.site import Site
from store import incidents
from store.pool import Store
from tools.act.inventory import read_inventory
from tools.act.proposals import current_playbooks
from tools.act.sight import Sights, look_at


async def look_around(store: Store, site: Site, incident_id: UUID, only: Collection[str] | None = None) -> Sights:
    """Read how they stand now, for the action types of the playbooks that there are, or `only` of these types."""
    if not (site.clusters or site.engines or site.settings):
        return {}
    async with store.begin() as conn:
        inventory = await read_inventory(conn, site, await incidents.get(conn, incident_id))
        books = await current_playbooks(conn, site)
    wanted = {book.action for book in books.values()} if only is None else set(only)
    actions = [ActionType(action) for action in sorted(wanted & LOOKED_AT)]
    return await look_at(site, [(action, hand) for action in actions for hand in inventory.hands(action)])
