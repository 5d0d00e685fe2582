"""What rules now: the newest policy over the site's own."""

from dataclasses import replace

from core.policy_form import read_policy
from core.policy_rules import Policy
from core.site import Site
from store import policies
from store.pool import Connection


async def ruled(conn: Connection, site: Site) -> Site:
    """The site with the policy that was applied last, where one was. Its version counts changes of both.

    What the site's own section protects stays protected: nobody loses that by writing a policy file.
    """
    row = await policies.newest(conn)
    if row is None:
        return site
    policy = read_policy(row["body"], f"policy version {row['version']}")
    return replace(site, policy=joined(site.policy, policy), version=max(site.version, row["version"]))


def joined(own: Policy, applied: Policy) -> Policy:
    """The applied policy, protecting what either protects."""
    return replace(applied, protected=tuple(dict.fromkeys((*applied.protected, *own.protected))))
