"""Regular expressions whose cost is linear in the text, whatever was written: automata, no backtracking.

The dialect is what label matchers need: literals, `.`, classes, groups, `|`, `* + ? {m,n}` and a leading `(?i)`. A
pattern is anchored at both ends. What it cannot say (look-around, back-references) is refused in words. (Thompson 1968)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from core.errors import BadInput

PATTERN_CHARS_MAX = 256
STATES_MAX = 500
GROUPS_DEEP_MAX = 10
REPEATS_MAX = 100
REMEMBERED_STEPS_MAX = 5_000

_SHORT = {"d": (("0", "9"),), "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")), "s": (("\t", "\r"), (" ", " "))}
_NAMED = {"n": "\n", "t": "\t", "r": "\r"}

Ranges = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Chars:
    """One character out of some ranges, or out of none of them."""

    ranges: Ranges
    negated: bool = False

    def holds(self, char: str, any_case: bool) -> bool:
        forms = {char, char.lower(), char.upper()} if any_case else {char}
        return any(low <= one <= high for one in forms for low, high in self.ranges) is not self.negated


@dataclass(frozen=True, slots=True)
class _Joined:
    parts: "tuple[_Node, ...]"


@dataclass(frozen=True, slots=True)
class _Either:
    parts: "tuple[_Node, ...]"


@dataclass(frozen=True, slots=True)
class _Repeated:
    part: "_Node"
    least: int
    most: int | None


_Node = _Chars | _Joined | _Either | _Repeated
# A state either takes a character and goes on to one state, or goes on to some states at once.
_State = tuple[_Chars | None, tuple[int, ...]]


@dataclass
class Pattern:
    """A compiled pattern. Steps that were taken once are remembered, up to a number; that changes no answer."""

    text: str
    any_case: bool
    states: list[_State]
    first: frozenset[int]
    _steps: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict)

    def matches(self, text: str) -> bool:
        """Does the whole text match?"""
        here = self.first
        for char in text:
            if not here:
                return False
            here = self._step(here, char)
        return 0 in here

    def _step(self, here: frozenset[int], char: str) -> frozenset[int]:
        found = self._steps.get((here, char))
        if found is None:
            reached = [go for at in here if (take := self.states[at][0]) and take.holds(char, self.any_case)
                       for go in self.states[at][1]]  # fmt: skip
            found = _closure(self.states, reached)
            if len(self._steps) >= REMEMBERED_STEPS_MAX:
                self._steps.clear()
            self._steps[here, char] = found
        return found


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """A pattern from its text. Raises BadInput: what is wrong, and where."""
    if len(text) > PATTERN_CHARS_MAX:
        raise BadInput(f"A pattern has at most {PATTERN_CHARS_MAX} characters; this one has {len(text)}.")
    any_case = text.startswith("(?i)")
    node = _Parser(text, 4 if any_case else 0).whole()
    if _size(node) > STATES_MAX:
        raise BadInput(f"The pattern {text[:60]!r} is too large: its repetitions make more than {STATES_MAX} states.")
    states: list[_State] = [(None, ())]
    start = _build(node, 0, states)
    return Pattern(text, any_case, states, _closure(states, [start]))


def _closure(states: list[_State], begin: Iterable[int]) -> frozenset[int]:
    """Every state that is reached without a character; only the ones that wait for one, and the end, count."""
    seen: set[int] = set()
    waiting = list(begin)
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            if states[at][0] is None:
                waiting.extend(states[at][1])
    return frozenset(at for at in seen if at == 0 or states[at][0] is not None)


def _size(node: _Node) -> int:
    if isinstance(node, _Chars):
        return 1
    if isinstance(node, _Repeated):
        return (_size(node.part) + 1) * max(node.most or node.least + 1, 1)
    return 1 + sum(_size(part) for part in node.parts)


def _build(node: _Node, then: int, states: list[_State]) -> int:
    """Add the states of a node that goes on to `then`; where it begins."""
    if isinstance(node, _Chars):
        states.append((node, (then,)))
    elif isinstance(node, _Joined):
        for part in reversed(node.parts):
            then = _build(part, then, states)
        return then
    elif isinstance(node, _Either):
        states.append((None, tuple(_build(part, then, states) for part in node.parts)))
    else:
        return _build_repeated(node, then, states)
    return len(states) - 1


def _build_repeated(node: _Repeated, then: int, states: list[_State]) -> int:
    if node.most is None:
        states.append((None, ()))
        loop = len(states) - 1
        states[loop] = (None, (_build(node.part, loop, states), then))
        then = loop
    for _ in range((node.most or node.least) - node.least):
        states.append((None, (_build(node.part, then, states), then)))
        then = len(states) - 1
    for _ in range(node.least):
        then = _build(node.part, then, states)
    return then


def _is_one(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


class _Parser:
    """Recursive descent over the text; every fault names its place."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.at, self.deep = text, at, 0
        self.at += text.startswith("^", at)  # anchored anyway
        ends = text.endswith("$") and (len(text) - len(text[:-1].rstrip("\\")) - 1) % 2 == 0
        self.end = len(text) - ends

    def whole(self) -> _Node:
        node = self.either()
        if self.at < self.end:
            raise self.fault("a closing bracket without an opening one")
        return node

    def either(self) -> _Node:
        parts = [self.joined()]
        while self.next_is("|"):
            parts.append(self.joined())
        return parts[0] if len(parts) == 1 else _Either(tuple(parts))

    def joined(self) -> _Node:
        parts: list[_Node] = []
        while self.at < self.end and self.text[self.at] not in "|)":
            parts.append(self.repeated(self.atom()))
        return _Joined(tuple(parts))

    def repeated(self, node: _Node) -> _Node:
        if self.next_is("*"):
            node = _Repeated(node, 0, None)
        elif self.next_is("+"):
            node = _Repeated(node, 1, None)
        elif self.next_is("?"):
            node = _Repeated(node, 0, 1)
        elif self.next_is("{"):
            node = _Repeated(node, *self.times())
        else:
            return node
        self.next_is("?")  # a lazy repetition matches the same whole texts
        if self.at < self.end and self.text[self.at] in "*+?{":
            raise self.fault("a repetition of a repetition; put the inner one into a group")
        return node

    def times(self) -> tuple[int, int | None]:
        inside, bracket, _ = self.text[self.at : self.end].partition("}")
        low, comma, high = inside.partition(",")
        if not bracket or not low.isascii() or not low.isdigit() or (high and not (high.isascii() and high.isdigit())):
            raise self.fault("a repetition is {3}, {3,} or {3,5}; a literal bracket is written \\{")
        least = int(low[:4])
        most = (int(high[:4]) if high else None) if comma else least
        if max(least, most or 0) > REPEATS_MAX or (most is not None and most < least):
            raise self.fault(f"a repetition counts from small to large, at most {REPEATS_MAX}")
        self.at += len(inside) + 1
        return least, most

    def atom(self) -> _Node:
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return self.chars()
        if char == "\\":
            return self.escape()
        if char == ".":
            return _Chars((), negated=True)
        if char in "*+?{":
            raise self.fault("nothing to repeat here", -1)
        if char in "^$":
            raise self.fault("the whole text is matched anyway; a literal one is written with a backslash", -1)
        return _Chars(((char, char),))

    def group(self) -> _Node:
        if self.next_is("?") and not self.next_is(":"):
            raise self.fault("only (?:...) and a leading (?i) are known; no look-around, no names")
        self.deep += 1
        if self.deep > GROUPS_DEEP_MAX:
            raise self.fault(f"groups are at most {GROUPS_DEEP_MAX} deep")
        node = self.either()
        if not self.next_is(")"):
            raise self.fault("a group that is never closed")
        self.deep -= 1
        return node

    def escape(self) -> _Chars:
        char = self.take()
        if char.lower() in _SHORT:
            return _Chars(_SHORT[char.lower()], negated=char.isupper())
        literal = _NAMED.get(char, char)
        if literal == char and (char.isalnum() or not char.isascii()):
            raise self.fault(f"\\{char} is not known here", -1)
        return _Chars(((literal, literal),))

    def chars(self) -> _Chars:
        negated, ranges, begin = self.next_is("^"), list[tuple[str, str]](), self.at
        while not (self.at > begin and self.next_is("]")):
            low = self.member()
            if _is_one(low) and self.text[self.at : self.at + 1] == "-" and self.text[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self.member()
                if not _is_one(high) or high[0][0] < low[0][0]:
                    raise self.fault("a range goes from one character up to another")
                low = ((low[0][0], high[0][0]),)
            ranges.extend(low)
        return _Chars(tuple(ranges), negated)

    def member(self) -> Ranges:
        char = self.take()
        if char != "\\":
            return ((char, char),)
        found = self.escape()
        if found.negated:
            raise self.fault("inside [...] only \\d, \\w and \\s are known")
        return found.ranges

    def take(self) -> str:
        if self.at >= self.end:
            raise self.fault("it ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def next_is(self, char: str) -> bool:
        found = self.at < self.end and self.text[self.at] == char
        self.at += found
        return found

    def fault(self, said: str, back: int = 0) -> BadInput:
        return BadInput(f"The pattern {self.text[:60]!r} cannot be used: {said} (at character {self.at + back + 1}).")
