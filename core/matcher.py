"""Label matchers: `service=cart`, `severity!=info`, `alertname=~Disk.*`, `pod!~canary-.*`. A set matches if all do."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import BadInput
from core.pattern import compile_pattern

MATCHERS_MAX = 20
VALUE_CHARS_MAX = 1_024
_FORM = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.:/-]{0,127}?)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)


class Operator(StrEnum):
    """How a label is compared; patterns match the whole value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LIKE = "=~"
    UNLIKE = "!~"


class Breadth(StrEnum):
    """How much a set of matchers can match; only narrow ones are taken without a word more."""

    NARROW = "narrow"
    EVERYTHING = "everything"
    NO_EQUALITY = "no_equality"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison. A label that is absent counts as empty."""

    label: str
    operator: Operator
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Does this comparison hold?"""
        have = labels.get(self.label, "")
        if self.operator in (Operator.EQUAL, Operator.NOT_EQUAL):
            return (have == self.value) is (self.operator is Operator.EQUAL)
        return compile_pattern(self.value).matches(have[:VALUE_CHARS_MAX]) is (self.operator is Operator.LIKE)

    def __str__(self) -> str:
        # What would be read as something else stands in quotes: a value may be the name of a stranger's alert.
        is_plain = self.value.strip() == self.value and not self.value.startswith(("~", '"'))
        return f"{self.label}{self.operator}" + (self.value if is_plain else f'"{self.value}"')


def read_matcher(text: str) -> Matcher:
    """A matcher from its text; the value may stand in double quotes. Raises BadInput."""
    found = _FORM.fullmatch(text)
    if not found:
        raise BadInput(
            f"{text[:80]!r} is not a matcher: write label=value, label!=value, label=~regex or label!~regex."
        )
    label, operator, value = found.groups()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if len(value) > VALUE_CHARS_MAX:
        raise BadInput(f"The value of the matcher on {label} has more than {VALUE_CHARS_MAX} characters.")
    matcher = Matcher(label, Operator(operator), value)
    if matcher.operator in (Operator.LIKE, Operator.UNLIKE):
        compile_pattern(value)
    return matcher


def read_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """A set of matchers, at most MATCHERS_MAX. Raises BadInput."""
    found = tuple(read_matcher(text) for text in texts)
    if len(found) > MATCHERS_MAX:
        raise BadInput(f"At most {MATCHERS_MAX} matchers are taken; these are {len(found)}.")
    return found


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Do all of them hold?"""
    return all(matcher.matches(labels) for matcher in matchers)


def breadth(matchers: Iterable[Matcher]) -> Breadth:
    """Is there at least one equality with something? Without one, a typing error may match the whole world."""
    given = tuple(matchers)
    if any(one.operator is Operator.EQUAL and one.value for one in given):
        return Breadth.NARROW
    return Breadth.NO_EQUALITY if given else Breadth.EVERYTHING
