"""Offers: the exact actions that a model may choose from on one incident, made by code from the inventory."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.incident import signature_class
from core.intent import Intent
from core.playbook import ParameterKind, ParameterRule, Playbook, parameter_fault
from core.policy import MAY_ACT, Candidate, Decision, Guardrail, explain
from core.site import Site
from store import alerts
from store.pool import Connection, Row
from tools.act.gate import read_facts
from tools.act.inventory import Inventory, build_intent, fill_parameters, read_inventory
from tools.act.proposals import current_playbooks
from tools.act.sight import Sights

OFFERS_MAX = 100
FREE = frozenset({ParameterKind.CHOICE, ParameterKind.INTEGER})
# Reasons that no waiting cures; what they speak against is not offered at all.
NEVER = frozenset(
    {
        Guardrail.PROTECTED_RESOURCE,
        Guardrail.ACTS_NOT,
        Guardrail.OUTSIDE_INCIDENT,
        Guardrail.UNKNOWN_PARAMETER,
        Guardrail.NO_ENDPOINT,
    }
)


@dataclass(frozen=True)
class Offer:
    """A playbook with its resources filled in; only `free` parameters, choices and numbers, are left to choose."""

    playbook_id: str
    title: str
    fixed: Mapping[str, str]
    free: Mapping[str, ParameterRule]
    gate: str

    def fault(self, parameters: Mapping[str, Any]) -> str:
        """Why these parameters are not this offer's; empty where they are."""
        expected = {*self.fixed, *self.free}
        if set(parameters) != expected:
            return f"{self.playbook_id} takes exactly these parameters: {', '.join(sorted(expected)) or 'none'}"
        # The type counts as well: nothing that merely compares equal to a known word may pass.
        wrong = [n for n, value in self.fixed.items() if type(parameters[n]) is not str or parameters[n] != value]
        faults = [f"{name} of {self.playbook_id} is not one of the values that are offered" for name in wrong]
        faults += [f for name, rule in self.free.items() if (f := parameter_fault(name, parameters[name], rule, {}))]
        return "; ".join(faults)


async def read_offers(conn: Connection, site: Site, incident: Row, sights: Sights | None = None) -> list[Offer]:
    """Every action that fits the incident and that the gate may one day let pass, at most 100."""
    inventory = await read_inventory(conn, site, incident, sights)
    rows = await alerts.summary(conn, incident["id"])
    name, kind = rows[0]["name"] if rows else "", signature_class(incident["signature"])
    books = [b for b in (await current_playbooks(conn, site)).values() if b.acts and b.fits(kind, name)]
    offers = []
    for book, target in itertools.islice(_targets(books, inventory), OFFERS_MAX):
        free, fixed, intent = _filled(inventory, incident, book, target)
        answers = explain(Candidate(intent, book), await read_facts(conn, inventory, intent))
        said = [answer for _, answer in answers if answer is not None]
        if not any(answer.guardrail in NEVER for answer in said):
            offers.append(Offer(book.id, book.title, fixed, free, _words(said[0])))
    return list({(o.playbook_id, *sorted(o.fixed.items())): o for o in offers}.values())


@dataclass(frozen=True)
class Ruling:
    """What the gate says of a playbook on one target, asked by a person; `said` in the order of the guardrails."""

    book: Playbook
    target: str
    said: Sequence[Decision]

    @property
    def decision(self) -> Decision:
        """The first that speaks decides."""
        return self.said[0]


async def read_rulings(
    conn: Connection, site: Site, incident: Row, books: Sequence[Playbook], sights: Sights | None = None
) -> list[Ruling]:
    """For each of these playbooks the ruling on the target on which it gets furthest."""
    inventory = await read_inventory(conn, site, incident, sights)
    best: dict[str, Ruling] = {}
    for book, target in itertools.islice(_targets(books, inventory), OFFERS_MAX):
        _, _, intent = _filled(inventory, incident, book, target)
        facts = await read_facts(conn, inventory, intent, asked_by_person=True)
        said = [answer for _, answer in explain(Candidate(intent, book), facts) if answer is not None]
        ruling = Ruling(book, intent.resource_id, said)
        if book.id not in best or _progress(ruling) > _progress(best[book.id]):
            best[book.id] = ruling
    return [best[book.id] for book in books if book.id in best]


def _progress(ruling: Ruling) -> tuple[bool, int, int]:
    against = sum(answer.verb not in MAY_ACT for answer in ruling.said)
    return ruling.decision.verb in MAY_ACT, list(Guardrail).index(ruling.decision.guardrail), -against


def _filled(
    inventory: Inventory, incident: Row, book: Playbook, target: tuple[str, str]
) -> tuple[dict[str, ParameterRule], dict[str, Any], Intent]:
    """What is left to choose, what is not, and the intent that the gate can be asked about."""
    free = {name: rule for name, rule in book.parameters.items() if rule.kind in FREE}
    filled = fill_parameters(book, inventory, *target)
    fixed = {name: value for name, value in filled.items() if name not in free}
    return free, fixed, build_intent(inventory, incident, book.id, book, {**_tried(free), **filled})


def _targets(books: Sequence[Playbook], inventory: Inventory) -> "itertools.chain[tuple[Playbook, tuple[str, str]]]":
    pairs = [
        (service, instance) for service in sorted(inventory.services) for instance in _instances(inventory, service)
    ]
    return itertools.chain.from_iterable([(book, pair) for pair in pairs] for book in books)


def _instances(inventory: Inventory, service: str) -> list[str]:
    return inventory.instances(service) or [""]


def _tried(free: Mapping[str, ParameterRule]) -> dict[str, Any]:
    """Values for the free parameters that are surely valid, so that the gate can be asked about the rest."""
    return {
        name: rule.minimum if rule.kind is ParameterKind.INTEGER else next(iter(rule.choices), "")
        for name, rule in free.items()
    }


def _words(first: Decision) -> str:
    return f"{first.verb}: {first.detail}"
