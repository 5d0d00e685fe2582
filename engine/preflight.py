"""The last look before an action: is it what was approved, may it still run, and is it still wanted?"""

from core.decision import MAY_ACT, Decision, widened
from core.facts import Candidate, Facts
from core.intent import Intent
from core.playbook import Playbook
from core.policy import decide, explain
from core.role import Role
from core.site import Site
from core.verdict import CheckState
from engine.reconciling import OBSERVE_ONLY
from engine.signals import Signals
from store import approvals, incidents, policies
from store.pool import Connection, Row
from store.site import switch_is_on
from tools.act.gate import read_facts
from tools.act.inventory import read_inventory
from tools.act.proposals import current_playbooks
from tools.act.ruling import ruled
from tools.act.shadow import shaded
from tools.act.sight import Sights

UNDER_GLASS = frozenset(
    {"maintenance", "freeze", "cooldown", "retries_spent", "breaker", "blast_radius", "service_blast_radius",
     "track_record"}
)  # fmt: skip
"""The guardrails about haste and habit, which broken glass may pass; everything else holds for everybody."""
BOUND_COLUMNS = ("action", "playbook_id", "playbook_version", "resource_id", "endpoint_id")


async def fault_of(
    conn: Connection, site: Site, row: Row, signals: Signals, sights: Sights
) -> tuple[Playbook | None, Intent, str]:
    """Why the approved action must not run now, if so."""
    intent = Intent.stored(row["intent"], row["observed"])
    incident = await incidents.get(conn, row["incident_id"])
    playbook = (await current_playbooks(conn, site)).get(intent.playbook_id)
    ruling = await ruled(conn, site)
    inventory = await read_inventory(conn, ruling, incident, sights)
    asked = row["origin"] == "person"
    facts = await read_facts(conn, inventory, intent, except_execution=row["id"], asked_by_person=asked)
    if await switch_is_on(conn, OBSERVE_ONLY):
        return playbook, intent, f"{OBSERVE_ONLY}: a person has to turn that off before anything acts"
    if any(intent.bound().get(name) != row[name] for name in BOUND_COLUMNS) or intent.hash != row["intent_hash"]:
        return playbook, intent, "the row and the intent in it are about different actions"
    approval = await approvals.of_execution(conn, row["id"])
    if approval and approval["kind"] == "people" and not await agreed(conn, approval):
        return playbook, intent, f"fewer than {approval['needed']} people who may decide stand behind it"
    if approval and approval["kind"] == "break_glass":
        refusal = under_glass(Candidate(intent, playbook), facts)
        if refusal:
            return playbook, intent, f"{refusal.guardrail}: {refusal.detail}"
    else:
        answer = await shaded(conn, decide(Candidate(intent, playbook), facts), asked_by_person=asked)
        if wider := widened(row["decision"], answer):
            return playbook, intent, wider
    if playbook is not None and playbook.version != intent.playbook_version:
        return playbook, intent, f"the playbook changed to version {playbook.version} since it was approved"
    if await policies.ruling_version(conn) != intent.policy_version:
        return playbook, intent, "the site's policy changed since it was approved"
    service = str(intent.parameters.get("service", incident["service"]))
    release = inventory.current.get(service, "")
    if release != intent.observed.get("release", ""):
        return playbook, intent, f"{service} runs {release} by now, not {intent.observed.get('release')}"
    if signals.state is CheckState.GOOD:
        return playbook, intent, "the symptom is gone: it recovered alone"
    return playbook, intent, ""


async def agreed(conn: Connection, approval: Row) -> bool:
    """Did as many people as are needed agree?"""
    return await behind(conn, approval) >= max(1, int(approval["needed"]))


async def behind(conn: Connection, approval: Row) -> int:
    """How many people stand behind it: who agreed, and has lost neither their account nor the role for it since."""
    needed = Role(approval["role"])
    votes = [vote for vote in await approvals.votes(conn, approval["id"]) if vote["verdict"] == "approve"]
    return len({vote["person_id"] for vote in votes if vote["is_active"] and Role(vote["role"]).covers(needed)})


def under_glass(candidate: Candidate, facts: Facts) -> Decision | None:
    """What still refuses an action when the glass is broken; None where nothing does."""
    answers = [answer for _, answer in explain(candidate, facts) if answer is not None]
    held = [a for a in answers if a.verb not in MAY_ACT and str(a.guardrail) not in UNDER_GLASS]
    return held[0] if held else None
