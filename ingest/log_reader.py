"""Reads what is new in the files of a watched folder, piece by piece, and never more than is asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from core.log_file import COMPRESSED_MAGIC, Begin, Split, judge_begin, may_be_copy, split_lines
from core.log_line import level_of, time_of
from core.plain_text import storable
from core.site import LogFile, LogMode
from ingest.log_folder import Scan, Seen, fingerprint_at, opened, read_at, scan
from store.log_positions import Position
from store.logs import Chunk

PIECE_BYTES = 256 * 1024
FILE_PIECES_MAX = 16
ROUND_BYTES_MAX = 64 * 1024 * 1024
# A file that was written twice within one tick of its clock looks the same; so it is only left alone after a while.
SURE_S = 2.0
AHEAD_S_MAX = 86_400.0


@dataclass(frozen=True, slots=True)
class Piece:
    """What one read brought: the place after it, and the lines. `is_backlog`: they were there before the watch."""

    position: Position
    chunk: Chunk | None
    is_backlog: bool


@dataclass(slots=True)
class _Still:
    """Since when a file looks the same (monotonic seconds), and whether all of it was read."""

    changed: tuple[int, int, int]
    since: float
    is_done: bool = False


@dataclass
class LogReader:
    """The reader of one watch. What it knows beyond `positions` may be lost at any time without losing a line."""

    watch: LogFile
    positions: dict[str, Position]
    is_backlog: bool
    faults: list[str] = field(default_factory=list)
    files: tuple[str, ...] = ()
    is_behind: bool = False
    _still: dict[str, _Still] = field(default_factory=dict)
    _turns: dict[str, int] = field(default_factory=dict)
    _turn: int = 0

    def pieces(self, environment: str, received: float, clock: float) -> Iterator[Piece]:
        """One round. `received` is the time now (unix seconds), `clock` a monotonic one.

        After each piece `positions` holds its place, with the version before it: whoever stores a piece says `stored`.
        """
        found = scan(self.watch, {file: position.path for file, position in self.positions.items()})
        self._notice(found, clock)
        before = dict(self.positions)
        budget = ROUND_BYTES_MAX
        for seen in self._in_turn(found):
            if budget <= 0:
                self.is_behind = True
                return
            self._turns[seen.file] = self._turn
            try:
                for piece in self._read(seen, environment, received, clock, before):
                    budget -= PIECE_BYTES
                    yield piece
            except OSError as error:  # gone, renamed or forbidden; the next round sees what it is then
                if isinstance(error, PermissionError):
                    found.fault(f"{storable(seen.path)} cannot be read ({error.strerror})")

    def stored(self, positions: Mapping[str, Position]) -> None:
        """These were stored: the next ones follow them."""
        for file, position in positions.items():
            version = position.version + 1
            self.positions[file] = replace(self.positions[file], version=version)

    def _notice(self, found: Scan, clock: float) -> None:
        self.faults, self.files, self.is_behind = found.faults, tuple(found.files), False
        self._turn += 1
        for file, seen in found.files.items():
            still = self._still.get(file)
            if still is None or still.changed != seen.changed:
                self._still[file] = _Still(seen.changed, clock)
        for gone in self._still.keys() - found.files.keys():
            del self._still[gone]
            self._turns.pop(gone, None)

    def _in_turn(self, found: Scan) -> list[Seen]:
        """Unknown files first, since they may be copies of what is known; then whose turn is longest ago."""
        waiting = [seen for seen in found.files.values() if not self._still[seen.file].is_done]
        return sorted(waiting, key=lambda s: (s.file in self.positions, self._turns.get(s.file, 0), s.path))

    def _read(
        self, seen: Seen, environment: str, received: float, clock: float, before: Mapping[str, Position]
    ) -> Iterator[Piece]:
        still = self._still[seen.file]
        is_quiet = clock - still.since >= self.watch.settle_s
        if self.watch.mode is LogMode.WHOLE and not is_quiet:
            return
        with opened(self.watch.folder, seen) as handle:
            position = self._begin(handle, seen, before)
            if position is None:
                still.is_done = True
                return
            for _ in range(FILE_PIECES_MAX):
                data = read_at(handle, PIECE_BYTES, position.place)
                place, split = _split(position, data, seen.size, is_quiet)
                known = self.positions.get(seen.file)
                if place == position.place == (known.place if known else 0):
                    self.is_behind |= place + len(data) < seen.size and bool(data)
                    still.is_done = place >= seen.size and clock - still.since > SURE_S
                    return
                moved = replace(position, place=place, in_cut=split.in_cut, fingerprint=fingerprint_at(handle, place))
                position, chunk = self._chunk(moved, split.lines, environment, received)
                self.positions[seen.file] = position
                yield Piece(position, chunk, self.is_backlog)
                position = self.positions[seen.file]  # its version, where it was stored meanwhile
            self.is_behind = True

    def _begin(self, handle: int, seen: Seen, before: Mapping[str, Position]) -> Position | None:
        """The place to read from; None for a file that is not ours to read."""
        known = self.positions.get(seen.file)
        if known is None:
            return self._new(handle, seen, before)
        begin = judge_begin(known.place, seen.size, same=fingerprint_at(handle, known.place) == known.fingerprint)
        path = storable(seen.path) if seen.is_wanted else known.path
        if not seen.is_wanted and (begin is not Begin.GOES_ON or known.place == 0):
            return None  # another file got the number of one that was wanted
        if begin is Begin.GOES_ON:
            return replace(known, path=path)
        return replace(known, path=path, place=0, in_cut=False, last_at=None)

    def _new(self, handle: int, seen: Seen, before: Mapping[str, Position]) -> Position:
        path = storable(seen.path)
        new = Position(self.watch.watch, seen.file, path)
        for other in before.values():
            # A rotation copied it, or it lies on a device that has another number now: go on where the other ended.
            if (
                may_be_copy(path, other.path)
                and other.place <= seen.size
                and fingerprint_at(handle, other.place) == other.fingerprint
            ):
                return replace(new, place=other.place, in_cut=other.in_cut, last_at=other.last_at)
        if self.is_backlog and seen.size > self.watch.backlog_bytes_max:
            self.faults.append(f"only the last {self.watch.backlog_bytes_max} bytes of {path} were read at first")
            return replace(new, place=seen.size - self.watch.backlog_bytes_max, in_cut=True)
        return new

    def _chunk(
        self, position: Position, lines: tuple[str, ...], environment: str, received: float
    ) -> tuple[Position, Chunk | None]:
        """The lines with their times. A line without one belongs to the line before it; the first ones came now."""
        ats, follows, last_at = [], [], position.last_at
        for line in lines:
            own = time_of(line)
            at = own.timestamp() if own else None
            follows.append(at is None and last_at is not None)
            if at is not None and at <= received + AHEAD_S_MAX:
                last_at = at
            ats.append(received if last_at is None else last_at)
        moved = replace(position, last_at=last_at)
        if not lines:
            return moved, None
        levels = [level_of(line).value for line in lines]
        size = sum(map(len, lines))
        return moved, Chunk(self.watch.service, environment, position.path, ats, levels, follows, lines, size)


def _split(position: Position, data: bytes, size: int, is_quiet: bool) -> tuple[int, Split]:
    """The lines of a piece and the place after them. A compressed file has none, and is left alone as it is."""
    if position.place == 0 and data.startswith(COMPRESSED_MAGIC):
        return size, Split((), 0, False)
    # Only where nothing was added since the silence began: else a line may just be being written.
    take_rest = is_quiet and position.place + len(data) == size
    split = split_lines(data, in_cut=position.in_cut, take_rest=take_rest)
    return position.place + split.taken, split
