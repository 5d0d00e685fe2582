"""A watched folder: what lies in it, found and opened so that no link leads out of it."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from core.log_file import HEAD_BYTES, TAIL_BYTES, NameReason, fingerprint, is_excluded, judge_name
from core.site import LogFile

DEPTH_MAX = 16
ENTRIES_MAX = 50_000
FAULTS_MAX = 5
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it lay there: identity, path below the folder, size, and what changes whenever it is written."""

    file: str
    path: str
    size: int
    changed: tuple[int, int, int]
    is_wanted: bool


@dataclass
class Scan:
    """Everything that is to be read, and what kept us from seeing more."""

    files: dict[str, Seen] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    folders: int = 0
    entries: int = 0

    def fault(self, said: str) -> None:
        """Say it once, and not too often."""
        if said not in self.faults and len(self.faults) < FAULTS_MAX:
            self.faults.append(said)


def scan(watch: LogFile, known: Mapping[str, str]) -> Scan:
    """Look through a folder. A file that is `known` (by the path it had) is followed under any name it is given."""
    found = Scan()
    try:
        handle = os.open(watch.folder, _FOLDER)
    except OSError as error:
        found.fault(f"{watch.folder} cannot be read ({error.strerror})")
        return found
    try:
        _enter(watch, known, handle, "", found, 0)
    finally:
        os.close(handle)
    return found


def _enter(watch: LogFile, known: Mapping[str, str], handle: int, prefix: str, found: Scan, depth: int) -> None:
    found.folders += 1
    folders = []
    with os.scandir(handle) as entries:
        for entry in entries:
            found.entries += 1
            if found.entries > ENTRIES_MAX:
                found.fault(f"only {ENTRIES_MAX} entries of {watch.folder} were looked at")
                break
            path = prefix + entry.name
            with suppress(OSError):  # gone since it was listed
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    _note(watch, known, path, entry.stat(follow_symlinks=False), found)
    for name in sorted(folders):
        if is_excluded(prefix + name, watch.exclude):
            continue
        if found.folders >= watch.folders_max or depth >= DEPTH_MAX:
            found.fault(f"only {watch.folders_max} folders, {DEPTH_MAX} deep, of {watch.folder} are watched")
            return
        try:
            # A folder that became a link since it was listed is refused here.
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
        except OSError as error:
            found.fault(f"{prefix}{name} cannot be read ({error.strerror})")
            continue
        try:
            _enter(watch, known, inner, f"{prefix}{name}/", found, depth + 1)
        finally:
            os.close(inner)


def _note(watch: LogFile, known: Mapping[str, str], path: str, status: os.stat_result, found: Scan) -> None:
    file = file_id(status)
    is_wanted = judge_name(path, watch.suffixes, watch.exclude) is NameReason.WANTED
    if file in found.files:
        return  # a second name of the same file
    if not is_wanted:
        # It was wanted under the name it had: a rotation renamed it, and its end may not be read yet.
        before = known.get(file)
        if before is None or is_excluded(path, watch.exclude):
            return
        if judge_name(before, watch.suffixes, watch.exclude) is not NameReason.WANTED:
            return
    if len(found.files) >= watch.files_max:
        found.fault(f"only {watch.files_max} files of {watch.folder} are watched")
        return
    found.files[file] = Seen(file, path, status.st_size, _changed(status), is_wanted)


@contextmanager
def opened(folder: str, seen: Seen) -> Iterator[int]:
    """A handle of the very file that was seen. Raises OSError where it is gone, moved, or something else by now.

    Every step of the path is opened by itself, below the one before it, and no step may be a link.
    """
    handles = [os.open(folder, _FOLDER)]
    try:
        *steps, name = seen.path.split("/")
        for step in steps:
            handles.append(os.open(step, _FOLDER | os.O_NOFOLLOW, dir_fd=handles[-1]))
        handles.append(os.open(name, _FILE, dir_fd=handles[-1]))
        status = os.fstat(handles[-1])
        if not stat.S_ISREG(status.st_mode) or file_id(status) != seen.file:
            raise FileNotFoundError(f"{seen.path} is another file by now")
        yield handles[-1]
    finally:
        for handle in reversed(handles):
            os.close(handle)


def file_id(status: os.stat_result) -> str:
    """Device and inode: the same under every name."""
    return f"{status.st_dev:x}:{status.st_ino:x}"


def fingerprint_at(handle: int, place: int) -> bytes:
    """Names the bytes of an open file before a place."""
    head = read_at(handle, min(place, HEAD_BYTES), 0)
    tail = read_at(handle, min(place, TAIL_BYTES), max(place - TAIL_BYTES, 0))
    return fingerprint(head, tail)


def read_at(handle: int, count: int, place: int) -> bytes:
    """So many bytes from a place, fewer only at the end of the file."""
    parts = []
    while count > 0 and (part := os.pread(handle, count, place)):
        parts.append(part)
        count -= len(part)
        place += len(part)
    return b"".join(parts)


def _changed(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
