"""Which playbooks could be carried out here at all, so that nobody is asked for what no hand can do."""

from collections.abc import Iterable, Iterator

from core.hand import hand_for
from core.playbook import Playbook
from tools.act.inventory import Inventory, fill_parameters


def in_reach(books: Iterable[Playbook], inventory: Inventory, service: str) -> Iterator[list[Playbook]]:
    """Three choices, the best first: what can be sent as it is, what is only short of a parameter, and everything.

    What does not act is in all of them.
    """
    every = list(books)
    filled = {book.id: fill_parameters(book, inventory, service) for book in every}
    handy = [b for b in every if not b.acts or hand_for(inventory.site, b.action, service, filled[b.id])]
    yield [book for book in handy if not book.acts or set(filled[book.id]) == set(book.parameters)]
    yield handy
    yield every
