"""Inhibition: while a source alert fires, targets that agree with it in some labels are not told to people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.matcher import Matcher, all_match


@dataclass(frozen=True, slots=True)
class Inhibition:
    """The host is down (source), so its services' alerts (target) on the same host (equal) are no news."""

    id: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def key(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """What source and target must agree in; an absent label is an empty one."""
        return tuple(labels.get(name, "") for name in self.equal)


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires now."""

    identity: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inhibited:
    """By which rule, and by which alert."""

    inhibition_id: str
    source: str


@dataclass(frozen=True, slots=True)
class Inhibitors:
    """The sources of each rule, found once for many targets."""

    rules: tuple[Inhibition, ...] = ()
    sources: tuple[Mapping[tuple[str, ...], Sequence[Firing]], ...] = ()

    def of(self, target: Firing) -> Inhibited | None:
        """The first rule, in order, that holds this target back, and the source with the smallest identity.

        An alert that is source and target of a rule is only held back by a source that is no target of it: two such
        alerts would silence each other for ever. So none ever inhibits itself.
        """
        for rule, sources in zip(self.rules, self.sources, strict=True):
            if not all_match(rule.target, target.labels):
                continue
            both = all_match(rule.source, target.labels)
            for source in sources.get(rule.key(target.labels), ()):
                if not (both and all_match(rule.target, source.labels)):
                    return Inhibited(rule.id, source.identity)
        return None


def inhibitors(rules: Iterable[Inhibition], firing: Iterable[Firing]) -> Inhibitors:
    """Sort what fires into the rules that it is a source of."""
    wanted = tuple(sorted(rules, key=lambda rule: rule.id))
    alerts = sorted(firing, key=lambda alert: alert.identity)
    found: list[dict[tuple[str, ...], list[Firing]]] = []
    for rule in wanted:
        by_key: dict[tuple[str, ...], list[Firing]] = {}
        for alert in alerts:
            if all_match(rule.source, alert.labels):
                by_key.setdefault(rule.key(alert.labels), []).append(alert)
        found.append(by_key)
    return Inhibitors(wanted, tuple(found))
