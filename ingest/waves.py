"""Waves: a group of deliveries split so that no wave holds an identity twice, with exact copies taken together."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.alert import Alert, content_hash


@dataclass(slots=True)
class Word:
    """What was said of one identity, once or many times in a row; `senders` has a number for each copy."""

    alert: Alert
    content: str
    senders: list[int]

    def hear(self, alert: Alert, sender: int) -> None:
        """Take one more copy. The latest times win: what opens or ends by any of the copies, opens or ends by all."""
        self.senders.append(sender)
        starts_at = max(self.alert.starts_at, alert.starts_at)
        ends = [moment for moment in (self.alert.ends_at, alert.ends_at) if moment is not None]
        ends_at = max(ends, default=None)
        if (starts_at, ends_at) != (self.alert.starts_at, self.alert.ends_at):
            self.alert = replace(self.alert, starts_at=starts_at, ends_at=ends_at)


def waves(numbered: Iterable[tuple[int, Alert]]) -> list[list[Word]]:
    """Split, keeping the order of each identity. Copies are one word only while nothing else was said in between."""
    said: dict[str, list[Word]] = defaultdict(list)
    split: dict[int, list[Word]] = defaultdict(list)
    for number, alert in numbered:
        content = content_hash(alert)  # the status is part of it
        words = said[alert.identity]
        if words and words[-1].content == content:
            words[-1].hear(alert, number)
            continue
        words.append(Word(alert, content, [number]))
        split[len(words)].append(words[-1])
    return list(split.values())
