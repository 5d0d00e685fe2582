"""Log files under any rotation and death: no complete line that lay there for a poll is lost, and none is doubled."""

import asyncio
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ingest import log_reader
from tests.engine.conftest import LogHouse, open_log_house
from tests.laws.size import law

POINTS = ("log_read", "log_stored", "log_committed")
STEPS = st.lists(
    st.sampled_from(
        [
            *[("append", count) for count in (1, 1, 2, 4)],
            *[("append to the rotated", count) for count in (1, 3)],
            *[("round", None)] * 4,
            *[(step, None) for step in ("rotate", "rotate", "truncate", "rewrite", "copytruncate", "copytruncate")],
            *[(step, None) for step in ("half", "restart", "delete", "new")],
            *[("die", point) for point in POINTS],
        ]
    ),
    max_size=25,
)


@dataclass
class Disk:
    """What a writer and a rotation do to the files, and which complete lines lie there."""

    folder: Path
    lines: dict[Path, list[str]] = field(default_factory=dict)
    halves: dict[Path, str] = field(default_factory=dict)
    known: set[Path] = field(default_factory=set)
    written: int = 0
    rotated: int = 0

    @property
    def live(self) -> Path:
        return self.folder / "shop.log"

    def append(self, path: Path, count: int) -> None:
        texts = []
        for _ in range(count):
            self.written += 1
            texts.append(f"line {self.written:06}")
        half = self.halves.pop(path, "")
        texts[0] = half + texts[0]
        with path.open("a") as file:
            file.write("\n".join(texts)[len(half) :] + "\n")
        self.lines.setdefault(path, []).extend(texts)

    def half(self, path: Path) -> None:
        self.written += 1
        text = f"half {self.written:06} "
        with path.open("a") as file:
            file.write(text)
        self.halves[path] = self.halves.get(path, "") + text

    def moved_to(self) -> Path:
        self.rotated += 1
        return self.folder / f"shop.log.{self.rotated}"

    def rotate(self) -> None:
        if self.live.exists():
            old = self.moved_to()
            self.live.rename(old)
            self.lines[old] = self.lines.pop(self.live, [])
            if self.live in self.halves:
                self.halves[old] = self.halves.pop(self.live)
            if self.live in self.known:
                self.known.remove(self.live)
                self.known.add(old)

    def truncate(self, text: str = "") -> None:
        self.live.write_text(text)
        self.lines[self.live] = []
        self.halves.pop(self.live, None)
        # Renamed before the next look, nobody can tell it from another file that got its number: it is left alone.
        self.known.discard(self.live)

    def rewrite(self) -> None:
        """As many bytes as before, all of them other ones."""
        count = len(self.lines.get(self.live, []))
        self.truncate()
        if count:
            self.append(self.live, count)

    def copytruncate(self) -> None:
        if self.live.exists():
            copy = self.moved_to()
            shutil.copyfile(self.live, copy)
            self.lines[copy] = self.lines.get(self.live, [])
            if self.live in self.halves:
                self.halves[copy] = self.halves.pop(self.live)
            self.truncate()

    def delete(self) -> None:
        for path in sorted(self.lines)[-1:]:
            path.unlink(missing_ok=True)
            self.lines.pop(path)
            self.halves.pop(path, None)
            self.known.discard(path)

    def complete(self, every_name: bool) -> set[str]:
        """What a poll that ends now has to have read: also of a file that was renamed after it was read."""
        for path, texts in self.lines.items():
            if texts and (every_name or path.suffix == ".log"):
                self.known.add(path)
        return {text for path, texts in self.lines.items() if path in self.known for text in texts}


async def live(house: LogHouse, folder: Path, steps: list[tuple[str, Any]], every_name: bool) -> None:
    disk, due = Disk(folder), set[str]()
    house.folder = folder
    house.watch(suffixes=[] if every_name else [".log"], settle_s=3600)
    house.restart()
    await house.query("DELETE FROM log_chunks RETURNING 1")
    for step, detail in steps:
        rotated = sorted(path for path in disk.lines if path != disk.live)
        if step == "append":
            disk.append(disk.live, detail)
        elif step == "append to the rotated" and rotated:
            disk.append(rotated[0], detail)
        elif step == "half":
            disk.half(disk.live)
        elif step == "new":
            disk.append(folder / "deep.log", 1)
        elif step in ("rotate", "truncate", "rewrite", "copytruncate", "delete"):
            if step == "copytruncate" and not every_name:
                disk.truncate()
            else:
                getattr(disk, step)()
        elif step == "restart":
            house.restart()
        elif step == "die":
            disk.append(disk.live, 1)
            with house.dying(detail):
                await house.round()
        elif step == "round":
            await house.round()
            due |= disk.complete(every_name)
    await house.round(2)
    due |= disk.complete(every_name)
    found = Counter(await house.texts())
    doubled = [text for text, times in found.items() if times > 1]
    assert not doubled, f"doubled {doubled}"
    assert not due - found.keys(), f"lost {sorted(due - found.keys())}"
    event(f"lines {min(len(found), 20) // 5 * 5}+")


@pytest.mark.slow
@pytest.mark.parametrize("every_name", [False, True])
def test_no_line_is_lost_or_doubled(database: Any, tmp_path: Path, every_name: bool, monkeypatch: Any) -> None:
    monkeypatch.setattr(log_reader, "PIECE_BYTES", 512)  # many pieces
    monkeypatch.setattr(log_reader, "FILE_PIECES_MAX", 1_000)
    numbers = iter(range(1_000_000))
    with asyncio.Runner() as runner:
        opening = open_log_house(database, tmp_path)
        house = runner.run(opening.__aenter__())
        try:

            @settings(law, suppress_health_check=list(HealthCheck))
            @given(STEPS)
            def holds(steps: list[tuple[str, Any]]) -> None:
                folder = tmp_path / str(next(numbers))
                folder.mkdir()
                runner.run(live(house, folder, steps, every_name))

            holds()
        finally:
            runner.run(opening.__aexit__(None, None, None))
