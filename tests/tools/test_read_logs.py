"""Log files are read from their ends, within their folder, by the time at the beginning of each line."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import Unavailable
from core.site import LogFile
from tools.read import logs
from tools.read.logs import FileLogs, LogLines, time_of

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def line(second: float, text: str) -> str:
    return f"{(NOW + timedelta(seconds=second)).isoformat().replace('+00:00', 'Z')} {text}\n"


async def read(folder: Path, start: float, end: float, service: str = "shop") -> LogLines:
    source = FileLogs([LogFile("shop", f"{folder}/shop-*.log")])
    return await source.lines(service, NOW + timedelta(seconds=start), NOW + timedelta(seconds=end))


def texts(answer: LogLines) -> list[str]:
    return [one.split(" ", 1)[1] for one in answer.lines]


async def test_lines_of_all_files_come_in_order_of_time_with_what_belongs_to_them(tmp_path: Path) -> None:
    (tmp_path / "shop-1.log").write_text(
        line(-9, "too early") + "  its trace\n" + line(-5, "ERROR one") + "  at f()\n\n  at g()\n" + line(5, "too late")
    )
    (tmp_path / "shop-2.log").write_text(line(-7, "two") + line(-1, "three"))
    (tmp_path / "pricing-1.log").write_text(line(-4, "of another service"))

    answer = await read(tmp_path, -8, 0)

    assert texts(answer) == ["two", "ERROR one\n  at f()\n  at g()", "three"]
    assert not answer.cut


async def test_no_file_leaves_its_folder_and_only_regular_files_are_opened(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (tmp_path / "secret").write_text(line(-1, "not for reading"))
    (folder / "shop-1.log").symlink_to(tmp_path / "secret")
    (folder / "shop-3.log").mkdir()
    os.mkfifo(folder / "shop-2.log")
    (folder / "shop-4.log").write_text(line(-1, "plain"))
    (folder / "shop-5.log").symlink_to(folder / "shop-4.log")

    assert texts(await read(folder, -8, 0)) == ["plain"]


async def test_only_the_tail_is_read_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_TAIL_BYTES_MAX", 1000)
    (tmp_path / "shop-1.log").write_text("".join(line(-100 + n, f"line {n}") for n in range(100)))

    early = await read(tmp_path, -100, 0)
    assert early.cut
    assert "only the last 4 MiB of shop-1.log were read" in early.reason
    assert texts(early)[-1] == "line 99"
    assert 20 < len(early.lines) < 40

    late = await read(tmp_path, -10, 0)
    assert len(late.lines) == 10
    assert not late.cut


async def test_a_flood_of_lines_is_bounded_and_the_newest_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LINES_MAX", 20)
    for name in ("shop-1", "shop-2"):
        (tmp_path / f"{name}.log").write_text("".join(line(-50 + n, f"line {n}") for n in range(50)))

    answer = await read(tmp_path, -50, 0)

    assert len(answer.lines) == 20
    assert answer.cut
    assert texts(answer)[-1] == "line 49"


async def test_no_lines_come_with_the_reason(tmp_path: Path) -> None:
    assert "no file matches" in (await read(tmp_path, -8, 0)).reason
    assert "no log file is named for cart" in (await read(tmp_path, -8, 0, "cart")).reason
    (tmp_path / "shop-1.log").write_text(line(-100, "old") + "no time at all\n")
    assert (await read(tmp_path, -8, 0)).reason == "no line with a time in that range"


async def test_files_that_cannot_be_read_are_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop-1.log").write_text(line(-1, "x"))

    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(Unavailable, match=r"shop-1.log cannot be read \(Permission denied\)"):
        await read(tmp_path, -8, 0)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T03:00:00.000Z x",
        "2026-11-21 03:00:00,000 x",
        "2026-11-21T04:00:00+01:00 x",
        "2026-11-21T04:00:00.000000+0100 x",
        "2026-11-21 03:00:00 x",
    ],
)
def test_the_usual_ways_to_write_a_time_are_understood(text: str) -> None:
    assert time_of(text) == NOW


def test_what_only_looks_like_a_time_is_none() -> None:
    assert time_of("2026-99-21T03:00:00Z x") is None
    assert time_of("at 2026-11-21T03:00:00Z") is None
