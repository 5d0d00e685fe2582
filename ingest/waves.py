"""Waves: a group of deliveries split so that no wave holds an identity twice, with copies taken together."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from core.alert import Alert, Severity
from ingest.heard import Heard


class Word:
    """What was said of one identity, once or many times in a row: `copies` are the senders' numbers and what each said.

    The copies stay in their order, so that a thousand of them end as they would have one by one. The core finds how
    many of the first ones came too `late` to count, and when the alert `opens_at`.
    """

    __slots__ = ("content", "copies", "identity", "is_firing", "late", "opens_at", "turn")

    def __init__(self, heard: Heard, sender: int, turn: int) -> None:
        self.identity, self.content, self.is_firing = heard.identity, heard.content, heard.is_firing
        self.copies, self.turn, self.late = [(sender, heard)], turn, 0
        self.opens_at: datetime | None = None

    @property
    def alert(self) -> Alert:
        """What the last copy says, starting `opens_at` where that is known; of ends, the first that counts."""
        if not self.is_firing:
            return self.copies[self.late][1].alert
        alert = self.copies[-1][1].alert
        return alert if self.opens_at in (None, alert.starts_at) else replace(alert, starts_at=self.opens_at)

    @property
    def severities(self) -> set[Severity]:
        """Every severity that was said."""
        if len(self.copies) == 1:
            return {self.copies[0][1].severity}
        by_content = {copy.content: copy for _, copy in self.copies}
        return {copy.severity for copy in by_content.values()}

    def hear(self, heard: Heard, sender: int) -> None:
        """Take one more copy."""
        self.copies.append((sender, heard))
        self.content = heard.content


def waves(numbered: Iterable[tuple[int, Heard]]) -> list[list[Word]]:
    """Split, keeping the order of each identity.

    Copies are one word while the status stays the same: of an alert that fires on, only the last content counts, so
    that a body with a thousand versions of it costs no more than one.
    """
    said: dict[str, Word] = {}
    split: list[list[Word]] = []
    for number, heard in numbered:
        word = said.get(heard.identity)
        if word is not None and word.is_firing == heard.is_firing:
            word.hear(heard, number)
            continue
        turn = word.turn + 1 if word else 0
        said[heard.identity] = word = Word(heard, number, turn)
        if turn == len(split):
            split.append([])
        split[turn].append(word)
    return split
