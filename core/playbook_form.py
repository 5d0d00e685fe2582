"""A playbook from plain data, checked."""

from collections.abc import Mapping
from typing import Any

from core.errors import BadConfiguration
from core.form import read_form
from core.playbook import PARAMETER_VALUE, Playbook


def read_playbook(body: Mapping[str, Any], version: int, place: str = "playbook") -> Playbook:
    """A `Playbook` from its stored body."""
    if not isinstance(body, Mapping):
        raise BadConfiguration(f"{place}: expected a mapping at the top")
    lists = {key: list(value) for key, value in body.items() if isinstance(value, tuple | frozenset)}
    book: Playbook = read_form(Playbook, {**body, **lists, "version": version}, place)
    if not PARAMETER_VALUE.fullmatch(book.id):
        raise BadConfiguration(f"{place}.id: use letters, digits, dot, dash")
    if book.acts and book.tier not in (1, 2, 3):
        raise BadConfiguration(f"{place}.tier: an action has tier 1 (restart), 2 (capacity) or 3 (change)")
    return book
