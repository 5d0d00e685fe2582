"""A log file on its way into the store: which names count, where a line ends, and where reading goes on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

LINE_BYTES_MAX = 16 * 1024
HEAD_BYTES = 1024
TAIL_BYTES = 256
CUT_MARK = " […cut: a longer line]"

# What programs call a file that they have not finished, and what is no text any more.
TEMPORARY_ENDS = (
    ".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".opdownload", ".!ut", ".aria2",
    ".swp", ".swo", ".swx", ".lock", "~", "#",
)  # fmt: skip
TEMPORARY_BEGINS = (".", "~$", "#")
COMPRESSED_ENDS = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma", ".zip", ".7z", ".tgz", ".z", ".br")
COMPRESSED_MAGIC = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh", b"\x04\x22\x4d\x18", b"PK\x03\x04")


class NameReason(StrEnum):
    """Why a file is read, or is not."""

    WANTED = "wanted"
    TEMPORARY = "temporary"
    COMPRESSED = "compressed"
    EXCLUDED = "excluded"
    OTHER_SUFFIX = "other_suffix"


def judge_name(path: str, suffixes: Sequence[str], exclude: Sequence[str]) -> NameReason:
    """Judge a path below the watched folder (`/` between its parts). No suffix means every suffix."""
    name = path.rpartition("/")[2].lower()
    if name.endswith(TEMPORARY_ENDS) or name.startswith(TEMPORARY_BEGINS):
        return NameReason.TEMPORARY
    if name.endswith(COMPRESSED_ENDS):
        return NameReason.COMPRESSED
    if is_excluded(path, exclude):
        return NameReason.EXCLUDED
    if suffixes and not name.endswith(tuple(suffix.lower() for suffix in suffixes)):
        return NameReason.OTHER_SUFFIX
    return NameReason.WANTED


def is_excluded(path: str, exclude: Sequence[str]) -> bool:
    """Does an exclusion name this path, or its last part? A folder that is excluded is not entered."""
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path, pattern) or fnmatchcase(name, pattern) for pattern in exclude)


def may_be_copy(path: str, known: str) -> bool:
    """Could a rotation have named a copy of the file `known` so? Same folder, and the same first word."""
    folder, _, name = path.rpartition("/")
    known_folder, _, known_name = known.rpartition("/")
    return folder == known_folder and name.startswith(known_name.split(".", 1)[0])


@dataclass(frozen=True, slots=True)
class Split:
    """The lines of a piece of a file, how many bytes they took, and whether the piece ends inside a cut line."""

    lines: tuple[str, ...]
    taken: int
    in_cut: bool


def split_lines(data: bytes, *, in_cut: bool = False, take_rest: bool = False) -> Split:
    """Split a piece into whole lines; what follows the last line feed waits, unless it is too long or is taken.

    A line over 16 KiB is cut, with a mark; `in_cut` carries that over to the next piece. Empty lines are left out.
    Bytes that are no UTF-8, and NUL, become U+FFFD; NULs before a line, which a truncation leaves, are dropped.
    """
    whole, feed, rest = data.rpartition(b"\n")
    taken = len(whole) + len(feed)
    raw = whole.split(b"\n") if feed else []
    if in_cut and raw:
        raw, in_cut = raw[1:], False  # the end of the line that was cut
    if rest and (in_cut or take_rest or len(rest) > LINE_BYTES_MAX):
        taken = len(data)
        if not in_cut:
            raw.append(rest)
            # The line goes on in the next piece, unless there were only the NULs of a hole or its end was taken.
            in_cut = not take_rest and bool(rest.strip(b"\0"))
    return Split(tuple(text for line in raw if (text := _text(line))), taken, in_cut)


def _text(line: bytes) -> str:
    line = line.lstrip(b"\0").rstrip(b"\r\0")
    if len(line) > LINE_BYTES_MAX:
        return line[:LINE_BYTES_MAX].decode("utf-8", "replace").replace("\0", "\ufffd") + CUT_MARK
    return line.decode("utf-8", "replace").replace("\0", "\ufffd")


def fingerprint(head: bytes, tail: bytes) -> bytes:
    """Names what was read of a file: of the bytes before the place, the first 1,024 and the last 256."""
    return hashlib.sha256(len(head).to_bytes(4, "big") + head + tail).digest()[:16]


class Begin(StrEnum):
    """Where reading of a file begins, and why."""

    NEW = "new"
    GOES_ON = "goes_on"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    COPY = "copy"


def judge_begin(place: int, size: int, *, same: bool) -> Begin:
    """Decide about a file of which `place` bytes were read; `same`: they still are what they were."""
    if size < place:
        return Begin.TRUNCATED
    return Begin.GOES_ON if same else Begin.REWRITTEN
