"""Log files are read once each line, from every folder below the watched one and from nowhere else."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from core.log_file import CUT_MARK, LINE_BYTES_MAX
from engine import log_files
from ingest import log_folder, log_reader
from tests.engine.conftest import LogHouse


def add(path: Path, *lines: str, end: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write("\n".join(lines) + end)


async def test_new_files_and_new_folders_are_read_and_each_line_once(house: LogHouse) -> None:
    await house.round()
    add(house.folder / "shop.log", "2026-03-01T03:00:00Z ERROR one", "  at f()")
    await house.round()
    add(house.folder / "shop.log", "2026-03-01T03:00:01Z INFO two")
    add(house.folder / "deep" / "er" / "shop.log", "no time")
    await house.round(2)

    rows = await house.rows()
    assert [(r["text"], r["level"], r["follows"], r["file"]) for r in rows] == [
        ("2026-03-01T03:00:00Z ERROR one", "error", False, "shop.log"),
        ("  at f()", "none", True, "shop.log"),
        ("2026-03-01T03:00:01Z INFO two", "info", False, "shop.log"),
        ("no time", "none", False, "deep/er/shop.log"),
    ]
    assert rows[0]["at"].isoformat() == rows[1]["at"].isoformat() == "2026-03-01T03:00:00+00:00"
    assert abs((rows[3]["at"] - rows[3]["received_at"]).total_seconds()) < 5
    assert {(r["service"], r["environment"]) for r in rows} == {("shop", "test")}


async def test_only_wanted_names_are_read(house: LogHouse) -> None:
    house.watch(suffixes=[".log", ".out"], exclude=["debug*", "cache/*", "skipped"])
    for name in ("a.log", "b.OUT", "c.txt", "debug.log", "cache/d.log", "skipped/e.log", "f.log.gz", "g.log.tmp",
                 "h.log.part", ".i.log.swp", "j.log~", "k.log.crdownload", "l.log.filepart"):  # fmt: skip
        add(house.folder / name, name)
    (house.folder / "packed.log").write_bytes(b"\x1f\x8b\x08 compressed\n")
    await house.round(2)
    assert sorted(await house.texts()) == ["a.log", "b.OUT"]


async def test_a_file_renamed_from_a_temporary_name_is_new(house: LogHouse) -> None:
    add(house.folder / "upload.log.part", "one")
    await house.settle()
    assert await house.texts() == []
    (house.folder / "upload.log.part").rename(house.folder / "upload.log")
    await house.round()
    assert await house.texts() == ["one"]


async def test_no_link_leads_out_of_the_folder(house: LogHouse, tmp_path: Path) -> None:
    add(tmp_path / "outside" / "secret.log", "secret")
    (house.folder / "link.log").symlink_to(tmp_path / "outside" / "secret.log")
    (house.folder / "folder").symlink_to(tmp_path / "outside")
    (house.folder / "up").symlink_to("..")
    os.mkfifo(house.folder / "pipe.log")
    add(house.folder / "plain.log", "plain")
    (house.folder / "within.log").symlink_to("plain.log")
    await house.settle()
    assert await house.texts() == ["plain"]


@pytest.mark.parametrize("what", ["file", "folder", "other"])
async def test_what_is_swapped_between_looking_and_opening_is_not_read(
    house: LogHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    add(tmp_path / "outside" / "shop.log", "secret")
    add(house.folder / "in" / "shop.log", "plain")
    look = log_folder.scan

    def scan_then_swap(*args: object) -> object:
        found = look(*args)  # type: ignore[arg-type]
        if what == "folder":
            (house.folder / "in").rename(tmp_path / "aside")
            (house.folder / "in").symlink_to(tmp_path / "outside")
        else:
            (house.folder / "in" / "shop.log").rename(tmp_path / "aside")
            (house.folder / "in" / "shop.log").symlink_to(tmp_path / "outside" / "shop.log")
            if what == "other":
                (house.folder / "in" / "shop.log").unlink()
                os.link(tmp_path / "outside" / "shop.log", house.folder / "in" / "shop.log")
        monkeypatch.setattr(log_reader, "scan", look)
        return found

    monkeypatch.setattr(log_reader, "scan", scan_then_swap)
    await house.round()
    assert await house.texts() == []


async def test_a_folder_swapped_for_a_link_while_looking_is_not_entered(
    house: LogHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path / "outside" / "shop.log", "secret")
    add(house.folder / "in" / "shop.log", "plain")
    open_ = os.open

    def swap_then_open(path: str, flags: int, *args: object, **more: object) -> int:
        if path == "in" and not (house.folder / "in").is_symlink():
            (house.folder / "in").rename(tmp_path / "aside")
            (house.folder / "in").symlink_to(tmp_path / "outside")
        return open_(path, flags, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", swap_then_open)
    await house.round()
    assert await house.texts() == []
    [watch] = await house.query("SELECT faults FROM log_watches")
    assert "in cannot be read" in watch["faults"][0]


async def test_a_whole_file_counts_after_its_silence(house: LogHouse) -> None:
    house.watch(mode="whole")
    file = house.folder / "report.log"
    for n in range(3):
        add(file, f"line {n}")
        await house.round()
        await asyncio.sleep(0.15)
    assert await house.texts() == []
    add(file, "the last, without an end", end="")
    await house.settle()
    assert await house.texts() == ["line 0", "line 1", "line 2", "the last, without an end"]


async def test_a_line_without_an_end_waits_for_the_silence(house: LogHouse) -> None:
    file = house.folder / "shop.log"
    add(file, "whole", "half", end="")
    await house.round()
    assert await house.texts() == ["whole"]
    add(file, " done")
    await house.round()
    add(file, "never ended", end="")
    await house.settle()
    assert await house.texts() == ["whole", "half done", "never ended"]
    add(file, "", "next")
    await house.round()
    assert (await house.texts())[3:] == ["next"]


async def test_a_rotated_file_is_read_to_its_end_under_its_new_name(house: LogHouse) -> None:
    file, old = house.folder / "shop.log", house.folder / "shop.log.1"
    add(file, "one")
    await house.round()
    add(file, "two")
    file.rename(old)
    add(old, "three, by a writer that has it open")
    add(file, "four")
    await house.round()
    house.restart()
    add(old, "five")
    await house.round()
    shutil.move(old, house.folder / "shop.log.2")
    add(house.folder / "shop.log.2", "six")
    await house.round()
    assert sorted(await house.texts()) == sorted(
        ["one", "two", "three, by a writer that has it open", "four", "five", "six"]
    )
    assert {row["file"] for row in await house.rows()} == {"shop.log"}


async def test_a_truncated_file_begins_again(house: LogHouse) -> None:
    file = house.folder / "shop.log"
    add(file, "one", "two")
    await house.round()
    file.write_text("three\n")
    await house.round()
    file.write_text("")
    await house.round()
    add(file, "three")
    await house.round()
    assert await house.texts() == ["one", "two", "three", "three"]


async def test_a_rewrite_of_the_same_size_is_seen(house: LogHouse) -> None:
    file = house.folder / "shop.log"
    add(file, "one")
    await house.round()
    file.write_text("two\n")
    await house.round()
    file.write_text("six\nlonger than before\n")
    await house.round()
    assert await house.texts() == ["one", "two", "six", "longer than before"]


async def test_copytruncate_does_not_double_what_the_copy_holds(house: LogHouse) -> None:
    house.watch(suffixes=[])
    file = house.folder / "shop.log"
    add(file, *[f"line {n}" for n in range(100)])
    await house.round()
    shutil.copy(file, house.folder / "shop.log-20260301")
    file.write_text("after\n")
    await house.round()
    house.restart()
    await house.round()
    add(file, "later")
    await house.round()
    assert await house.texts() == [*[f"line {n}" for n in range(100)], "after", "later"]


async def test_a_reused_number_is_another_file(house: LogHouse) -> None:
    """A file system may give the number of a deleted file to the next one, whatever its name is."""
    file = house.folder / "shop.log"
    add(file, "one")
    await house.round()
    number = file.stat().st_ino
    file.rename(house.folder / "private.key")
    (house.folder / "private.key").write_text("SECRET KEY, longer than the log\n")
    assert (house.folder / "private.key").stat().st_ino == number
    await house.round(2)
    assert await house.texts() == ["one"]


async def test_strange_bytes_become_lines(house: LogHouse) -> None:
    (house.folder / "shop.log").write_bytes(
        b"\0" * 1000 + b"after a hole\n\xff\xfe no utf-8\nnul \0 inside\n" + b"x" * 1_000_000 + b" end\n\n\r\nlast\r\n"
    )
    await house.round()
    assert await house.texts() == [
        "after a hole", "\ufffd\ufffd no utf-8", "nul \ufffd inside", "x" * LINE_BYTES_MAX + CUT_MARK, "last",
    ]  # fmt: skip


@pytest.mark.parametrize("point", ["log_read", "log_stored", "log_committed"])
async def test_a_death_at_any_point_loses_and_doubles_nothing(house: LogHouse, point: str) -> None:
    await house.round()
    add(house.folder / "shop.log", *[f"{n}" for n in range(100)])
    with house.dying(point):
        await house.round()
    await house.round()
    assert await house.texts() == [f"{n}" for n in range(100)]


async def test_of_two_readers_only_one_stores_a_line(house: LogHouse) -> None:
    await house.round()
    first, second = house.watcher, log_files.LogWatcher(house)  # type: ignore[arg-type]
    await second.run()
    add(house.folder / "shop.log", "one")
    await first.run()
    with pytest.raises(Exception, match="Another process reads"):
        await second.run()
    add(house.folder / "shop.log", "two")
    await second.run()
    assert await house.texts() == ["one", "two"]


async def test_settings_change_while_it_runs(house: LogHouse, tmp_path: Path) -> None:
    add(house.folder / "a.log", "a1")
    add(house.folder / "b.txt", "b1")
    add(tmp_path / "more" / "c.log", "c1")
    await house.round()
    house.watch({"service": "cart", "folder": str(tmp_path / "more")}, suffixes=[".txt"])
    add(house.folder / "a.log", "a2")
    await house.round()
    assert sorted(await house.texts()) == ["a1", "b1", "c1"]
    assert await house.texts(service="cart") == ["c1"]

    house.watch()
    await house.round()
    assert (await house.texts())[-1] == "a2", "its place was kept"
    assert [row["service"] for row in await house.query("SELECT service FROM log_watches")] == ["shop"]


async def test_limits_are_said_and_the_rest_is_read(house: LogHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house.watch(files_max=3, folders_max=2)
    for n in range(5):
        add(house.folder / f"{n}.log", f"file {n}")
        add(house.folder / f"folder{n}" / "x.log", f"folder {n}")
    await house.round()
    assert len(await house.texts()) == 3
    [watch] = await house.query("SELECT files, faults FROM log_watches")
    assert watch["files"] == 3
    assert any("only 3 files" in fault for fault in watch["faults"])
    assert any("only 2 folders" in fault for fault in watch["faults"])


async def test_much_is_read_in_bounded_steps_and_in_turn(house: LogHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "PIECE_BYTES", LINE_BYTES_MAX * 2)
    monkeypatch.setattr(log_reader, "FILE_PIECES_MAX", 2)
    monkeypatch.setattr(log_files, "BATCH_LINES", 100)
    lines = [f"{n:06} " + "x" * 90 for n in range(5000)]
    for name in ("a", "b"):
        add(house.folder / f"{name}.log", *lines)
    await house.round()
    stored = {row["file"] for row in await house.rows()}
    assert stored == {"a.log", "b.log"}, "none waits for the end of the other"
    assert len(await house.rows()) < 2000
    assert max(row["lines"] for row in await house.query("SELECT lines FROM log_chunks")) < 400
    assert not [w for w in await house.query("SELECT began_at FROM log_watches") if w["began_at"]]
    await house.round(10)
    assert sorted(await house.texts()) == sorted(lines * 2)
    assert [w for w in await house.query("SELECT began_at FROM log_watches") if w["began_at"]]


async def test_of_a_large_backlog_only_the_end_is_read_and_that_is_said(house: LogHouse) -> None:
    house.watch(backlog_bytes_max=1000)
    add(house.folder / "shop.log", *[f"line {n:04}" for n in range(1000)])
    await house.round()
    texts = await house.texts()
    assert 90 < len(texts) <= 100
    assert texts[-1] == "line 0999"
    [watch] = await house.query("SELECT faults FROM log_watches")
    assert "only the last 1000 bytes of shop.log" in watch["faults"][0]
    add(house.folder / "new.log", *[f"line {n:04}" for n in range(1000)])
    await house.round()
    assert len(await house.texts()) == len(texts) + 1000, "what comes later is read whole"


async def test_a_folder_that_is_missing_is_told_and_read_once_it_is_there(house: LogHouse) -> None:
    house.folder.rmdir()
    await house.round()
    [watch] = await house.query("SELECT began_at, faults FROM log_watches")
    assert watch["began_at"] is None
    assert "No such file" in watch["faults"][0]
    add(house.folder / "shop.log", "one")
    await house.round()
    assert await house.texts() == ["one"]


async def test_a_forbidden_file_is_told(house: LogHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    add(house.folder / "shop.log", "one")
    add(house.folder / "free.log", "two")
    open_ = os.open

    def refuse(path: str, *args: object, **more: object) -> int:
        if path == "shop.log":
            raise PermissionError(13, "Permission denied")
        return open_(path, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    await house.round()
    assert await house.texts() == ["two"]
    [watch] = await house.query("SELECT faults FROM log_watches")
    assert watch["faults"] == ["shop.log cannot be read (Permission denied)"]
    long_ago = "SELECT 1 FROM log_watches WHERE seen_at < store.now() - interval '1 min'"
    await house.query("UPDATE log_watches SET seen_at = seen_at - interval '1 hour' RETURNING 1")
    house.restart()
    await house.round()
    assert await house.query(long_ago), "rules over it know nothing while a file is not read"
    monkeypatch.undo()
    await house.round()
    assert await house.texts() == ["two", "one"]
    assert not await house.query(long_ago)


async def test_what_is_too_old_or_too_much_goes_the_oldest_first(
    house: LogHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "FORGET_EVERY_S", 0.0)
    file = house.folder / "shop.log"
    for n in range(10):
        add(file, f"{n}" * 1000)
        await house.round()
    house.apply(log_store={"bytes_max": 3 * 1100})
    await house.round()
    assert [text[0] for text in await house.texts()] == ["7", "8", "9"]
    house.apply(log_store={"retention_s": 3600})
    await house.query(
        "UPDATE log_chunks SET received_at = received_at - interval '2 hours' WHERE id % 2 = 0 RETURNING 1"
    )
    await house.round()
    left = await house.texts()
    assert 0 < len(left) < 3
    house.apply(log_store={"retention_s": 0})
    await house.round()
    assert await house.texts() == []
