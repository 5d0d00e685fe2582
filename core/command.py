"""A command template: fixed words with typed slots, made into one line of which a remote shell can make one command.

An ssh server hands a single string to the account's shell, so each word is quoted; and what a slot takes is so narrow
that nothing in it would mean anything to a shell even without the quotes.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import BadInput
from core.plain_text import cut

WORD = re.compile(r"[A-Za-z0-9_@/.:][A-Za-z0-9_@/.:+-]{0,127}", re.ASCII)
PLAIN = re.compile(r"[\x20-\x7e]{1,256}", re.ASCII)
SLOT = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}", re.ASCII)
WORDS_MAX = 32
SHOWN_CHARS_MAX = 60


class SlotKind(StrEnum):
    """What a slot takes."""

    INTEGER = "integer"
    CHOICE = "choice"
    NAME = "name"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot. A name has no slash; a path is absolute and never climbs."""

    kind: SlotKind
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0

    def text(self, name: str, given: object) -> str:
        """The word for a value. Raises BadInput for a value that is not of this kind."""
        if self.kind is SlotKind.INTEGER:
            if isinstance(given, int) and not isinstance(given, bool) and self.minimum <= given <= self.maximum:
                return str(given)
            raise BadInput(f"{name} must be a whole number from {self.minimum} to {self.maximum}")
        if not isinstance(given, str):
            raise BadInput(f"{name} must be a short plain word")
        if self.kind is SlotKind.CHOICE:
            if given in self.choices:
                return given
            raise BadInput(f"{name} must be one of: {', '.join(self.choices)}")
        if not WORD.fullmatch(given):
            raise BadInput(f"{name} must be a short plain word")
        if self.kind is SlotKind.NAME and ("/" in given or given.startswith(".")):
            raise BadInput(f"{name} must be a name, not a path")
        if self.kind is SlotKind.PATH and (not given.startswith("/") or ".." in given.split("/")):
            raise BadInput(f"{name} must be an absolute path without '..'")
        return given


@dataclass(frozen=True, slots=True)
class Command:
    """A template. `changes` says that it does more than look; `hosts` are the hosts it may run on, none means all."""

    id: str
    argv: tuple[str, ...]
    slots: Mapping[str, Slot] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    changes: bool = False

    def fault(self) -> str:
        """What is wrong with the template itself, or an empty string."""
        if not 0 < len(self.argv) <= WORDS_MAX:
            return f"it needs 1 to {WORDS_MAX} words"
        if (bad := next((word for word in self.argv if not PLAIN.fullmatch(word)), None)) is not None:
            return f"{bad!r} is not a word of printable ASCII"
        if "{" in self.argv[0] or self.argv[0].startswith("-") or "=" in self.argv[0]:
            return "its first word names the program, without a slot"
        used = {name for word in self.argv for name in SLOT.findall(word)}
        if used != set(self.slots):
            return f"the slots in its words ({', '.join(sorted(used))}) are not those described"
        texts = [choice for slot in self.slots.values() for choice in slot.choices]
        if (bad := next((text for text in texts if not WORD.fullmatch(text)), None)) is not None:
            return f"the choice {bad!r} is not a short plain word"
        return ""

    def words(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """The words with every slot filled. Raises BadInput for a missing, odd or wrong value."""
        if odd := sorted(set(values) ^ set(self.slots)):
            raise BadInput(f"{', '.join(odd)}: {self.id} takes exactly {', '.join(sorted(self.slots)) or 'nothing'}")
        texts = {name: slot.text(name, values[name]) for name, slot in self.slots.items()}
        return tuple(SLOT.sub(lambda found: texts[found[1]], word) for word in self.argv)


def shell_line(words: tuple[str, ...]) -> str:
    """One line that a POSIX shell reads as exactly these words and nothing else.

    Raises BadInput for a word that is not printable ASCII, is empty, or has more than 256 characters.
    """
    if (bad := next((word for word in words if not PLAIN.fullmatch(word)), None)) is not None:
        raise BadInput(f"{cut(ascii(bad), SHOWN_CHARS_MAX)} is not a word of printable ASCII")
    return " ".join(map(shlex.quote, words))


_UNIT = {"unit": Slot(SlotKind.NAME)}
_LINES = Slot(SlotKind.INTEGER, minimum=1, maximum=500)

# What every host may be asked without further registration. None of these changes anything.
DIAGNOSTICS = (
    Command("uptime", ("uptime",)),
    Command("disk_space", ("df", "-P", "-k")),
    Command("inodes", ("df", "-P", "-i")),
    Command("memory", ("free", "-m")),
    Command("processes", ("ps", "-eo", "pid,ppid,stat,pcpu,pmem,etime,comm", "--sort=-pcpu")),
    Command("sockets", ("ss", "-s")),
    Command("listening", ("ss", "-ltn")),
    Command("clock", ("timedatectl", "show")),
    Command("kernel_messages", ("dmesg", "--level=err,warn")),
    Command("unit_status", ("systemctl", "--no-pager", "status", "--", "{unit}"), _UNIT),
    Command("failed_units", ("systemctl", "--no-pager", "--failed")),
    Command("unit_log", ("journalctl", "--no-pager", "--unit={unit}", "--lines={lines}"), {**_UNIT, "lines": _LINES}),
    Command("folder_size", ("du", "-x", "-k", "--max-depth=1", "--", "{path}"), {"path": Slot(SlotKind.PATH)}),
    Command("containers", ("docker", "ps", "--all")),
    Command(
        "container_log",
        ("docker", "logs", "--tail={lines}", "--", "{container}"),
        {"container": Slot(SlotKind.NAME), "lines": _LINES},
    ),
)  # fmt: skip
